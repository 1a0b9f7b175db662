"""Plain output, cleaning, JSON and the batch's progress lines."""

import io
import json
import os
import random
import struct
import sys

import pytest

from qwenvl_cli.console import Cleaner, Screen, cell_width, clean, fit
from qwenvl_cli.output.choose import choose_writer
from qwenvl_cli.output.json import JsonWriter
from qwenvl_cli.output.progress import LineProgress, choose_progress
from qwenvl_cli.output.text import TextWriter, clock
from qwenvl_cli.results import default_prompt, fingerprint, to_json


def screen(*, tty: bool = False, **env: str) -> Screen:
    """Return a screen in memory."""
    return Screen(io.BytesIO(), io.StringIO(), io.StringIO(), env, stdout_tty=tty, stderr_tty=tty, size=(80, 24))


def written(of: Screen) -> tuple[str, str]:
    """Return what went to stdout and stderr."""
    assert isinstance(of.stdout, io.StringIO) and isinstance(of.stderr, io.StringIO)
    return of.stdout.getvalue(), of.stderr.getvalue()


def test_plain_text_ends_with_one_newline_streamed_or_not() -> None:
    """The same bytes either way."""
    for stream in (True, False):
        target = screen()
        writer = TextWriter(target, stream=stream)
        for text in ("one", " line", "\n"):
            writer.piece(text)
        writer.end()
        assert written(target)[0] == "one line\n"


def test_cleaning_is_the_same_in_pieces_and_at_once() -> None:
    """Over random mixtures of text and pieces of escape sequences: no control character is left."""
    chance = random.Random(11)
    bits = [
        "a",
        "\x1b",
        "[",
        "31m",
        "]0;t",
        "\x07",
        "\x1b\\",
        "果",
        "\n",
        "\t",
        "\x9b",
        "2J",
        "\r",
        "\u202e",
        "(B",
        "\x00",
    ]
    for _ in range(500):
        text = "".join(chance.choices(bits, k=10))
        cleaner = Cleaner()
        streamed = "".join(cleaner.push(char) for char in text) + cleaner.flush()
        for result in (clean(text), streamed):
            assert not any((ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 for char in result)
            assert "\u202e" not in result
    assert clean("a\x1b[1;31mb\x1b[0m") == "ab"


def test_widths_and_fitting() -> None:
    """Columns, not characters; the end of a path says more than its beginning."""
    assert [cell_width(text) for text in ("abc", "苹果", "e\u0301", "")] == [3, 4, 1, 0]
    assert fit("photos/apple.png", 10) == "…apple.png"
    assert (fit("苹果苹果", 5), fit("abc", 3)) == ("…苹果", "abc")


def test_clock() -> None:
    """One way to write durations."""
    assert [clock(seconds) for seconds in (0, 59.4, 59.6, 3599, 3600, 90061)] == [
        *("0:00", "0:59", "1:00", "59:59", "1:00:00", "25:01:01"),
    ]


def test_json_lines_hold_nothing_that_upsets_a_reader() -> None:
    """Chinese is readable; controls, separators and surrogates are escapes; the value is the same again."""
    value = {"text": "苹果 \x1b[31m \x9b \u2028 \udcff"}
    line = to_json(value)
    assert "苹果" in line and line.isprintable()
    line.encode("utf-8")
    assert json.loads(line) == value


def test_writers_are_chosen_by_what_stdout_is() -> None:
    """Markdown only on a terminal that can move its cursor, and only streaming."""
    chosen = {
        "pipe": choose_writer(screen(), json=False, stream=True),
        "dumb": choose_writer(screen(tty=True, TERM="dumb"), json=False, stream=True),
        "whole": choose_writer(screen(tty=True), json=False, stream=False),
        "json": choose_writer(screen(tty=True), json=True, stream=True),
        "terminal": choose_writer(screen(tty=True), json=False, stream=True),
    }
    names = {where: type(writer).__name__ for where, writer in chosen.items()}
    assert names == {
        **dict.fromkeys(("pipe", "dumb", "whole"), "TextWriter"),
        "json": JsonWriter.__name__,
        "terminal": "MarkdownWriter",
    }


def test_progress_writes_a_line_every_ten_seconds() -> None:
    """With rate and time left from this run; 4 s an item, so a line with every third."""
    now, target = [0.0], screen()
    progress = LineProgress(target, 10, lambda: now[0])
    for _ in range(6):
        now[0] += 4.0
        progress.step()
    assert written(target) == ("", "3/10, 4.0 s each, 0:28 left\n6/10, 4.0 s each, 0:16 left\n")
    quiet = screen()
    quiet.quiet = True
    assert type(choose_progress(quiet, 3, bar=True)).__name__ == "NoProgress"


def test_styles_and_status_only_on_a_terminal() -> None:
    """A pipe sees plain lines; NO_COLOR and TERM=dumb too."""
    from qwenvl_cli.errors import UsageError

    for target in (screen(), screen(tty=True, TERM="dumb"), screen(tty=True, NO_COLOR="1")):
        target.error(UsageError("what\x1b[2J", "do\nthis"))
        target.note("by the way")
        assert written(target)[1] == "error: what\nhint: do this\nby the way\n"
    target = screen(tty=True, NO_COLOR="1")
    target.status("waiting")
    target.note("done")
    assert written(target)[1] == "waiting\r\x1b[2Kdone\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals here")
@pytest.mark.parametrize(("columns", "shown"), [(30, 29), (0, 79)])
def test_the_status_fits_the_terminal_of_stderr(columns: int, shown: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stdout is a file or a pipe its width, which is 80, says nothing; nor does a terminal that knows none."""
    import fcntl
    import termios

    monkeypatch.setenv("COLUMNS", "80")
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with open(leader, "rb", buffering=0) as terminal, open(follower, "w", encoding="utf-8") as stderr:
        Screen(io.BytesIO(), io.StringIO(), stderr, {"NO_COLOR": "1"}, stderr_tty=True).status("x" * 200)
        assert terminal.read(1000).decode() == "…" + "x" * (shown - 1)


def test_prompts_and_fingerprints() -> None:
    """The prompt fits the media; the fingerprint depends on values, not on order."""
    cases = {("image",): "Describe this image.", ("video",): "Describe this video."}
    cases |= {("image", "image"): "Describe these images.", ("image", "video"): "Describe these."}
    assert {kinds: default_prompt(kinds) for kinds in cases} == cases
    assert fingerprint({"a": 1, "b": None}) == fingerprint({"b": None, "a": 1}) != fingerprint({"a": 1, "b": 0})
