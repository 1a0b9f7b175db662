"""Which files a batch is about, in which order, and which of them are done: everything known before a model loads."""

import glob
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from qwenvl_cli.batch.journal import Entry
from qwenvl_cli.errors import MediaError, UsageError

_IMAGES = "jpg jpeg jpe jfif png apng gif webp bmp dib tif tiff avif heic heif jp2 ico ppm pgm pbm qoi"
_VIDEOS = "mp4 m4v mov qt mkv webm avi mpg mpeg ts mts m2ts 3gp 3g2 wmv flv ogv mxf vob y4m"
MEDIA_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_IMAGES} {_VIDEOS}".split())
LIST_SUFFIXES = frozenset((".txt", ".lst"))
GLOB_CHARS = "*?["
STDIN = "-"


@dataclass(frozen=True)
class Found:
    """What the sources hold: the media, each once, and why which folders could not be looked into."""

    paths: list[str]
    unread: dict[str, str]


def find(sources: Sequence[str], stdin: BinaryIO, *, nul: bool = False) -> Found:
    """Return the paths of all media that folders, globs, lists and files name.

    Folders and globs are sorted and taken by suffix, hidden entries left out; files and lists are taken as they are,
    and a pipe is a list.
    """
    if "" in sources:
        raise UsageError("an empty name was given, as an unset variable leaves it", "for the current folder write .")
    search = _Search(stdin, nul, _captioned(sources))
    unique: dict[str, str] = {}
    for path in (path for source in sources for path in search.of(source)):
        unique.setdefault(os.path.abspath(path), path)
    if not unique:
        left_out = [f"{folder} could not be read: {why}" for folder, why in search.unread.items()]
        raise MediaError(
            "; ".join([f"no pictures or clips in {', '.join(sources)}", *left_out[:1]]),
            "check the folder, or name files of another suffix in a list",
        )
    return Found(list(unique.values()), search.unread)


@dataclass
class _Search:
    """Looks into one source after another."""

    stdin: BinaryIO
    nul: bool
    captioned: set[str]
    unread: dict[str, str] = field(default_factory=dict)

    def of(self, source: str) -> Iterable[str]:
        """Return the media of one source."""
        if source == STDIN:
            return _listed(self.stdin.read(), self.nul)
        if os.path.isdir(source):
            return self._walk(str(Path(source)))
        if os.path.isfile(source):
            return self._of_file(source)
        if _is_pipe(source):
            return _listed(Path(source).read_bytes(), self.nul)
        if any(char in source for char in GLOB_CHARS):
            return self._match(source)
        if _is_absent(source):
            raise MediaError(f"{source} does not exist", "give a folder, a file, a quoted glob or a list of paths")
        return [source]  # the name is too long, or its folder is closed: its record will say so

    def _of_file(self, source: str) -> Iterable[str]:
        stem, suffix = os.path.splitext(source)
        if suffix.lower() not in LIST_SUFFIXES:
            return [source]
        return [] if os.path.abspath(stem) in self.captioned else _listed(Path(source).read_bytes(), self.nul)

    def _match(self, pattern: str) -> list[str]:
        for folder in _looked_into(pattern):
            try:
                os.scandir(folder).close()
            except OSError as error:  # which glob passes over in silence
                self.unread[folder] = error.strerror or str(error)
        matches = (match for match in glob.glob(pattern, recursive=True) if os.path.isfile(match))
        return sorted((match for match in matches if is_media_name(match)), key=sort_key)

    def _walk(self, root: str) -> list[str]:
        def failed(error: OSError) -> None:
            folder, why = error.filename or root, error.strerror or str(error)
            if folder == root:
                raise MediaError(f"{root} could not be read: {why}", "change its permissions") from error
            self.unread[folder] = why

        found: list[str] = []
        for here, folders, files in os.walk(root, onerror=failed, followlinks=False):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [os.path.join(here, name) for name in files if not name.startswith(".") and is_media_name(name)]
        return sorted(found, key=sort_key)


def _looked_into(pattern: str) -> Iterator[str]:
    """Yield the folders in which a glob looks for names."""
    while any(char in pattern for char in GLOB_CHARS):
        pattern = os.path.dirname(pattern)
        yield from filter(os.path.isdir, glob.glob(pattern, recursive=True) if pattern else ["."])


def _captioned(sources: Sequence[str]) -> set[str]:
    """Return what precedes .txt in captions of these sources: a shell's photos/* holds them, and they are no lists."""
    media = [os.path.abspath(source) for source in sources if is_media_name(source)]
    return {*media, *(os.path.splitext(path)[0] for path in media)}


def _is_pipe(source: str) -> bool:
    """Say whether this is what a shell makes of <(find ...): a list, as standard input is."""
    try:
        return stat.S_ISFIFO(os.stat(source).st_mode)
    except OSError:
        return False


def _is_absent(source: str) -> bool:
    """Say whether there is nothing of this name, rather than something that cannot be looked at."""
    try:
        os.stat(source)
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return True  # a device, or whatever else holds no list and no picture


def is_media_name(path: str) -> bool:
    """Say whether a suffix is that of a picture or clip; what is in the file is found out when it is opened."""
    return Path(path).suffix.lower() in MEDIA_SUFFIXES


def sort_key(path: str) -> tuple[str, ...]:
    """Sort by folder and then name, the same on every system."""
    return Path(path).parts


def _listed(content: bytes, nul: bool) -> list[str]:
    if not nul and b"\0" in content:
        raise UsageError("the list is separated by NUL bytes, or is UTF-16", "add -0, or save the list as UTF-8")
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
