"""One file of many small blobs: a JSON header that says where each lies, then the bytes; read by mapping it."""

import json
import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from model.errors import ModelError

MAGIC = b"qwenvlb1"
REMEDY = "make them with: python -m model.training.assets --out {folder}"
Facts = dict[str, Any]


class AssetsMissing(ModelError):
    """A pack, or something in it, is not there or not readable."""


class AssetsWithheld(ModelError):
    """Something was asked for that the split must not see."""


def write_blobs(path: Path, items: Iterable[tuple[str, bytes, Facts]]) -> int:
    """Write (key, data, facts) triples and return the size of the file; it appears only once it is whole."""
    header: dict[str, list[Any]] = {}
    parts: list[bytes] = []
    place = 0
    for key, data, facts in items:
        header[key] = [place, len(data), facts]
        parts.append(data)
        place += len(data)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(b"".join([MAGIC, len(text).to_bytes(8, "little"), text, *parts]))
    partial.replace(path)
    return path.stat().st_size


class Blobs:
    """Reads one file of blobs; opened at first use, so that it can be handed to a worker process of any kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map: mmap.mmap | None = None
        self._header: dict[str, list[Any]] = {}
        self._start = 0

    def __getstate__(self) -> Facts:
        return {"path": self.path, "_map": None, "_header": {}, "_start": 0}

    def _open(self) -> mmap.mmap:
        if self._map is not None:
            return self._map
        hint = REMEDY.format(folder=self.path.parent.parent)
        try:
            with self.path.open("rb") as file:
                found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise AssetsMissing(f"{self.path}: {error}", hint) from error
        if found[:8] != MAGIC:
            raise AssetsMissing(f"{self.path} is not a pack of this project", hint)
        self._start = 16 + int.from_bytes(found[8:16], "little")
        try:
            self._header = json.loads(found[16 : self._start])
        except ValueError as error:
            raise AssetsMissing(f"{self.path} is damaged: {error}", hint) from error
        self._map = found
        return found

    def __contains__(self, key: str) -> bool:
        self._open()
        return key in self._header

    def __iter__(self) -> Iterator[str]:
        self._open()
        return iter(self._header)

    def __len__(self) -> int:
        self._open()
        return len(self._header)

    def facts(self, key: str) -> Facts:
        """What was noted about a blob."""
        self._open()
        return dict(self._entry(key)[2])

    def data(self, key: str) -> bytes:
        """Read a blob's bytes."""
        whole = self._open()
        place, size, _ = self._entry(key)
        return whole[self._start + place : self._start + place + size]

    def _entry(self, key: str) -> list[Any]:
        try:
            return self._header[key]
        except KeyError:
            raise AssetsMissing(f"{self.path} holds no {key}", REMEDY.format(folder=self.path.parent.parent)) from None
