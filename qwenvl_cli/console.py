"""The three streams and what stands behind them: the only place that writes to stderr, and where `rich` is set up."""

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO, StringIO, TextIOWrapper
from traceback import format_exception
from typing import TYPE_CHECKING, BinaryIO, TextIO

from qwenvl_cli.errors import CliError

if TYPE_CHECKING:
    from rich.console import Console

_ESCAPE = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c|$)|[ -/]*[0-~]?)|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PARTIAL = re.compile("(?:\x1b(?:\\[[0-?]*[ -/]*|[\\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -/]*)|\x9b[0-?]*[ -/]*)$")
_LONGEST_ESCAPE = 256


def clean(text: str) -> str:
    """Remove terminal escape sequences, control characters (but newline and tab) and bidirectional overrides."""
    return _CONTROL.sub("", _ESCAPE.sub("", text))


class Cleaner:
    """`clean` for a stream: an escape sequence cut in two by the end of a piece is held back until it is whole."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, piece: str) -> str:
        """Return what of the text so far is safe to show."""
        text = self._held + piece
        match = _PARTIAL.search(text, max(0, len(text) - _LONGEST_ESCAPE))
        cut = match.start() if match else len(text)
        text, self._held = text[:cut], text[cut:]
        return clean(text)

    def flush(self) -> str:
        """Return the rest at the end of the stream."""
        text, self._held = self._held, ""
        return clean(text)


def cell_width(text: str) -> int:
    """Count terminal columns: two for wide East Asian characters and emoji, none for combining marks."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def fit(text: str, columns: int) -> str:
    """Shorten `text` from the left with an ellipsis, so that it takes at most `columns` columns."""
    if cell_width(text) <= columns:
        return text
    while text and cell_width(text) >= columns:
        text = text[1:]
    return "…" + text if columns > 0 else ""


@dataclass
class Screen:
    """Streams, whether they are terminals, and how much to say; tests build one from memory files."""

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    env: Mapping[str, str]
    stdin_tty: bool = False
    stdout_tty: bool = False
    stderr_tty: bool = False
    size: tuple[int, int] | None = None
    quiet: bool = False
    verbose: bool = False
    traceback: bool = False
    _status: bool = field(default=False, init=False)

    @property
    def smart(self) -> bool:
        """Whether stdout understands cursor movement: a terminal that is not TERM=dumb."""
        return self.stdout_tty and self.env.get("TERM") != "dumb"

    @property
    def smart_err(self) -> bool:
        """The same of stderr."""
        return self.stderr_tty and self.env.get("TERM") != "dumb"

    @property
    def colour(self) -> bool:
        """Whether styles are wanted at all; NO_COLOR set to anything but nothing turns them off."""
        return not self.env.get("NO_COLOR")

    @property
    def columns(self) -> int:
        """Width of the terminal that stderr is; stdout may be a file, or another terminal."""
        if self.size:
            return self.size[0]
        with suppress(OSError, ValueError):  # no terminal, or no file at all
            if known := os.get_terminal_size(self.stderr.fileno()).columns:
                return known
        return shutil.get_terminal_size().columns

    def rich(self, *, stderr: bool = False) -> "Console":
        """Return a rich console on one of the streams; without colour it writes no style codes at all."""
        from rich.console import Console

        width, height = self.size or (None, None)
        return Console(
            file=self.stderr if stderr else self.stdout,
            force_terminal=self.smart_err if stderr else self.smart,
            color_system="auto" if self.colour else None,
            width=width,
            height=height,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False if self.size else None,
        )

    def write(self, text: str) -> None:
        """Write to stdout at once; the caller has cleaned the text where a terminal may read it."""
        self.clear_status()
        self.stdout.write(text)
        self.stdout.flush()

    def status(self, text: str) -> None:
        """Show on a terminal what is being waited for, until anything else is written."""
        if self.smart_err and not self.quiet:
            self.clear_status()
            self._status = True
            dim, plain = ("\x1b[2m", "\x1b[0m") if self.colour else ("", "")
            self.stderr.write(f"{dim}{fit(clean(text), self.columns - 1)}{plain}")
            self.stderr.flush()

    def clear_status(self) -> None:
        """Take the status line away again."""
        if self._status:
            self._status = False
            self.stderr.write("\r\x1b[2K")
            self.stderr.flush()

    def _say(self, text: str, style: str = "") -> None:
        self.clear_status()
        line = " ".join(clean(text).split("\n"))
        if style and self.smart_err and self.colour:
            line = f"\x1b[{style}m{line}\x1b[0m"
        self.stderr.write(line + "\n")
        self.stderr.flush()

    def error(self, error: CliError) -> None:
        """Report an error: one line of cause, one of remedy. Not silenced by --quiet."""
        if self.traceback:
            self.clear_status()
            self.stderr.write(clean("".join(format_exception(error.__cause__ or error))))
        self._say(f"error: {error.message}", "31")
        if error.hint:
            self._say(f"hint: {error.hint}")

    def warning(self, text: str) -> None:
        """Report something the user should know but that stops nothing."""
        if not self.quiet:
            self._say(f"warning: {text}", "33")

    def note(self, text: str) -> None:
        """Say something in passing."""
        if not self.quiet:
            self._say(text, "2")

    def listing(self, text: str) -> None:
        """Write a line that was asked for by a flag; not silenced by --quiet."""
        self._say(text)

    def detail(self, text: str) -> None:
        """Say something only with --verbose."""
        if self.verbose:
            self._say(text, "2")


def system_screen(env: Mapping[str, str]) -> Screen:
    """Build the screen of this process; piped output is UTF-8 whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    return Screen(
        stdin=sys.stdin.buffer if sys.stdin else BytesIO(),
        stdout=sys.stdout or StringIO(),
        stderr=sys.stderr or StringIO(),
        env=env,
        stdin_tty=bool(sys.stdin) and sys.stdin.isatty(),
        stdout_tty=bool(sys.stdout) and sys.stdout.isatty(),
        stderr_tty=bool(sys.stderr) and sys.stderr.isatty(),
    )
