"""Which files a batch is about, in which order, and which of them are done: everything known before a model loads."""

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from qwenvl_cli.batch.journal import Entry
from qwenvl_cli.errors import MediaError, UsageError

_IMAGES = "jpg jpeg jpe jfif png apng gif webp bmp dib tif tiff avif heic heif jp2 ico ppm pgm pbm tga qoi"
_VIDEOS = "mp4 m4v mov qt mkv webm avi mpg mpeg ts mts m2ts 3gp 3g2 wmv flv ogv mxf vob y4m"
MEDIA_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_IMAGES} {_VIDEOS}".split())
LIST_SUFFIXES = frozenset((".txt", ".lst"))
GLOB_CHARS = "*?["
STDIN = "-"


def find(sources: Sequence[str], stdin: BinaryIO, *, nul: bool = False) -> list[str]:
    """Return the paths of all media that folders, globs, lists and files name: each once.

    Folders and globs are sorted and taken by suffix, hidden entries left out; files and lists are taken as they are.
    """
    found = [path for source in sources for path in _of_source(source, sources, stdin, nul)]
    unique: dict[str, str] = {}
    for path in found:
        unique.setdefault(os.path.abspath(path), path)
    if not unique:
        raise MediaError(
            f"no pictures or clips in {', '.join(sources)}",
            "check the folder, or name files of another suffix in a list",
        )
    return list(unique.values())


def _of_source(source: str, sources: Sequence[str], stdin: BinaryIO, nul: bool) -> Iterable[str]:
    path = Path(source)
    if source == STDIN:
        return _listed(stdin.read(), nul)
    if path.is_dir():
        return _walk(path)
    if path.is_file():
        if path.suffix.lower() not in LIST_SUFFIXES:
            return [source]
        return [] if _is_sidecar(path, sources) else _listed(path.read_bytes(), nul)
    if any(char in source for char in GLOB_CHARS):
        matches = (match for match in glob.glob(source, recursive=True) if os.path.isfile(match))
        return sorted((match for match in matches if is_media_name(match)), key=sort_key)
    raise MediaError(f"{source} does not exist", "give a folder, a file, a quoted glob or a list of paths")


def is_media_name(path: str) -> bool:
    """Say whether a suffix is that of a picture or clip; what is in the file is found out when it is opened."""
    return Path(path).suffix.lower() in MEDIA_SUFFIXES


def sort_key(path: str) -> tuple[str, ...]:
    """Sort by folder and then name, the same on every system."""
    return Path(path).parts


def _walk(folder: Path) -> list[str]:
    found: list[str] = []
    for here, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(here, name) for name in files if not name.startswith(".") and is_media_name(name)]
    return sorted(found, key=sort_key)


def _is_sidecar(path: Path, sources: Sequence[str]) -> bool:
    """Say whether photo.txt came along with photo.jpg in a shell's photos/*: then it is a caption, not a list."""
    return any(Path(other).with_suffix("") == path.with_suffix("") and is_media_name(other) for other in sources)


def _listed(content: bytes, nul: bool) -> list[str]:
    lines = content.split(b"\0") if nul else content.splitlines()
    names = [os.fsdecode(line.removeprefix(b"\xef\xbb\xbf")) for line in lines]
    return [name if nul else name.strip() for name in names if name.strip()]


@dataclass
class Done:
    """Earlier records, to be matched with items: same digest and settings, the same path first.

    Each record stands for one item, so that two copies of a file need two records, and a renamed file needs no new one.
    """

    entries: Sequence[Entry]
    _by_key: dict[tuple[str | None, str], list[Entry]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups: dict[tuple[str | None, str], list[Entry]] = defaultdict(list)
        for entry in self.entries:
            groups[entry.key].append(entry)
        self._by_key = dict(groups)

    def match(self, items: Sequence[tuple[str, str | None]], settings: str) -> dict[str, Entry]:
        """Return, for the items (path, digest) that are done, the record of each."""
        matched: dict[str, Entry] = {}
        for exact in (True, False):
            for path, sha256 in items:
                if path not in matched and (entry := self._take(path, sha256, settings, exact)):
                    matched[path] = entry
        return matched

    def _take(self, path: str, sha256: str | None, settings: str, exact: bool) -> Entry | None:
        waiting = self._by_key.get((sha256, settings), [])
        for entry in waiting:
            if _same_place(entry.path, path) if exact else sha256 is not None:
                waiting.remove(entry)
                return entry
        return None


def _same_place(one: str, other: str) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)


def sidecar_paths(paths: Sequence[str]) -> dict[str, Path]:
    """Return photo.txt for photo.jpg; where photo.mov stands beside it, photo.jpg.txt and photo.mov.txt."""
    wanted: dict[Path, list[str]] = defaultdict(list)
    for path in paths:
        wanted[Path(path).with_suffix(".txt")].append(path)
    return {
        path: sidecar if len(owners) == 1 else Path(path + ".txt")
        for sidecar, owners in wanted.items()
        for path in owners
    }


def check_sidecars(sidecars: Iterable[Path]) -> None:
    """Refuse folders that captions cannot be written to."""
    for folder in {sidecar.parent for sidecar in sidecars}:
        if folder.is_dir() and not os.access(folder, os.W_OK):
            raise UsageError(f"--sidecar cannot write in {folder}", "change its permissions, or leave out --sidecar")
