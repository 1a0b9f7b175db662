"""Ours against transformers on the same random weights: python -m tests.bench.against_transformers --shape small.

Both sides live in one process and take turns (A B A B ...) after a warm-up, so that a busy machine is equally busy for
both. Medians, their ratio and the ratio of the best times are printed; the last line is one JSON document. Peak memory
and the time from nothing to a whole answer are those of a process of its own for each side.

On a GPU (--device cuda, no network needed) the weights are made on the device, clocks wait for it, and peak memory is
what tensors took there. --quantize and --attention change our side only; transformers runs as it does by default.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from model.devices import choose_device
from model.reading import read_json
from model.roofline import peak_bytes
from model.tokenizer import Tokenizer
from tests.bench.make_checkpoint import SHAPES, make_checkpoint
from tests.bench.sides import LOADS, Clock, Load, Ours, Running, Theirs, Work, make_work
from tests.bench.turns import CLOCKS, clock_of, facts, print_head, print_json, print_row, take_turns

Stage = Callable[[Ours | Theirs], float]


def stages(work: Work) -> dict[str, tuple[Stage, Stage]]:
    """Name the stages; both sides offer the same ones."""
    found: dict[str, Stage] = {
        "load": lambda side: side.load(),
        "preprocess": lambda side: side.preprocess(work),
        "vision, picture": lambda side: side.vision(work.picture),
        "vision, clip": lambda side: side.vision(work.clip),
        "prefill": lambda side: side.prefill(work),
        "first token": lambda side: side.first(work),
        "decode, a token": lambda side: side.decode(work),
    }
    return {name: (stage, stage) for name, stage in found.items()}


def amount_of(shape: str, side: int) -> Load:
    """The work at a shape; `side` of the picture in pixels replaces the shape's own unless it is 0."""
    return replace(LOADS[shape], picture=side) if side else LOADS[shape]


def run_alone(side: str, shape: str, folder: Path, running: Running, amount: Load) -> dict[str, float]:
    """Start a fresh process that loads one side and answers once; return its peak memory and its seconds."""
    command = [sys.executable, "-m", "tests.bench.against_transformers"]
    command += ["--alone", side, "--shape", shape, "--checkpoint", str(folder)]
    command += [f"--{name}={value}" for name, value in vars(running).items()]
    command.append(f"--side={amount.picture}")
    began = perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"answer_s": perf_counter() - began, **json.loads(done.stdout.splitlines()[-1])}


def alone(side: str, amount: Load, folder: Path, running: Running) -> None:
    """Answer once and print the peak memory of this process."""
    runner: Ours | Theirs
    if side == "ours":
        runner = Ours(folder, perf_counter, running)
        tokenizer = runner.loaded.tokenizer
    else:
        runner, tokenizer = Theirs(folder, perf_counter, running, stored_dtype(folder)), Tokenizer.from_file(folder)
    runner.answer(make_work(amount, folder, tokenizer))
    print_json({"peak_bytes": peak_bytes(torch.device(running.device))})


def stored_dtype(folder: Path) -> str:
    return str(read_json(folder / "config.json")["torch_dtype"])


def compare(
    shape: str, amount: Load, folder: Path, runs: int, clock: Clock, running: Running, only: Sequence[str] = ()
) -> dict[str, Any]:
    """Print the table and return everything that was measured; `only` some stages spare the lone processes too."""
    ours = Ours(folder, clock, running)
    theirs = Theirs(folder, clock, running, ours.loaded.dtype)
    work = make_work(amount, folder, ours.loaded.tokenizer)
    mine, other = ours.logits(work), theirs.logits(work)
    apart = float((mine - other).norm() / other.norm())
    kind = f"{ours.loaded.dtype} on {running.device}, ours quantised: {running.quantize}"
    print(f"{shape}, {kind}, {len(work.ids)} tokens of prompt; logits {apart:.1e} apart")
    print_head("transformers")
    chosen = {name: stage for name, stage in stages(work).items() if not only or name.startswith(tuple(only))}
    rows = take_turns(chosen, ours, theirs, runs)
    attention = ours.loaded.model.backend.name
    del ours, theirs
    lone = {} if only else {side: run_alone(side, shape, folder, running, amount) for side in ("ours", "theirs")}
    for name, key, size, unit in (("peak memory", "peak_bytes", 2**20, "MiB"), ("process, answer", "answer_s", 1, "s")):
        if lone:
            a, b = lone["ours"][key], lone["theirs"][key]
            print_row(name, f"{a / size:.1f} {unit}", f"{b / size:.1f} {unit}", b / a)
    return {
        "shape": shape,
        "dtype": stored_dtype(folder),
        **vars(running),
        "attention": attention,
        "picture_side": amount.picture,
        "prompt_tokens": len(work.ids),
        "runs": runs,
        "logits_apart": apart,
        "machine": facts(torch.device(running.device), transformers=version("transformers")),
        "stages": rows,
        "processes": lone,
    }


def arguments_of(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--checkpoint", type=Path, help="folder of make_checkpoint; made for the occasion when missing")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: processor seconds, beside other work")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N")
    parser.add_argument("--quantize", choices=("none", "int8", "int4"), default="none", help="our side only")
    parser.add_argument("--attention", choices=("auto", "eager", "sdpa", "varlen"), default="auto", help="likewise")
    parser.add_argument("--only", nargs="+", default=(), help="first words of the stages to measure")
    parser.add_argument("--side", type=int, default=0, help="of the picture in pixels, instead of the shape's own")
    parser.add_argument("--alone", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.clock == "cpu" and not arguments.device.startswith("cpu"):
        parser.error("--clock cpu says nothing about a GPU")
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, make a checkpoint where none is given, measure."""
    arguments = arguments_of(argv)
    device = choose_device(arguments.device)
    running = Running(str(device), arguments.quantize, arguments.attention)
    amount = amount_of(arguments.shape, arguments.side)
    if arguments.alone:
        alone(arguments.alone, amount, arguments.checkpoint, running)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.checkpoint or make_checkpoint(
            arguments.shape, Path(scratch) / arguments.shape, running.device
        )
        clock = clock_of(arguments.clock, device)
        result = compare(arguments.shape, amount, folder, arguments.runs, clock, running, arguments.only)
        print_json({"clock": arguments.clock} | result)


if __name__ == "__main__":
    main()
