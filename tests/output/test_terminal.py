"""Markdown on a terminal, seen through an emulator: what has scrolled away is whole, and nothing is shown twice."""

import io

import pytest

from qwenvl_cli.console import Screen, cell_width
from qwenvl_cli.output import terminal
from qwenvl_cli.output.terminal import MarkdownWriter
from tests.output.emulator import Emulator


def show(text: str, width: int = 40, height: int = 10, env: dict[str, str] | None = None, piece: int = 3) -> Emulator:
    """Stream a text to a terminal and return what it shows; checks after every piece that the screen is in order."""
    out = io.StringIO()
    screen = Screen(io.BytesIO(), out, io.StringIO(), env or {}, stdout_tty=True, size=(width, height))
    writer, emulator, seen = MarkdownWriter(screen), Emulator(width, height), 0
    for at in range(0, len(text), piece):
        writer.piece(text[at : at + piece])
        emulator.feed(out.getvalue()[seen:])
        seen = len(out.getvalue())
    writer.end()
    emulator.feed(out.getvalue()[seen:])
    assert emulator.cursor_shown
    return emulator


@pytest.fixture(autouse=True)
def _redraw_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "REDRAW_S", 0.0)
    monkeypatch.setattr(terminal, "DRAWING_SHARE", 1e9)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_blocks_are_rendered_and_apart() -> None:
    """Marks of Markdown are gone, blocks have one blank line between them."""
    assert show("A **red** apple.\n\n- one\n- two\n\nEnd").lines == ["A red apple.", "", " • one", " • two", "", "End"]


def test_an_answer_longer_than_the_screen_scrolls_cleanly() -> None:
    """Each paragraph stands once, in order, in the history and on the screen."""
    paragraphs = [f"Paragraph {number} says something." for number in range(24)]
    shown = show("\n\n".join(paragraphs), piece=11).lines
    assert [line for line in shown if line] == paragraphs
    assert shown[1::2] == [""] * 23


def test_one_block_taller_than_the_screen_is_whole_at_the_end() -> None:
    """While it grows only its tail is drawn, so that redrawing never leaves the screen."""
    items = [f"- item {number}" for number in range(30)]
    shown = show("\n".join(items) + "\n\nDone.").lines
    assert [line.strip(" •") for line in shown if line] == [*(f"item {number}" for number in range(30)), "Done."]


def test_the_tail_is_what_is_seen_while_a_tall_block_grows() -> None:
    """The newest line is on the screen."""
    out = io.StringIO()
    writer = MarkdownWriter(Screen(io.BytesIO(), out, io.StringIO(), {}, stdout_tty=True, size=(40, 6)))
    emulator = Emulator(40, 6)
    writer.piece("\n".join(f"- item {number}" for number in range(30)))
    emulator.feed(out.getvalue())
    assert emulator.lines[-1].strip() == "• item 29"
    assert emulator.history == []
    writer.cut()


@pytest.mark.parametrize("width", [10, 11, 40])
def test_wide_characters_wrap_inside_the_width(width: int) -> None:
    """No line is wider than the terminal, none begins with a full stop, nothing is lost."""
    text = "这张图片展示了一个红色的苹果，放在木桌上。旁边有两个绿色的梨，还有一杯水。" * 2
    shown = show(text, width=width, height=8, piece=5).lines
    assert "".join(shown) == text
    assert all(cell_width(line) <= width and line[0] not in "，。" for line in shown)
    assert all(cell_width(line) >= width - 4 for line in shown[:-1])


def test_tabs_and_wide_cells_of_tables_lose_nothing() -> None:
    words = ["Item", "Price", "Count", "Total", "Shelf", "Notes", "End"]
    assert " ".join(show("\t".join(words)).lines).split() == words
    cell = "一个很长的中文单元格里面写着许多字" * 2
    table = show(f"| 名称 | 说明 |\n|---|---|\n| 苹果 | {cell} |").lines
    assert "…" not in "".join(table)
    assert "".join(line.replace("苹果", "").strip() for line in table[-3:]).endswith(cell[-6:])
    assert all(cell_width(line) <= 40 for line in table)


def test_line_breaks_tags_and_addresses_stay_as_written() -> None:
    """Text read from a picture must not lose its lines, nor what stands in angle brackets."""
    assert show("Shop\nopen <b>now</b>\n<box>1,2</box>").lines == ["Shop", "open <b>now</b>", "<box>1,2</box>"]
    assert show("[here](http://a.b/c)").lines == ["here (http://a.b/c)"]


def test_escape_sequences_of_an_answer_do_not_reach_the_terminal() -> None:
    """Whole, cut between pieces, or never ended: the emulator knows no such sequence and would fail."""
    for piece in (1, 2, 3, 100):
        shown = show("a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\x1b(B\x08e\x07\x1bcf", piece=piece).lines
        assert shown == ["abcdef"]
    assert show("end\x1b[").lines == ["end"]


def test_no_color_writes_no_style() -> None:
    """NO_COLOR leaves cursor movement alone and takes every style away."""
    for env, styled in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)):
        out = io.StringIO()
        writer = MarkdownWriter(Screen(io.BytesIO(), out, io.StringIO(), env, stdout_tty=True, size=(40, 10)))
        writer.piece("A **red** apple.")
        writer.end()
        assert ("\x1b[1m" in out.getvalue()) is styled


def test_several_answers_have_headers() -> None:
    """With a blank line before every header but the first."""
    out = io.StringIO()
    writer = MarkdownWriter(Screen(io.BytesIO(), out, io.StringIO(), {}, stdout_tty=True, size=(40, 20)))
    for name in ("a.png", "b\x1b[31m.png"):
        writer.header(name)
        writer.piece("Text.")
        writer.end()
    emulator = Emulator(40, 20)
    emulator.feed(out.getvalue())
    assert emulator.lines == ["== a.png ==", "Text.", "", "== b.png ==", "Text."]
