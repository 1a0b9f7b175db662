"""Answer what is left of a batch: decode ahead, one record per item as it is done, go on after a failure."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qwenvl_cli.answering import Asker, Decoded
from qwenvl_cli.batch.journal import Entry, Journal, replace_file
from qwenvl_cli.batch.plan import Done, sidecar_paths
from qwenvl_cli.errors import CliError, PartialFailure, explain
from qwenvl_cli.media.source import digest
from qwenvl_cli.output.progress import Progress, choose_progress
from qwenvl_cli.output.text import clock
from qwenvl_cli.prefetch import ahead


@dataclass(frozen=True)
class BatchOptions:
    """What a batch does beyond answering."""

    retry_errors: bool = False
    overwrite: bool = False
    sidecar: bool = False
    echo: bool = False


@dataclass
class Tally:
    """What became of the items."""

    total: int
    already: int = 0
    failed_before: int = 0
    answered: int = 0
    failed: int = 0
    unsure: int = 0
    kept: int = 0
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
    except (OSError, CliError):
        return None


class Batch:
    """One run over many files, with its journal open."""

    def __init__(self, asker: Asker, journal: Journal, paths: Sequence[str], options: BatchOptions) -> None:
        self._asker, self._journal, self._paths, self._options = asker, journal, paths, options
        self._screen = asker.screen
        self._sidecars = sidecar_paths(paths) if options.sidecar else {}
        self.tally = Tally(len(paths))

    def run(self) -> None:
        """Do what is left; raise PartialFailure at the end if any item of this batch has failed, now or earlier."""
        todo = self._plan()
        if todo:
            self._answer(todo)
        self._report()
        failed = self.tally.failed + self.tally.failed_before
        if failed:
            hint = f"{self._journal.path} says why; --retry-errors tries them again"
            raise PartialFailure(f"{failed} of {self.tally.total} files failed", hint)

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
            self._journal.drop(entry.line for entry in done.values() if entry.failed)
            done = {path: entry for path, entry in done.items() if not entry.failed}
        self.tally.failed_before = sum(entry.failed for entry in done.values())
        self.tally.already = len(done) - self.tally.failed_before
        for path, entry in done.items():
            self._finish_sidecar(path, entry)
        return [path for path in self._paths if path not in done]

    def _answer(self, todo: Sequence[str]) -> None:
        self._asker.begin()
        echo_hides_bar = self._options.echo and self._screen.stdout_tty
        progress = choose_progress(self._screen, len(todo), bar=not echo_hides_bar)
        try:
            self._asker.engine.describe()
            for path, opened in ahead(todo, self._open):
                progress.item(path)
                self._one(path, opened, progress)
                progress.step()
                del opened
        finally:
            progress.close()

    def _open(self, path: str) -> Decoded:
        return self._asker.open([path])

    def _one(self, path: str, opened: Decoded | Exception, progress: Progress) -> None:
        """Answer one item; whatever goes wrong with it becomes its record."""
        try:
            if isinstance(opened, Exception):
                raise opened
            record = self._asker.ask(opened)
        except Exception as error:
            told = explain(error)
            progress.error(type(told)(_with_path(path, told.message), told.hint))
            record = self._asker.failure([path], told, digest_or_none(path))
            self.tally.failed += 1
        else:
            self.tally.answered += 1
            self.tally.unsure += record.unsure
        self._journal.append(record)
        if self._options.echo:
            self._screen.write(record.to_json() + "\n")
        if record.text is not None and path in self._sidecars:
            self._write_sidecar(self._sidecars[path], record.text)

    def _finish_sidecar(self, path: str, entry: Entry) -> None:
        """Write the sidecar that a killed run, or one without --sidecar, has left out."""
        sidecar = self._sidecars.get(path)
        if sidecar is not None and entry.text is not None and not sidecar.exists():
            self._write_sidecar(sidecar, entry.text)

    def _write_sidecar(self, sidecar: Path, text: str) -> None:
        """Write a caption file in one step; one that this journal did not write is the user's and stays."""
        content = (text.strip() + "\n").encode("utf-8", "backslashreplace")
        if sidecar.exists() and not self._options.overwrite and not self._is_ours(sidecar, content):
            self.tally.kept += 1
            return
        replace_file(sidecar, lambda file: _write(file.write, content))

    def _is_ours(self, sidecar: Path, content: bytes) -> bool:
        there = sidecar.read_bytes()
        if there == content:
            return True
        texts = (entry.text for entry in self._journal.entries if entry.text is not None)
        return any(there == (text.strip() + "\n").encode("utf-8", "backslashreplace") for text in texts)

    def _report(self) -> None:
        self._screen.note(f"{self._journal.path}: {self.tally}")
        if self.tally.kept:
            self._screen.warning(f"{self.tally.kept} existing .txt files were kept; --overwrite replaces them")
        if self.tally.unsure:
            self._screen.warning(f"{self.tally.unsure} answers have low confidence, see their 'warnings'")


def _write(write: Callable[[bytes], object], content: bytes) -> None:
    write(content)


def _with_path(path: str, message: str) -> str:
    return message if path in message else f"{path}: {message}"
