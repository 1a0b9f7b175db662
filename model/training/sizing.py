"""Sizes a run of training to its machine, and says so.

What the command leaves open is as in the run that it goes on with, else as befits the plan and the device. A mix that
nobody named leaves out what the packed assets are missing for; one that was named is refused.
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from model.facts import system
from model.training.assets.blobs import REMEDY, AssetsMissing
from model.training.assets.pack import at_hand, pack
from model.training.data import CPU, PARTS, RUNGS, WIDE, Shares, drawn_parts, written
from model.training.language import listed
from model.training.parts import parts
from model.training.state import CHECKPOINT
from model.training.together import own_device

MIXES: dict[str, Shares] = {"tiny": PARTS, "cpu": CPU, "gpu": WIDE}  # by plan
USUAL: dict[str, Any] = {
    "tower_parts": (), "questions": 6, "lr": 2e-3, "heads_first": 0.0, "tower_first": 0.2, "tower_share": 0.0,
    "seed": 1,
}  # fmt: skip
OF_A_RUN = ("plan", "batch", "showings", "parts", *USUAL)  # a run goes on with these wherever it does
UNSAID = {"showings": 1, "parts": PARTS}  # what the arguments of a run meant before they could say it


class PlanError(ValueError):
    """Options of a run that do not go together."""


def cores() -> int:
    """How many cores each of the processes that share a run on this machine has, at least 1."""
    machine = system()
    usable = min(machine.cores, machine.quota or machine.cores)
    return max(1, int(usable) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def befitting(device: str, shared: int) -> dict[str, Any]:
    """What a run is like on a kind of device, where each of its processes has so many cores.

    A GPU learns faster than all cores but one draw. A CPU learns on all its cores, and drawing is the smaller share.
    """
    if device == "cuda":
        return {"plan": "gpu", "batch": 128, "showings": 3, "rungs": 2, "workers": max(1, shared - 1)}
    return {"plan": "cpu", "batch": 16, "showings": 1, "rungs": RUNGS, "workers": max(1, shared // 4)}


def begun(out: Path) -> dict[str, Any]:
    """What the run that a folder already holds goes on with, wherever it does; nothing where it holds none."""
    if not (out / CHECKPOINT).exists():
        return {}
    saved = torch.load(out / CHECKPOINT, map_location="cpu", weights_only=True, mmap=True)
    return {name: value for name, value in (UNSAID | saved["args"]).items() if name in OF_A_RUN}


def undrawable(shares: Shares) -> list[str]:
    """The parts of a mix for which there are no packs."""
    return [name for name, share in shares if share and not at_hand(parts()[name].packed, pack())]


def lacking(names: list[str]) -> AssetsMissing:
    """Say which packs these parts lack, and how to make them."""
    kinds = listed(sorted({parts()[name].packed for name in names}), "en")
    return AssetsMissing(f"no packs of {kinds} to draw {listed(names, 'en')}", REMEDY.format(folder=pack().folder))


def fill(args: argparse.Namespace, values: Mapping[str, Any]) -> None:
    """Set those arguments that are still open."""
    for name, value in values.items():
        if getattr(args, name) is None:
            setattr(args, name, value)


def settle(args: argparse.Namespace) -> str:
    """Fill in what the command left open (None); return a line about parts that are left out, "" where none is.

    Raises AssetsMissing where there are no packs for a part that was named, PlanError where its options do not go
    together.
    """
    for known in (begun(Path(args.out)), befitting(own_device(args.device).type, cores()), USUAL):
        fill(args, known)
    if args.tower_parts and not (args.tower_first or args.tower_share):
        raise PlanError("no step teaches the tower alone: give --tower-first or --tower-share, or no --tower-parts")
    left_out = []
    if args.parts is None:
        left_out = undrawable(MIXES[args.plan])
        args.parts = tuple((name, share) for name, share in MIXES[args.plan] if name not in left_out)
    if missing := undrawable(drawn_parts(args.parts, args.tower_parts)):
        raise lacking(missing)
    if not left_out:
        return ""
    missing_packs = lacking(left_out)
    return f"{missing_packs}, which the run goes without; {missing_packs.hint}\n"


def chosen(args: argparse.Namespace) -> str:
    """The settled plan in one line, as options that would choose it."""
    options = " ".join(f"--{name} {getattr(args, name)}" for name in ("plan", "batch", "showings", "rungs", "workers"))
    return f"on {own_device(args.device).type}: {options} --parts {written(args.parts)}"
