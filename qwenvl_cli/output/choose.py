"""Which writer fits: JSON if asked for, Markdown on a terminal that can redraw, else plain text."""

from typing import Protocol

from qwenvl_cli.console import Screen
from qwenvl_cli.output.json import JsonWriter
from qwenvl_cli.output.text import TextWriter
from qwenvl_cli.results import Record


class Writer(Protocol):
    """Takes the pieces of an answer and then its record."""

    def header(self, path: str) -> None:
        """Name the file that the next answer is about."""

    def piece(self, text: str) -> None:
        """Take more text."""

    def end(self, record: Record) -> None:
        """Finish an answer."""

    def fail(self, record: Record) -> None:
        """Finish an answer that an error ended."""

    def cut(self) -> None:
        """Put stdout in order after an interruption."""


def choose_writer(screen: Screen, *, json: bool, stream: bool) -> Writer:
    """Return the writer for this screen; rich is imported only where it is used."""
    if json:
        return JsonWriter(screen)
    if screen.smart and stream:
        from qwenvl_cli.output.terminal import MarkdownWriter

        return MarkdownWriter(screen)
    return TextWriter(screen, stream=stream)
