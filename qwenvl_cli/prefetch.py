"""Work on the next items in a thread while the caller is busy with the current one, never more than memory allows."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Condition, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_TICK_S = 0.2


class _Worker(Generic[Item, Result]):
    """The thread's side: results wait until they are taken, and the work waits for them; it ends with the reader."""

    def __init__(
        self,
        items: Sequence[Item],
        work: Callable[[Item], Result],
        depth: int,
        cost: Callable[[Result], int],
        limit: int,
    ) -> None:
        self._items, self._work, self._depth, self._cost, self._limit = items, work, depth, cost, limit
        self._ready: deque[tuple[int, tuple[Item, Result | Exception]]] = deque()
        self._changed = Condition()
        self._waiting, self._stopped = 0, False  # the cost of what waits, and whether nobody reads on

    def run(self) -> None:
        """Make all results, each when there is room for one more."""
        for item in self._items:
            self._put(item, self._try(item))
            if not self._wait_for(lambda: self._waiting <= self._limit):
                return

    def _try(self, item: Item) -> Result | Exception:
        try:
            return self._work(item)
        except Exception as error:  # the reader decides what it means
            return error

    def _put(self, item: Item, result: Result | Exception) -> None:
        cost = 0 if isinstance(result, Exception) else self._cost(result)
        if self._wait_for(lambda: len(self._ready) < self._depth and self._waiting + cost <= self._limit):
            with self._changed:
                self._ready.append((cost, (item, result)))
                self._waiting += cost
                self._changed.notify_all()

    def _wait_for(self, room: Callable[[], bool]) -> bool:
        """Wait for room, which there is where nothing waits; false where the reader went away."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._ready or room())
            return not self._stopped

    def take(self) -> tuple[Item, Result | Exception]:
        """Wait for the next result, in short naps, so that Ctrl-C is seen on every system."""
        with self._changed:
            while not self._ready:
                self._changed.wait(_TICK_S)
            cost, entry = self._ready.popleft()
            self._waiting -= cost
            self._changed.notify_all()
            return entry

    def stop(self) -> None:
        """Let the thread end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def ahead(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    depth: int = 1,
    *,
    cost: Callable[[Result], int] = lambda result: 0,
    limit: int = 0,
) -> Iterator[tuple[Item, Result | Exception]]:
    """Yield each item with its result or the exception it raised, in order.

    At most `depth` results wait, which cost `limit` together or are one, and at most one more is in the making: none
    beside one that costs more than `limit` by itself. So memory stays bounded whatever the number and the sizes.
    """
    worker = _Worker(items, work, depth, cost, limit)
    Thread(target=worker.run, name="qwenvl-decode", daemon=True).start()
    try:
        for _ in items:
            entry = worker.take()
            yield entry
            del entry  # a clip may be hundreds of megabytes: hold it no longer than the caller does
    finally:
        worker.stop()
