"""What is made ahead of need: in order, as much as is allowed, and no more when the reader goes away."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwenvl_cli.answering import Asker, Decoded
from qwenvl_cli.batch import runner
from qwenvl_cli.prefetch import ahead
from tests.cli.harness import TEXT, FakeEngine, cli

Make = Callable[..., Path]


def settled(made: list[Any]) -> int:
    """Return how many are made once no more come."""
    while True:
        count = len(made)
        time.sleep(0.15)
        if len(made) == count:
            return count


def made_ahead(costs: list[int], depth: int, limit: int) -> list[int]:
    """Read on slowly; return how many were made beyond those read, each time."""
    made: list[int] = []

    def work(item: int) -> int:
        made.append(item)
        return item

    counts = []
    for count, (item, result) in enumerate(ahead(costs, work, depth, cost=lambda cost: cost, limit=limit), 1):
        assert item == result == costs[count - 1]
        counts.append(settled(made) - count)
    return counts


def test_what_waits_is_bounded_by_number_and_by_size() -> None:
    """One more is in the making, but none beside one that is above the limit by itself; one at least is made."""
    assert made_ahead([1] * 5, 2, 99) == [3, 3, 2, 1, 0]
    assert made_ahead([4] * 5, 9, 9) == [3, 3, 2, 1, 0]
    assert made_ahead([10] * 4, 9, 9) == [1, 1, 1, 0]
    assert made_ahead([1, 1, 10, 1, 1, 1], 9, 9) == [2, 1, 3, 2, 1, 0]


def test_what_fails_costs_nothing() -> None:
    """The exception comes in the place of its item."""

    def work(item: int) -> int:
        if item % 2:
            raise ValueError(item)
        return item

    found = list(ahead(range(5), work, 2, cost=lambda cost: cost, limit=1))
    assert [str(result) for _, result in found] == ["0", "1", "2", "3", "4"]
    assert [isinstance(result, ValueError) for _, result in found] == [False, True, False, True, False]


def test_nothing_is_made_for_a_reader_that_went_away() -> None:
    """The thread ends, also one that waits for room."""
    made: list[int] = []
    found = ahead(range(99), made.append, 2)
    next(found)
    found.close()
    [*_, last] = [thread for thread in threading.enumerate() if thread.name == "qwenvl-decode"] or [None]
    if last is not None:
        last.join(5)
        assert not last.is_alive()
    assert settled(made) <= 4


def test_a_batch_reads_ahead_by_size(tmp_path: Path, picture: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the four that are answered one waits, as it is as large as all that may."""
    for at in range(12):
        picture(f"{at:02}.png", tmp_path / "photos")
    opened: list[str] = []
    at_first: list[int] = []
    real = Asker.open

    def counted(asker: Asker, paths: list[str]) -> Decoded:
        opened.extend(paths)
        return real(asker, paths)

    def answer(messages: Any, media: Any) -> str:
        if not at_first:
            at_first.append(settled(opened))
        return TEXT

    monkeypatch.setattr(Asker, "open", counted)
    monkeypatch.setattr(runner, "MOST_TOKENS", 1)
    out = tmp_path / "o.jsonl"
    assert cli("batch", tmp_path / "photos", "-o", out, "--batch-size", 4, engine=FakeEngine(answer)).exit_code == 0
    assert at_first == [5] and len(opened) == 12
