"""JSON lines: one record per answer or failure, on stdout."""

from qwenvl_cli.console import Screen
from qwenvl_cli.results import Record


class JsonWriter:
    """Writes each record on a line of its own when it is complete."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def header(self, path: str) -> None:
        """Nothing: the record names its media."""

    def piece(self, text: str) -> None:
        """Nothing: the record holds the whole text."""

    def end(self, record: Record) -> None:
        """Write the record."""
        self._screen.write(record.to_json() + "\n")

    def fail(self, record: Record) -> None:
        """Write the record of a failure, so that every item asked for has a line."""
        self._screen.write(record.to_json() + "\n")

    def cut(self) -> None:
        """Nothing: no half record is ever written."""
