"""The file of records that a batch appends to: read back to resume, locked against a second writer, never half a line.

Nothing in the file changes before the first record of a run is ready, so that a run which fails early loses nothing.
"""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from qwenvl_cli.batch.lock import WriterLock
from qwenvl_cli.errors import CliError, UsageError
from qwenvl_cli.output.files import behind_link, replace_file
from qwenvl_cli.results import SCHEMA, Record

SYNC_EVERY_S = 1.0
HINT = "repair or delete that line, choose another -o, or start anew with --overwrite"


@dataclass(frozen=True)
class Entry:
    """What resuming needs to know of one line."""

    path: str
    sha256: str | None
    settings: str
    text: str | None
    failed: bool
    line: int

    @property
    def key(self) -> tuple[str | None, str]:
        """File digest and settings: what makes an item the same as an earlier one."""
        return self.sha256, self.settings


def _entry(value: Any, line: int) -> Entry:
    """Read one record; raise ValueError saying what is not as it should be."""
    if not isinstance(value, dict) or "schema" not in value:
        raise ValueError("not a record of this program")
    if value["schema"] != SCHEMA:
        raise ValueError(f"schema {value['schema']!r}, this version writes {SCHEMA}")
    media = value.get("media")
    if not isinstance(media, list) or not media or not isinstance(media[0], dict):
        raise ValueError("a record without media")
    sha256, text = media[0].get("sha256"), value.get("text")
    return Entry(
        path=str(media[0].get("path")),
        sha256=sha256 if isinstance(sha256, str) else None,
        settings=str(value.get("settings", "")),
        text=text if isinstance(text, str) else None,
        failed=value.get("error") is not None,
        line=line,
    )


class Journal:
    """Open with `with`: that takes the lock and reads what is there."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self.texts: frozenset[str] = frozenset()  # also of entries that are overwritten
        self.torn = False
        self._overwrite = overwrite
        self._whole = 0  # bytes up to the end of the last whole line
        self._dropped: frozenset[int] = frozenset()
        self._file: IO[bytes] | None = None
        self._lock = WriterLock(behind_link(path))
        self._synced = 0.0

    def __enter__(self) -> "Journal":
        check_writable(self.path)
        self._lock.acquire()
        try:
            self._look_back()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
        finally:
            self._lock.release()

    @property
    def started(self) -> bool:
        """Whether this run has changed the file."""
        return self._file is not None

    def _look_back(self) -> None:
        """Read what is there; of a file that is to be overwritten, and may be anything, only the texts matter."""
        try:
            if os.path.exists(self.path):
                self._read()
        except (UsageError, OSError):
            if not self._overwrite:
                raise
        self.texts = frozenset(entry.text for entry in self.entries if entry.text is not None)
        if self._overwrite:
            self.entries, self.torn, self._whole = [], False, 0

    def _read(self) -> None:
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    if raw.strip():
                        self.entries.append(_entry(json.loads(raw), number))
                except ValueError as error:  # bad JSON and bad UTF-8 are ValueErrors too
                    if not raw.endswith(b"\n"):
                        self.torn = True
                        return
                    why = "not JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
                    raise UsageError(f"{self.path}, line {number}: {why}; nothing was changed", HINT) from error
                self._whole += len(raw)

    def drop(self, lines: Iterable[int]) -> None:
        """Leave these lines out when the first new record comes: they are answered anew."""
        self._dropped = frozenset(lines)

    def settle(self) -> None:
        """Leave them out now, where no record came: all of them have been answered before."""
        if self._dropped and not self.started:
            self._rewrite()

    def append(self, record: Record) -> None:
        """Write one record in one piece and hand it to the operating system at once."""
        file = self._file or self._open()
        file.write(record.to_json().encode() + b"\n")
        file.flush()
        if time.monotonic() - self._synced > SYNC_EVERY_S:
            os.fsync(file.fileno())
            self._synced = time.monotonic()

    def _open(self) -> IO[bytes]:
        if self._overwrite:
            self._file = self.path.open("wb")
            return self._file
        if self._dropped:
            self._rewrite()
        self._file = self.path.open("ab")
        if self._file.tell() > self._whole:
            self._file.truncate(self._whole)
        if self._whole and not _ends_with_newline(self.path):
            self._file.write(b"\n")
        return self._file

    def _rewrite(self) -> None:
        """Replace the file by itself without the dropped lines and a torn one, in one step."""

        def keep(target: IO[bytes]) -> None:
            with self.path.open("rb") as source:
                for number, raw in enumerate(source, 1):
                    if number not in self._dropped and (raw.endswith(b"\n") or not self.torn):
                        target.write(raw)

        replace_file(self.path, keep)
        self._whole = self.path.stat().st_size


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def check_writable(path: Path) -> None:
    """Refuse an output that cannot be written, before anything else is done."""
    path = behind_link(path)
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder", f"name a file in it: -o {path / 'captions.jsonl'}")
    if not os.path.isdir(path.parent):
        raise UsageError(f"the folder {path.parent} does not exist", f"create it: mkdir -p {path.parent}")
    target = path if os.path.exists(path) else path.parent
    if not os.access(target, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise CliError(f"{target} cannot be written", "choose another place with -o, or change its permissions")
