"""What a command runs in: its screen, its arguments and a way to get an engine. Built in `main`, replaced in tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from qwenvl_cli.console import Screen
from qwenvl_cli.options import ModelOptions, OutputOptions

if TYPE_CHECKING:
    from qwenvl_cli.engine import Engine


@dataclass
class Environment:
    """Handed to every command as Typer's context object."""

    screen: Screen
    argv: Sequence[str]
    make_engine: Callable[[ModelOptions], "Engine"]

    def configure(self, output: OutputOptions) -> Screen:
        """Let the flags decide how much the screen says, and return it."""
        self.screen.quiet, self.screen.verbose, self.screen.traceback = output.quiet, output.verbose, output.traceback
        return self.screen


def environment(context: typer.Context) -> Environment:
    """Return the environment of a running command."""
    if not isinstance(context.obj, Environment):
        raise RuntimeError("commands run inside an Environment")
    return context.obj


def local_engine(options: ModelOptions) -> "Engine":
    """Make the engine of a real run; the import waits until a model is wanted."""
    from qwenvl_cli.engine import LocalEngine

    return LocalEngine(options)
