"""Files that are replaced whole or not at all."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


def behind_link(path: Path) -> Path:
    """Return the file that a link stands for: it is what is locked and replaced, and the link stays."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside `path` and move it there: a reader sees the old content or the new, never a part."""
    path = behind_link(path)
    short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]  # a long name has no room for a suffix
    part = path.with_name(f".qwenvl-{short}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
