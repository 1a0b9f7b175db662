"""A conversation at the terminal, or over lines of standard input: turns, commands, what the next turn shows."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from qwenvl_cli.answering import Asker, Decoded
from qwenvl_cli.batch.plan import is_media_name
from qwenvl_cli.console import Screen
from qwenvl_cli.errors import CliError, Interrupted, PartialFailure, UsageError, explain
from qwenvl_cli.output.choose import Writer
from qwenvl_cli.results import Record

PROMPT = "> "
HELP = (
    "/add FILE...  show more pictures or clips with the next question; so does a line of nothing but files",
    "/new          forget all that was said and shown",
    "/quit         end, as Ctrl-D does; Ctrl-C stops an answer",
)
BY_ITSELF = "this model takes each question by itself, about what was shown last"


def lines_of(screen: Screen) -> Iterator[str]:
    """Yield what the user says, line by line, from a terminal or from standard input."""
    return _typed(screen) if screen.stdin_tty else (raw.decode("utf-8", "replace").strip() for raw in screen.stdin)


def _typed(screen: Screen) -> Iterator[str]:
    with suppress(ImportError):
        import readline  # noqa: F401  # keys that edit the line, where the system has it
    warned = False
    while True:
        screen.clear_status()
        try:
            line = input(PROMPT if screen.stdout_tty else "")
        except EOFError:
            screen.note("")
            return
        except KeyboardInterrupt as error:
            if warned:
                raise Interrupted("interrupted") from error
            warned = True
            screen.note("")
            screen.note("Ctrl-D or /quit ends, and so does Ctrl-C once more")
        else:
            warned = False
            yield line.strip()


@dataclass
class Chatter:
    """One session; `after` says what goes with an answer, aside."""

    asker: Asker
    writer: Writer
    after: Callable[[Record], None]
    errors: list[CliError] = field(default_factory=list)
    turns: int = 0
    waiting: Decoded = field(default_factory=lambda: Decoded([], 0.0))  # shown with the next question

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        asker = self.asker
        self._chat = asker.engine.chat(asker.answer, asker.system, logprobs=asker.logprobs)
        self._asked = 0

    def run(self, paths: Sequence[str], lines: Iterator[str]) -> None:
        """Show the first media and take every line; at the end raise what went wrong where nobody sat by."""
        self.asker.begin()
        if paths:
            self.waiting = self.asker.open(paths)
        for line in lines:
            if line and not self._take(line):
                break
        if self.errors and not self.asker.screen.stdin_tty:
            total = PartialFailure(f"{len(self.errors)} of {self.turns} turns failed", "the lines above say why")
            if len(self.errors) == self.turns:
                total.exit_code = self.errors[0].exit_code
            raise total

    def _take(self, line: str) -> bool:
        """Do what a line asks for; false where it ends the session."""
        if files := named_files(line):
            self._add(files)
            return True
        command, _, rest = line.partition(" ")
        if command in ("/quit", "/exit", "/bye"):
            return False
        if command == "/help":
            for text in HELP:
                self.asker.screen.listing(text)
        elif command == "/new":
            self.waiting = Decoded([], 0.0)
            self._begin()
        elif command == "/add":
            self._add(split(rest))
        elif line.startswith("/"):
            self._failed(UsageError(f"{command} is no command and no file", "/help lists the commands"))
        else:
            self._turn(line)
        return True

    def _failed(self, error: CliError) -> None:
        self.turns += 1
        self.errors.append(error)
        self.asker.screen.error(error)

    def _add(self, paths: Sequence[str]) -> None:
        """Open media to be shown with the next question."""
        if not paths:
            self._failed(UsageError("/add names no file", "/add photo.jpg"))
        for path in paths:
            try:
                opened = self.asker.open([path])
            except Exception as error:
                self._failed(explain(error))
                continue
            self.waiting = Decoded([*self.waiting.media, *opened.media], self.waiting.seconds + opened.seconds)
            [item] = opened.media
            self.asker.screen.note(f"{path}: {item.kind} {item.width}x{item.height}, shown with the next question")

    def _turn(self, text: str) -> None:
        """Ask, and show the answer."""
        asker, shown, self.waiting = self.asker, self.waiting, Decoded([], 0.0)
        screen, taken = asker.screen, self._chat.taken
        if self._asked == 1 and not self._chat.remembers:
            screen.note(BY_ITSELF)
        try:
            record = asker.say(self._chat, text, shown, self._piece)
        except BrokenPipeError:
            raise
        except KeyboardInterrupt:
            self.writer.cut()
            if not screen.stdin_tty:
                raise
            screen.note("stopped")
            self._show_again(shown, taken)
        except Exception as raised:
            told = explain(raised)
            self._show_again(shown, taken)
            self.writer.fail(asker.failure([item.path for item in shown.media], text, told))
            self._failed(told)
            return
        else:
            screen.clear_status()
            self.writer.end(record)
            self.after(record)
        self.turns += 1
        self._asked += 1

    def _show_again(self, shown: Decoded, taken: int) -> None:
        """Where a question was refused or stopped before it was read, what it shows still waits."""
        if self._chat.taken == taken:
            self.waiting = shown

    def _piece(self, text: str) -> None:
        self.asker.screen.clear_status()
        self.writer.piece(text)


def split(text: str) -> list[str]:
    """Part names as a shell would: quoted or with escaped spaces, as terminals write files that are dropped on them."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def named_files(line: str) -> list[str]:
    """Return the files that a line consists of; none where it says anything else."""
    if os.path.isfile(line) and is_media_name(line):
        return [line]
    names = split(line)
    return names if all(os.path.isfile(name) and is_media_name(name) for name in names) else []
