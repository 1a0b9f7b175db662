"""Ours against transformers on the same random weights: python -m tests.bench.against_transformers --shape small.

Both sides live in one process and take turns (A B A B ...) after a warm-up, so that a busy machine is equally busy for
both. Medians, their ratio and the ratio of the best times are printed; the last line is one JSON document. Peak memory
and the time from nothing to a whole answer are those of a process of its own for each side.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch

from model.config import read_json
from model.tokenizer import Tokenizer
from tests.bench.make_checkpoint import SHAPES, make_checkpoint
from tests.bench.sides import LOADS, Ours, Theirs, Work, make_work

Stage = Callable[[Ours | Theirs, Work], float]
CLOCKS = {"wall": perf_counter, "cpu": process_time}
STAGES: dict[str, Stage] = {
    "load": lambda side, _: side.load(),
    "preprocess": lambda side, work: side.preprocess(work),
    "vision, picture": lambda side, work: side.vision(work.picture),
    "vision, clip": lambda side, work: side.vision(work.clip),
    "prefill": lambda side, work: side.prefill(work),
    "decode, a token": lambda side, work: side.decode(work),
}


def take_turns(ours: Ours, theirs: Theirs, work: Work, runs: int) -> dict[str, dict[str, float]]:
    """Measure every stage: one warm-up each, then `runs` turns; return medians in seconds and their ratio."""
    rows = {}
    for name, stage in STAGES.items():
        stage(ours, work), stage(theirs, work)
        pairs = [(stage(ours, work), stage(theirs, work)) for _ in range(runs)]
        sides = list(zip(*pairs, strict=True))
        (mine, other), (least, lowest) = map(median, sides), map(min, sides)
        rows[name] = {"ours_s": mine, "theirs_s": other, "ratio": other / mine, "ratio_of_best": lowest / least}
        print_row(name, f"{1000 * mine:.2f} ms", f"{1000 * other:.2f} ms", other / mine, lowest / least)
    return rows


def print_row(name: str, mine: str, other: str, *ratios: float) -> None:
    print(f"{name:24}{mine:>14}{other:>16}" + "".join(f"{ratio:>10.2f}x" for ratio in ratios), flush=True)


def run_alone(side: str, shape: str, folder: Path) -> dict[str, float]:
    """Start a fresh process that loads one side and answers once; return its peak memory and its seconds."""
    command = [sys.executable, "-m", "tests.bench.against_transformers"]
    command += ["--alone", side, "--shape", shape, "--checkpoint", str(folder)]
    began = perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"answer_s": perf_counter() - began, **json.loads(done.stdout.splitlines()[-1])}


def alone(side: str, shape: str, folder: Path) -> None:
    """Answer once and print the peak memory of this process."""
    runner: Ours | Theirs
    if side == "ours":
        runner = Ours(folder, perf_counter)
        tokenizer = runner.loaded.tokenizer
    else:
        runner, tokenizer = Theirs(folder, perf_counter, stored_dtype(folder)), Tokenizer.from_file(folder)
    runner.answer(make_work(LOADS[shape], folder, tokenizer))
    print(json.dumps({"peak_bytes": peak_bytes()}))


def peak_bytes() -> int:
    """Return the peak resident memory of this process; on Linux not by getrusage, which counts the parent's too."""
    status = _lines("/proc/self/status")
    if status:
        return 1024 * int(next(line.split()[1] for line in status if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def stored_dtype(folder: Path) -> str:
    return str(read_json(folder / "config.json")["torch_dtype"])


def machine() -> dict[str, Any]:
    """Say where and with what this was measured."""
    import transformers

    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _lines(name: str) -> list[str]:
    file = Path(name)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def compare(shape: str, folder: Path, runs: int, clock: str) -> dict[str, Any]:
    """Print the table and return everything that was measured."""
    ours = Ours(folder, CLOCKS[clock])
    theirs = Theirs(folder, CLOCKS[clock], ours.loaded.dtype)
    work = make_work(LOADS[shape], folder, ours.loaded.tokenizer)
    mine, other = ours.logits(work), theirs.logits(work)
    apart = float((mine - other).norm() / other.norm())
    print(f"{shape}, {clock} time, {ours.loaded.dtype}, {len(work.ids)} tokens of prompt; logits {apart:.1e} apart")
    print(f"{'':24}{'ours':>14}{'transformers':>16}{'ratio':>11}{'of best':>11}")
    rows = take_turns(ours, theirs, work, runs)
    del ours, theirs
    lone = {side: run_alone(side, shape, folder) for side in ("ours", "theirs")}
    for name, key, size, unit in (("peak memory", "peak_bytes", 2**20, "MiB"), ("process, answer", "answer_s", 1, "s")):
        a, b = lone["ours"][key], lone["theirs"][key]
        print_row(name, f"{a / size:.1f} {unit}", f"{b / size:.1f} {unit}", b / a)
    facts = {
        "shape": shape,
        "clock": clock,
        "dtype": stored_dtype(folder),
        "prompt_tokens": len(work.ids),
        "runs": runs,
    }
    return facts | {"logits_apart": apart, "machine": machine(), "stages": rows, "processes": lone}


def main() -> None:
    """Read the arguments, make a checkpoint where none is given, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--checkpoint", type=Path, help="folder of make_checkpoint; made for the occasion when missing")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: processor seconds, beside other work")
    parser.add_argument("--alone", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        alone(arguments.alone, arguments.shape, arguments.checkpoint)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.checkpoint or make_checkpoint(arguments.shape, Path(scratch) / arguments.shape)
        print(json.dumps(compare(arguments.shape, folder, arguments.runs, arguments.clock)))


if __name__ == "__main__":
    main()
