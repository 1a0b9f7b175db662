"""A lock file beside the output, so that two batches never write one file; it ends with its process, even killed."""

import os
import sys
from pathlib import Path

from qwenvl_cli.errors import UsageError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class WriterLock:
    """Held from `acquire` to `release`; a file left behind by a killed process does not block anybody."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self.path = output.with_name(output.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise UsageError."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _try_lock(descriptor):
                os.close(descriptor)
                raise UsageError(
                    f"another qwenvl is writing {self._output}", "wait until it ends, or choose another file with -o"
                )
            if self._still_there(descriptor):
                self._descriptor = descriptor
                return
            os.close(descriptor)  # its last owner removed the file between our open and our lock

    def _still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go; the file is removed while the lock is still held, so that nobody else's is."""
        if self._descriptor is None:
            return
        if sys.platform != "win32":
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
