"""Answer what is left of a batch: decode ahead, some items at a time, a record for each, go on after a failure."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qwenvl_cli.answering import Asker, Decoded
from qwenvl_cli.batch.groups import MOST_TOKENS, Groups, Opened
from qwenvl_cli.batch.journal import Entry, Journal
from qwenvl_cli.batch.plan import Done, Found
from qwenvl_cli.batch.sidecars import Sidecars
from qwenvl_cli.console import Screen
from qwenvl_cli.errors import CliError, OutOfMemory, PartialFailure, explain
from qwenvl_cli.media.source import digest
from qwenvl_cli.output.progress import Progress, choose_progress
from qwenvl_cli.output.text import clock, details
from qwenvl_cli.prefetch import ahead
from qwenvl_cli.results import Record

MOST_LINES = 5


@dataclass(frozen=True)
class BatchOptions:
    """What a batch does beyond answering."""

    retry_errors: bool = False
    overwrite: bool = False
    sidecar: bool = False
    echo: bool = False
    size: int = 1  # items answered together


@dataclass
class Tally:
    """What became of the items."""

    total: int
    already: int = 0
    failed_before: int = 0
    answered: int = 0
    failed: int = 0
    unsure: int = 0
    began: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        parts = [f"{self.answered} answered", f"{self.failed} failed", f"{self.already} already done"]
        if self.failed_before:
            parts.append(f"{self.failed_before} failed earlier")
        return f"{', '.join(parts)} in {clock(time.monotonic() - self.began)}"


def digest_or_none(path: str) -> str | None:
    """Return the digest of a file, None where it cannot be read."""
    try:
        return digest(path)
    except (OSError, ValueError, CliError):  # a ValueError is what a zero byte in a name gives
        return None


class Batch:
    """One run over many files, with its journal open."""

    def __init__(self, asker: Asker, journal: Journal, found: Found, options: BatchOptions) -> None:
        self._asker, self._journal, self._options = asker, journal, options
        self._paths, self._unread, self._groups = found.paths, found.unread, Groups(options.size)
        self._screen = asker.screen
        with_sidecar = found.paths if options.sidecar else []
        self._sidecars = Sidecars(with_sidecar, journal.texts, overwrite=options.overwrite)
        self.tally = Tally(len(found.paths))

    def run(self) -> None:
        """Do what is left; raise PartialFailure at the end if not all was read and answered, now or earlier."""
        _warn_each(self._screen, [f"{folder} could not be read: {why}" for folder, why in self._unread.items()])
        todo = self._plan()
        if todo:
            self._answer(todo)
        self._journal.settle()
        self._report()
        failed = self.tally.failed + self.tally.failed_before
        if failed:
            hint = f"{self._journal.path} says why; --retry-errors tries them again"
            raise PartialFailure(f"{failed} of {self.tally.total} files failed{_and_unread(self._unread)}", hint)
        if self._unread:
            hint = "change the permissions, then give the same command again"
            raise PartialFailure(f"all files found are done{_and_unread(self._unread)}", hint)

    def _plan(self) -> list[str]:
        """Return the paths that need an answer, and make sure that done ones have their sidecars."""
        settings = self._asker.settings()
        if self._journal.torn:
            self._screen.note(f"{self._journal.path}: the last line was cut off and is dropped")
        earlier = [entry for entry in self._journal.entries if entry.settings == settings]
        if not earlier:
            return list(self._paths)
        self._screen.status(f"looking for what is done among {len(self._paths)} files …")
        hashed = [(path, digest_or_none(path)) for path in self._paths]
        done = Done(earlier).match(hashed, settings)
        if self._options.retry_errors:
            self._drop_failed(earlier, done)
            done = {path: entry for path, entry in done.items() if not entry.failed}
        self.tally.failed_before = sum(entry.failed for entry in done.values())
        self.tally.already = len(done) - self.tally.failed_before
        for path, entry in done.items():
            if entry.text is not None:  # it may be missing, or hold what was answered to another prompt
                self._sidecars.write(path, entry.text)
        return [path for path in self._paths if path not in done]

    def _drop_failed(self, earlier: Sequence[Entry], done: Mapping[str, Entry]) -> None:
        """Take the failures of this batch's files out, also of one whose content is another by now."""
        places = {os.path.abspath(path) for path in self._paths}
        renamed = {entry.line for entry in done.values()}
        failed = (entry for entry in earlier if entry.failed)
        self._journal.drop(
            entry.line for entry in failed if entry.line in renamed or os.path.abspath(entry.path) in places
        )

    def _answer(self, todo: Sequence[str]) -> None:
        self._asker.begin()
        lines_between = self._screen.verbose or (self._options.echo and self._screen.stdout_tty)
        progress = choose_progress(self._screen, len(todo), bar=not lines_between)
        try:
            self._asker.engine.describe()
            # By size, not by number alone: what waits, frames of long clips, may take half a gigabyte an item.
            opened = ahead(todo, self._open, self._options.size, cost=lambda item: item.tokens, limit=MOST_TOKENS)
            for group in self._groups.of(opened):
                progress.item(_named(group))
                self._answer_group(group, progress)
                del group
        finally:
            progress.close()

    def _open(self, path: str) -> Decoded:
        return self._asker.open([path])

    def _answer_group(self, group: Sequence[Opened], progress: Progress) -> None:
        """Answer what could be opened, and record all in their order; whatever goes wrong becomes an item's record."""
        answers = iter(self._answers([opened for _, opened in group if not isinstance(opened, Exception)]))
        for path, opened in group:
            found = opened if isinstance(opened, Exception) else next(answers)
            if isinstance(found, Exception):
                told = explain(found)
                progress.error(_about(path, told, found))
                found = self._asker.failure([path], self._asker.prompt_for(opened), told, digest_or_none(path))
                self.tally.failed += 1
            else:
                self.tally.answered += 1
                self.tally.unsure += found.unsure
            self._keep(path, found)
            progress.step()

    def _answers(self, items: Sequence[Decoded]) -> Sequence[Record | Exception]:
        """Answer together; where that fails, by halves, so that an item's trouble is its own alone."""
        if not items:
            return []
        try:
            return self._asker.ask_together(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
            if isinstance(explain(error), OutOfMemory):
                self._groups.size = min(self._groups.size, (len(items) + 1) // 2)
        # Outside of the handler, so that the memory that the failure holds is let go before the next try.
        half = (len(items) + 1) // 2
        return [*self._answers(items[:half]), *self._answers(items[half:])]

    def _keep(self, path: str, record: Record) -> None:
        """Write a record wherever it is wanted; to stdout last, as its reader may have gone away."""
        if self._options.overwrite and not self._journal.started:
            self._sidecars.clear()
        self._journal.append(record)
        if record.text is not None:
            self._sidecars.write(path, record.text)
        if self._options.echo:
            self._screen.write(record.to_json() + "\n")
        for line in details(record) if record.error is None else ():
            self._screen.detail(line)

    def _report(self) -> None:
        self._screen.note(f"{self._journal.path}: {self.tally}")
        if self._sidecars.kept:
            self._screen.warning(f"{self._sidecars.kept} existing .txt files were kept; --overwrite replaces them")
        if self._sidecars.failed:
            _warn_each(self._screen, self._sidecars.failed)
            lost = len(self._sidecars.failed)
            self._screen.warning(f"{lost} .txt files could not be written; {self._journal.path} has the captions")
        if self._groups.size < self._options.size:
            fewer, wanted = self._groups.size, self._options.size
            self._screen.warning(f"memory ran out with {wanted} files at a time: the last had --batch-size {fewer}")
        if self.tally.unsure:
            self._screen.warning(f"{self.tally.unsure} answers have low confidence, see their 'warnings'")


def _named(group: Sequence[Opened]) -> str:
    """Name a group for the progress bar."""
    first = group[0][0]
    return first if len(group) == 1 else f"{os.path.basename(first)} and {len(group) - 1} more"


def _about(path: str, told: CliError, raised: Exception) -> CliError:
    """Return an error that names its file, with what --traceback shows."""
    message = told.message if path in told.message else f"{path}: {told.message}"
    error = type(told)(message, told.hint)
    error.__cause__ = raised
    return error


def _and_unread(unread: Mapping[str, str]) -> str:
    """Name a folder that was left out, and count the others."""
    if not unread:
        return ""
    more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
    return f", but {next(iter(unread))}{more} could not be read"


def _warn_each(screen: Screen, lines: Sequence[str]) -> None:
    for line in lines[:MOST_LINES]:
        screen.warning(line)
    if len(lines) > MOST_LINES:
        screen.warning(f"{len(lines) - MOST_LINES} more like this")
