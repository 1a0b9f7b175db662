"""The one door to media: finds out what a path or standard input holds and has it decoded."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from qwenvl_cli.errors import MediaError
from qwenvl_cli.media.items import LoadedMedia, PixelLimits, SamplingOptions
from qwenvl_cli.media.sniff import HEAD_BYTES, sniff

__all__ = ["LoadedMedia", "PixelLimits", "SamplingOptions", "digest", "open_media", "sniff"]

STDIN = "-"
_CHUNK = 1 << 20
_FORMATS = "give a picture (JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF, BMP) or a clip (MP4, MOV, MKV, WebM, AVI, TS)"


def open_media(
    path: str, limits: PixelLimits, sampling: SamplingOptions, *, stdin: BinaryIO | None = None
) -> LoadedMedia:
    """Read one picture or clip, from a path or (for "-") from `stdin`; raise MediaError, which names the file."""
    label = "standard input" if path == STDIN else path
    try:
        with _opened(path, stdin) as handle:
            media = _load(handle, limits, sampling)
            handle.seek(0)
            return replace(media, path=path, sha256=_digest(handle))
    except MediaError as error:
        raise MediaError(f"{label}: {error.message}", error.hint) from error
    except OSError as error:
        raise MediaError(f"{label}: {error.strerror or error}", "check the file and its permissions") from error


def digest(path: str) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    try:
        with open(path, "rb") as handle:
            return _digest(handle)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror or error}", "check the file and its permissions") from error


def _load(handle: BinaryIO, limits: PixelLimits, sampling: SamplingOptions) -> LoadedMedia:
    head = handle.read(HEAD_BYTES)
    handle.seek(0)
    if not head:
        raise MediaError("the file is empty", "check how it was made; it has no bytes at all")
    kind = sniff(head)
    if kind is None:
        raise MediaError("this is neither a picture nor a clip that can be read", _FORMATS)
    if kind == "video":
        from qwenvl_cli.media.video import load_clip

        return load_clip(handle, limits, sampling)
    return _load_picture(handle, limits, sampling)


def _load_picture(handle: BinaryIO, limits: PixelLimits, sampling: SamplingOptions) -> LoadedMedia:
    from qwenvl_cli.media.image import MOVING_FORMATS, load_still, open_picture

    with open_picture(handle) as picture:
        if picture.format in MOVING_FORMATS and getattr(picture, "is_animated", False):
            from qwenvl_cli.media.animation import load_animation

            return load_animation(picture, limits, sampling)
        return load_still(picture, limits)


@contextmanager
def _opened(path: str, stdin: BinaryIO | None) -> Iterator[BinaryIO]:
    """Give a seekable handle: the file itself, or a temporary copy of what cannot be read twice (stdin, a pipe)."""
    if path == STDIN:
        if stdin is None:
            raise MediaError("there is nothing to read", "pipe a picture or a clip into the command")
        with _spooled(stdin) as copy:
            yield copy
        return
    _check_path(path)
    with open(path, "rb") as handle:
        if stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            yield handle
            return
        with _spooled(handle) as copy:
            yield copy


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="qwenvl-") as copy:
        while chunk := stream.read(_CHUNK):
            copy.write(chunk)
        copy.seek(0)
        yield copy


def _check_path(path: str) -> None:
    if "\0" in path:
        raise MediaError("a file name cannot hold a zero byte", "check the list of names")
    if Path(path).is_dir():
        raise MediaError("this is a folder", f"caption all that is in it with: qwenvl batch {path} -o captions.jsonl")
    if not os.path.exists(path):
        remote = path.startswith(("http://", "https://"))
        hint = "download it first: this program reads local files only" if remote else "check the name and the folder"
        raise MediaError("there is no such file", hint)


def _digest(handle: BinaryIO) -> str:
    summary = hashlib.sha256()
    while chunk := handle.read(_CHUNK):
        summary.update(chunk)
    return summary.hexdigest()
