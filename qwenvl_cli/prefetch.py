"""Work on the next items in a thread while the caller is busy with the current one, never more than a few ahead."""

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_TICK_S = 0.2


class _Worker(Generic[Item, Result]):
    """The thread's side: results go through a bounded queue, which closes when the reader goes away."""

    def __init__(self, items: Sequence[Item], work: Callable[[Item], Result], depth: int) -> None:
        self.queue: Queue[tuple[Item, Result | Exception]] = Queue(maxsize=depth)
        self.stopped = Event()
        self._items, self._work = items, work

    def run(self) -> None:
        for item in self._items:
            self._put((item, self._try(item)))
            if self.stopped.is_set():
                return

    def _try(self, item: Item) -> Result | Exception:
        try:
            return self._work(item)
        except Exception as error:  # the reader decides what it means
            return error

    def _put(self, entry: tuple[Item, Result | Exception]) -> None:
        while not self.stopped.is_set():
            try:
                self.queue.put(entry, timeout=_TICK_S)
            except Full:
                continue
            return


def ahead(
    items: Sequence[Item], work: Callable[[Item], Result], depth: int = 1
) -> Iterator[tuple[Item, Result | Exception]]:
    """Yield each item with its result or the exception it raised, in order.

    At most `depth` results wait and one more is in the making, so that memory stays bounded whatever the number.
    """
    worker = _Worker(items, work, depth)
    Thread(target=worker.run, name="qwenvl-decode", daemon=True).start()
    left = len(items)
    try:
        while left:
            try:
                entry = worker.queue.get(timeout=_TICK_S)  # a timeout, so that Ctrl-C is seen on every system
            except Empty:
                continue
            left -= 1
            yield entry
            del entry  # a clip may be hundreds of megabytes: hold it no longer than the caller does
    finally:
        worker.stopped.set()
