"""Captions beside their pictures: what each file is called, whose a file that stands there is, and writing it."""

import errno
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from qwenvl_cli.errors import UsageError
from qwenvl_cli.output.files import replace_file

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def sidecar_paths(paths: Sequence[str]) -> dict[str, Path]:
    """Return photo.txt for photo.jpg; where photo.mov stands beside it, photo.jpg.txt and photo.mov.txt."""
    chosen = {path: os.path.splitext(path)[0] + ".txt" for path in paths}
    while clashing := _clashing(chosen):
        chosen.update((path, path + ".txt") for path in clashing)
    return {path: Path(sidecar) for path, sidecar in chosen.items()}


def _clashing(chosen: dict[str, str]) -> list[str]:
    """Return the paths that share their short name; a long one may take another's short one: a.jpg, a.jpg.webp."""
    owners = Counter(_place(sidecar) for sidecar in chosen.values())
    return [path for path, sidecar in chosen.items() if owners[_place(sidecar)] > 1 and sidecar != path + ".txt"]


def _place(path: str) -> str:
    return os.path.normcase(os.path.abspath(path))


def check_sidecars(sidecars: Iterable[Path]) -> None:
    """Refuse folders that captions cannot be written to."""
    for folder in {sidecar.parent for sidecar in sidecars}:
        if os.path.isdir(folder) and not os.access(folder, os.W_OK):
            raise UsageError(f"--sidecar cannot write in {folder}", "change its permissions, or leave out --sidecar")


class Sidecars:
    """The caption files of one batch; one that holds no text of `written`, its journal's, is the user's and stays."""

    def __init__(self, paths: Sequence[str], written: Iterable[str], *, overwrite: bool) -> None:
        self._files = sidecar_paths(paths)
        self._ours = {_content(text) for text in written} if paths else set()
        self._overwrite = overwrite
        self.kept = 0
        self.failed: list[str] = []

    def write(self, path: str, text: str) -> None:
        """Write the caption of one item if that is wanted; one that cannot be written is kept in mind, no more."""
        sidecar = self._files.get(path)
        if sidecar is None:
            return
        try:
            self._write(sidecar, _content(text))
        except OSError as error:
            if error.errno in DISK_FULL:  # the journal would not fit either
                raise
            self.failed.append(f"{sidecar}: {error.strerror or error}")

    def _write(self, sidecar: Path, content: bytes) -> None:
        there = _read(sidecar)
        if there == content:
            return
        if there is not None and not self._overwrite and there not in self._ours:
            self.kept += 1
            return
        replace_file(sidecar, lambda file: file.write(content))

    def clear(self) -> None:
        """Remove what was written from records that are about to go.

        If the run that replaces them is cut off, the one that goes on could not tell these from the user's own.
        """
        for sidecar in self._files.values():
            with suppress(OSError):
                if _read(sidecar) in self._ours:
                    os.unlink(os.path.realpath(sidecar))


def _content(text: str) -> bytes:
    return (text.strip() + "\n").encode("utf-8", "backslashreplace")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
