"""Averages the ends of several runs: `python -m model.training.average RUN1.pt RUN2.pt --out MEAN.pt`.

Runs that go on from each other or, side by side, from the same weights, each ending in a decay of its own, end on
different sides of a good place; their mean lies nearer to it than any of them (stochastic weight averaging, arXiv
1803.05407). It is exported, or gone on from, as any checkpoint. A run that learnt what those before it never met weighs
more than they do: `--shares 1 4`.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.training.export import told
from model.training.state import read_state, write_checkpoint

LEFT = ("optimizers", "refit")  # what has no meaning for a mean; without the former no run is resumed
State = Mapping[str, Any]


def mean_of(states: Sequence[State], weights: Sequence[float] | None = None) -> dict[str, Any]:
    """A checkpoint as the last of `states`, whose weights are the mean of the averaged ones of all of them.

    They weigh as `weights` (positive, one each) says, else alike. Raises ValueError where they are of different
    networks, or `weights` is of others.
    """
    last = states[-1]
    if any(state["config"] != last["config"] for state in states):
        raise ValueError("these checkpoints hold different networks: average the ends of runs of one network")
    parts = weighed(weights or [1.0] * len(states), len(states))
    mean: dict[str, Tensor] = {
        name: torch.tensordot(torch.tensor(parts), torch.stack([state["average"][name].float() for state in states]), 1)
        for name in last["average"]
    }
    ends = [end for state in states for end in state.get("ends", [samples_shown(state)])]
    shares = [share * part for state, part in zip(states, parts, strict=True) for share in shares_of(state)]
    kept = {key: value for key, value in last.items() if key not in LEFT}
    return {**kept, "model": mean, "average": mean, "ends": ends, "shares": shares, "before": before(states)}


def weighed(weights: Sequence[float], count: int) -> list[float]:
    """What each of `count` checkpoints weighs in a mean, of 1 in all; raises ValueError where `weights` do not say."""
    if len(weights) != count or not all(0 < weight < math.inf for weight in weights):
        raise ValueError(f"{len(weights)} shares for {count} checkpoints: give one positive number for each")
    return [weight / sum(weights) for weight in weights]


def shares_of(state: State) -> list[float]:
    """What each end weighs in the weights of a checkpoint, which may itself be a mean."""
    count = len(state.get("ends", [0]))
    return list(state.get("shares", [1 / count] * count))


def before(states: Sequence[State]) -> list[dict[str, Any]]:
    """The runs before the last one, and those of the others that it did not go on from: they ran beside it."""
    *earlier, own = told(states[-1])
    for run in (run for state in states[:-1] for run in told(state)):
        if run not in (*earlier, own):
            earlier.append({**run, "beside": True})
    return earlier


def samples_shown(state: State) -> int:
    """How many samples the weights of a checkpoint had seen, in its run and in those before."""
    return int(state.get("samples", 0)) + sum(int(run.get("samples", 0)) for run in state.get("before", []))


def main() -> None:
    """Read the checkpoints, average, write."""
    made = argparse.ArgumentParser(prog="python -m model.training.average", description=__doc__)
    made.add_argument(
        "checkpoints", type=Path, nargs="+", help="or exported folders, of runs in their order, the last one last"
    )
    made.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    made.add_argument(
        "--shares", type=float, nargs="+", help="what each weighs beside the others, in their order (all alike)"
    )
    args = made.parse_args()
    states = [read_state(path) for path in args.checkpoints]
    try:
        write_checkpoint(args.out, mean_of(states, args.shares))
    except ValueError as error:
        raise SystemExit(str(error)) from error
    print(f"saved {args.out}")


if __name__ == "__main__":
    main()
