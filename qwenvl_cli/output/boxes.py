"""Boxes as lines of text: four numbers and what is in them, for people and for cut, awk and read alike."""

from qwenvl_cli.console import Screen, clean
from qwenvl_cli.results import LocatedBox, Record


def line(box: LocatedBox) -> str:
    """Write one box.

    >>> line(LocatedBox((28, 56, 112, 168), "red star"))
    '28 56 112 168 red star'
    """
    return " ".join([*map(str, box.bbox), " ".join(clean(box.label).split())]).rstrip()


class BoxWriter:
    """Writes the boxes of a record when all of them are known."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def header(self, path: str) -> None:
        """Nothing: there is one picture."""

    def piece(self, text: str) -> None:
        """Nothing: the answer is in the network's own pixels."""

    def end(self, record: Record) -> None:
        """Write a line for each box; say aside where there is none, so that stdout stays empty."""
        for box in record.boxes or ():
            self._screen.write(line(box) + "\n")
        if not record.boxes:
            self._screen.note("nothing of that kind was found")

    def fail(self, record: Record) -> None:
        """Nothing: the error is told on stderr."""

    def cut(self) -> None:
        """Nothing was begun."""
