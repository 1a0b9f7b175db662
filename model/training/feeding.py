"""Feeds a run its batches: moved to the device while it works, and shown again where it would wait for a new one.

Drawing is the slower half beside a GPU. A batch that was seen some dozens of steps ago teaches nearly as much as a new
one, as long as it does not come often (data echoing, arXiv 1907.05550).
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread

import torch

from model.training.batches import Batch

AHEAD = 2  # batches on the device before they are needed
KEPT = 64  # batches that may be shown again, the oldest first
APART = 24  # batches at least between two showings of one
PATIENCE = 0.5  # seconds after which a waiting thread looks whether it is still wanted


@dataclass(frozen=True)
class Fed:
    """A batch on the device, the seconds waited for it, and whether it was never shown before."""

    batch: Batch
    waited: float
    fresh: bool = True


class Mover:
    """A thread that takes batches from their source and moves them to the device, ahead of need."""

    def __init__(self, batches: Iterator[Batch], device: torch.device) -> None:
        self._ready: Queue[Batch | BaseException | None] = Queue(AHEAD)
        self._done = Event()
        self.ended = False  # whether the source had no more when a batch was last asked for
        self._thread = Thread(target=self._move, args=(batches, device), daemon=True)
        self._thread.start()

    def _move(self, batches: Iterator[Batch], device: torch.device) -> None:
        try:
            for batch in batches:
                if not self._put(batch.to(device)):
                    return
            self._put(None)
        except BaseException as error:  # raised again where the batch is taken
            self._put(error)

    def _put(self, item: Batch | BaseException | None) -> bool:
        """Hand over one item; False when nobody wants it any more."""
        while not self._done.is_set():
            try:
                self._ready.put(item, timeout=PATIENCE)
            except Full:
                continue
            return True
        return False

    def take(self, wait: bool) -> Batch | None:
        """The next batch; None where there are no more, or without `wait` where none is ready."""
        try:
            item = self._ready.get(wait)
        except Empty:
            return None
        self.ended = item is None
        if isinstance(item, BaseException):
            raise item
        return item

    def stop(self) -> None:
        """Let the thread end, so that its source can be closed."""
        self._done.set()
        self._thread.join()


def fed(batches: Iterator[Batch], device: torch.device, showings: int) -> Iterator[Fed]:
    """Yield batches on the device; each up to `showings` times, again only while no new one is ready."""
    if device.type == "cpu" and showings == 1:
        yield from timed(batches, device)
        return
    mover = Mover(batches, device)
    try:
        yield from again(mover, showings)
    finally:
        mover.stop()


def timed(batches: Iterator[Batch], device: torch.device) -> Iterator[Fed]:
    """Yield each batch with the seconds that were spent waiting for it."""
    while True:
        begin = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        yield Fed(batch.to(device), time.monotonic() - begin)


def again(mover: Mover, showings: int) -> Iterator[Fed]:
    """Yield what the mover has ready, and the batch shown longest ago while it has nothing."""
    shown: deque[tuple[Batch, int]] = deque(maxlen=KEPT)  # with the showings left
    while True:
        begin = time.monotonic()
        batch = mover.take(wait=len(shown) < APART)
        if batch is not None:
            fresh, left = True, showings - 1
        elif mover.ended:
            return
        else:
            batch, left = shown.popleft()
            fresh, left = False, left - 1
        if left:
            shown.append((batch, left))
        yield Fed(batch, time.monotonic() - begin, fresh)
