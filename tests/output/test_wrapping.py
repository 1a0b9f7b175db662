"""Line breaks: no line too wide, no wide character cut, no line that begins with a full stop."""

import random

import pytest

from qwenvl_cli.console import cell_width
from qwenvl_cli.output.wrapping import break_points


def lines(text: str, width: int) -> list[str]:
    """Return the wrapped lines without trailing blanks."""
    points = break_points(text, width)
    return [text[a:b].rstrip() for a, b in zip([0, *points], [*points, len(text)], strict=True)]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("a red apple", 6, ["a red", "apple"]),
        ("a red apple", 5, ["a red", "apple"]),
        ("a red apple", 20, ["a red apple"]),
        ("incomprehensible", 5, ["incom", "prehe", "nsibl", "e"]),
        ("红色的苹果", 4, ["红色", "的苹", "果"]),
        ("红色的苹果", 5, ["红色", "的苹", "果"]),
        ("红色的苹果。", 10, ["红色的苹", "果。"]),
        ("两个（红的）", 6, ["两个", "（红", "的）"]),
        ("图中有 Python 的标志", 12, ["图中有", "Python 的标", "志"]),
        ("one\ntwo three", 5, ["one", "two", "three"]),
        ("", 5, [""]),
    ],
)
def test_worked_examples(text: str, width: int, expected: list[str]) -> None:
    """English at spaces, Chinese anywhere, punctuation with what it follows."""
    assert lines(text, width) == expected


def test_no_line_is_too_wide_and_nothing_is_lost() -> None:
    """Over random mixtures of narrow, wide, combining and blank characters."""
    chance = random.Random(5)
    for _ in range(500):
        text = "".join(chance.choices("ab c，。（）苹果かな한글e\u0301😀.\n", k=chance.randint(1, 60)))
        width = chance.randint(2, 12)
        points = break_points(text, width)
        assert points == sorted(set(points))
        assert all(cell_width(line) <= width for line in lines(text, width))
