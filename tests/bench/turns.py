"""What every comparison needs: two sides that take turns, a clock, a table of ratios, the facts of the machine."""

import json
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, process_time
from typing import Any, TypeVar

import torch

from model.roofline import machine, now

CLOCKS = {"wall": perf_counter, "cpu": process_time}
# Loading a large checkpoint takes long and varies little.
LOAD_RUNS = 3
A = TypeVar("A")
B = TypeVar("B")


def clock_of(name: str, device: torch.device) -> Callable[[], float]:
    """Return a clock; on a GPU it waits until the work is done, and only wall time says anything."""
    return CLOCKS[name] if device.type == "cpu" else lambda: now(device)


def take_turns(
    stages: Mapping[str, tuple[Callable[[A], float], Callable[[B], float]]], ours: A, theirs: B, runs: int
) -> dict[str, dict[str, float]]:
    """Measure every stage, one warm-up each, then `runs` turns A B A B; return medians in seconds and their ratio."""
    rows = {}
    for name, (mine, other) in stages.items():
        mine(ours), other(theirs)
        pairs = [(mine(ours), other(theirs)) for _ in range(min(runs, LOAD_RUNS) if name == "load" else runs)]
        sides = list(zip(*pairs, strict=True))
        (a, b), (least, lowest) = map(median, sides), map(min, sides)
        rows[name] = {"ours_s": a, "theirs_s": b, "ratio": b / a, "ratio_of_best": lowest / least}
        print_row(name, f"{1000 * a:.2f} ms", f"{1000 * b:.2f} ms", b / a, lowest / least)
    return rows


def print_head(name: str) -> None:
    print(f"{'':24}{'ours':>14}{name:>16}{'ratio':>11}{'of best':>11}")


def print_row(name: str, mine: str, other: str, *ratios: float) -> None:
    print(f"{name:24}{mine:>14}{other:>16}" + "".join(f"{ratio:>10.2f}x" for ratio in ratios), flush=True)


def facts(device: torch.device, **versions: str) -> dict[str, Any]:
    """Say where and with what this was measured."""
    return machine(device) | versions


def print_json(result: Mapping[str, Any]) -> None:
    """End with one line that a program can read."""
    print(json.dumps(result))
