"""Batches are moved ahead, shown again only while none is ready, and never too often or too soon."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import cast

import pytest
import torch

from model.training.batches import Batch
from model.training.feeding import APART, KEPT, Fed, fed

CPU = torch.device("cpu")


class Numbered:
    """What feeding needs to know of a batch: that it can be moved."""

    def __init__(self, number: int) -> None:
        self.number, self.moved_in = number, ""

    def to(self, device: torch.device) -> "Numbered":
        self.moved_in = threading.current_thread().name
        return self


def numbered(count: int, gate: threading.Semaphore | None = None) -> Iterator[Batch]:
    for number in range(count):
        if gate is not None:
            gate.acquire()
        yield cast(Batch, Numbered(number))


def number_of(given: Fed) -> int:
    return cast(Numbered, given.batch).number


def test_a_cpu_is_fed_each_batch_once_without_a_thread() -> None:
    found = list(fed(numbered(5), CPU, 1))
    assert [number_of(given) for given in found] == [0, 1, 2, 3, 4] and all(given.fresh for given in found)
    assert {cast(Numbered, given.batch).moved_in for given in found} == {threading.current_thread().name}


def test_a_batch_is_shown_again_only_while_none_is_ready_and_late() -> None:
    gate = threading.Semaphore(APART)
    source = fed(numbered(1000, gate), CPU, 3)
    first = list(islice(source, APART))
    assert [number_of(given) for given in first] == list(range(APART)) and all(given.fresh for given in first)
    again = list(islice(source, APART))  # nothing new is ready: the oldest come again, in their order
    assert [number_of(given) for given in again] == list(range(APART)) and not any(given.fresh for given in again)
    gate.release()
    end = time.monotonic() + 30
    while not (given := next(source)).fresh:
        assert time.monotonic() < end
    assert number_of(given) == APART
    gate.release()  # else the thread would wait for it, and closing for the thread
    source.close()  # type: ignore[attr-defined]


def test_no_batch_is_shown_more_often_than_allowed_nor_sooner() -> None:
    def slow() -> Iterator[Batch]:
        for batch in numbered(4 * APART):
            time.sleep(0.001)
            yield batch

    order = [number_of(given) for given in islice(fed(slow(), CPU, 3), 5 * APART)]
    assert max(Counter(order).values()) <= 3
    last: dict[int, int] = {}
    for place, number in enumerate(order):
        assert place - last.get(number, -KEPT) >= APART / 2
        last[number] = place


def test_what_ends_or_fails_in_the_source_does_so_where_batches_are_taken() -> None:
    def failing() -> Iterator[Batch]:
        yield from numbered(2)
        raise ValueError("out of paper")

    source = fed(failing(), CPU, 2)
    assert [number_of(given) for given in islice(source, 2)] == [0, 1]
    with pytest.raises(ValueError, match="out of paper"):
        next(source)
    assert [number_of(given) for given in fed(numbered(3), CPU, 2)] == [0, 1, 2]


def test_a_run_that_stops_leaves_no_thread() -> None:
    before = threading.active_count()
    source = fed(numbered(1 << 40), CPU, 2)
    next(source)
    assert threading.active_count() == before + 1
    source.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
