"""The program without its process: the commands, and the one boundary at which every error becomes an exit code."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from qwenvl_cli.commands.ask import ask
from qwenvl_cli.commands.batch import batch
from qwenvl_cli.commands.bench import bench
from qwenvl_cli.commands.chat import chat
from qwenvl_cli.commands.describe import describe
from qwenvl_cli.commands.doctor import doctor
from qwenvl_cli.commands.hub import models
from qwenvl_cli.commands.locate import locate
from qwenvl_cli.environment import Environment
from qwenvl_cli.errors import CliError, ExitCode, UsageError, explain

PROGRAM = "qwenvl"
EXIT_CODES = (
    "Exit codes: 0 ok, 1 error, 2 wrong usage, 3 some files failed, 4 bad picture or clip, 5 model missing or invalid, "
    "6 out of memory, 7 answer failed its constraint, 130 interrupted, 141 output closed."
)


_NUMBERS: dict[Any, str] = {int: "[0-9]{1,18}", float: r"[0-9]{1,15}(\.[0-9]{1,15})?"}


def plain_value(kind: Any, value: Any) -> Any:
    """Convert what needs no judgement; NotImplemented for everything else, which is Typer's.

    >>> plain_value(int, "12"), plain_value(float, "0.5"), plain_value(Literal["a", "b"], "b"), plain_value(int, "x")
    (12, 0.5, 'b', NotImplemented)
    """
    if kind == list[str]:
        plain = value is None or (isinstance(value, list | tuple) and all(type(item) is str for item in value))
        return list(value or ()) if plain else NotImplemented
    if value is None or type(value) is kind or (get_origin(kind) is Literal and value in get_args(kind)):
        return value
    if isinstance(value, str) and kind in _NUMBERS and re.fullmatch(_NUMBERS[kind], value):
        return kind(value)
    return NotImplemented


class PlainValues:
    """What converts the value of one flag or argument. Typer's own way imports pydantic for that, a tenth of a second
    even where no flag is given; it is only asked about what is not plain, such as a wrong number.
    """

    def __init__(self, param: Any) -> None:
        self._ask_typer = param.get_runtime_param
        declared = param.type_descriptor
        judged = any(getattr(declared.parameter_info, rule, None) is not None for rule in ("parser", "min", "max"))
        self._kind = None if judged else declared.annotation

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """Return the value as the type that the command declares."""
        plain = plain_value(self._kind, value)
        return self._ask_typer().coerce(value, param=param, ctx=ctx) if plain is NotImplemented else plain


def quick(params: Sequence[Any]) -> None:
    """Spare the flags and arguments of a command Typer's slow import, where this Typer has it."""
    for param in params:
        if getattr(param, "is_flag", False) and param.default is None:
            param.default = False  # Typer would have to learn that a flag such as --help, with no default, is no bool
        if hasattr(param, "get_runtime_param") and "_plain" not in vars(param):
            param._plain = PlainValues(param)
            param.get_runtime_param = lambda plain=param._plain: plain


class PanelCommand(TyperCommand):
    """A command whose plain help groups the flags; Typer's own grouping imports half of rich, which takes as long again
    as all the rest.
    """

    def get_params(self, ctx: Any) -> Any:
        """Return the flags and arguments, those that need it made quick."""
        params = super().get_params(ctx)
        quick(params)
        return params

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section per panel, in the order in which the flags are declared."""
        panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            default = "Arguments" if param.param_type_name == "argument" else "Other"
            if record is not None:
                panels[getattr(param, "rich_help_panel", None) or default].append(record)
        for title, rows in sorted(panels.items(), key=lambda panel: panel[0] == "Other"):
            with formatter.section(title):
                formatter.write_dl(rows, col_max=34)


class QuickGroup(TyperGroup):
    """The group of commands."""

    def get_params(self, ctx: Any) -> Any:
        """Return the group's own flags, made quick."""
        params = super().get_params(ctx)
        quick(params)
        return params


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"{PROGRAM} {version(PROGRAM)}")
        except PackageNotFoundError:
            typer.echo(f"{PROGRAM} (not installed)")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Caption pictures and videos with Qwen2.5-VL, on this machine, offline."""


def build() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        name=PROGRAM,
        cls=QuickGroup,
        epilog=EXIT_CODES,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for command in (describe, ask, chat, locate, batch, bench, doctor):
        app.command(cls=PanelCommand)(command)
    app.add_typer(models)
    return app


def run(env: Environment) -> int:
    """Run one command line and return its exit code; nothing but a bug in this function can raise."""
    command = get_command(build())
    argv = list(env.argv) or ["--help"]
    env.screen.traceback = "--traceback" in env.argv
    try:
        if f"_{PROGRAM.upper()}_COMPLETE" in os.environ:
            command.main(args=argv, prog_name=PROGRAM)
        with command.make_context(PROGRAM, argv, obj=env) as context:
            command.invoke(context)
        env.screen.stdout.flush()
    except BaseException as error:
        return _finish(env, error)
    return ExitCode.OK


def _finish(env: Environment, error: BaseException) -> int:
    """Report an error and return its exit code; a reader that went away is no news to anybody."""
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else ExitCode.RUNTIME
    if isinstance(error, BrokenPipeError):
        return ExitCode.CLOSED_PIPE
    told = _usage(error) or explain(error)
    try:
        env.screen.error(told)
    except BrokenPipeError:
        return ExitCode.CLOSED_PIPE
    return int(told.exit_code)


def _usage(error: BaseException) -> CliError | None:
    """Turn an error of Typer's parser, known by its `format_message`, into ours."""
    speak: Any = getattr(error, "format_message", None)
    if not callable(speak):
        return None
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    message = " ".join(str(speak()).split()).rstrip(".")
    return UsageError(message[:1].lower() + message[1:], f"{path} --help lists what is possible")
