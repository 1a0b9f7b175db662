"""Choose width and depth: `python -m model.training.ablate_sizes --out runs/sizes --minutes 5`.

Networks of several sizes are trained from fresh weights, each for the same minutes on this machine, on the same
pictures and clips in the same order, by the recipe's own steps; then all are measured on the same samples that no run
draws. A small network sees more samples in its minutes. OUT gets one log a size, report.json and report.md, the table
for RESULTS.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from model.config import model_config, preprocess_config
from model.tokenizer import Tokenizer
from model.training.ablating import among, begin
from model.training.batches import BatchSource, stream
from model.training.data import PARTS, Plan
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.feeding import timed
from model.training.log import Log
from model.training.modeling import PLANS, losses, small_config
from model.training.state import Run, fresh
from model.training.train import arithmetic, compile_elementwise, count_shown, progress, shares, train_step

# Widths, blocks, feed-forwards and heads as in PLANS: heads of 64 in both halves, feed-forwards of 2.7 widths.
SIZES: dict[str, dict[str, int]] = {
    "plan": PLANS["cpu"],
    "wide": {"vw": 256, "vd": 4, "vf": 688, "vh": 4, "dw": 384, "dd": 3, "df": 1024, "dh": 6, "dk": 2},
    "deep": {"vw": 128, "vd": 10, "vf": 344, "vh": 2, "dw": 192, "dd": 9, "df": 512, "dh": 3, "dk": 1},
    "small": {"vw": 128, "vd": 5, "vf": 344, "vh": 2, "dw": 192, "dd": 4, "df": 512, "dh": 3, "dk": 1},
}
TOLD = ("language", "thing", "colour", "motion", "decoder_order", "point_about")  # the losses that are reported
HELD_SEED = 1_000_003  # of the samples to measure on
Row = dict[str, Any]


def source_of(run: Run, seed: int, args: argparse.Namespace) -> BatchSource:
    """Batches at full difficulty, whose order depends on nothing but the seed."""
    plan = Plan(seed=seed, batch=args.batch, questions=args.questions, parts=args.parts, clips_from=0.0, ramp=0.0)
    preprocess = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    source = BatchSource(plan, str(TOKENIZER), model_config(run.config), preprocess)
    source.progress.fill_(1.0)
    return source


def teach(run: Run, args: argparse.Namespace, log: Log) -> None:
    """Train one network for the given minutes of its own steps; the drawing of samples is not counted."""
    device = next(run.model.parameters()).device
    for given in timed(stream(source_of(run, args.seed, args), range(1 << 40), args.workers), device):
        begin, done = time.monotonic(), progress(run, args)
        if done >= 1.0:
            break
        values = train_step(run, given.batch, done, args)
        count_shown(run, given, 1)
        run.elapsed += time.monotonic() - begin
        log.add(run, values, given, done)


def measured(run: Run, args: argparse.Namespace) -> dict[str, float]:
    """Mean losses of the last weights on samples that no run draws."""
    device = next(run.model.parameters()).device
    found: dict[str, list[float]] = {}
    for given in timed(stream(source_of(run, HELD_SEED, args), range(args.held), args.workers), device):
        with torch.no_grad(), arithmetic(device, args.bfloat16):
            values = losses(run.model, run.teachers, given.batch)
        for name in TOLD:
            if name in values:
                found.setdefault(name, []).append(float(values[name]))
    return {name: round(fmean(values), 4) for name, values in found.items()}


def row_of(name: str, args: argparse.Namespace, device: torch.device) -> Row:
    """Train and measure one size."""
    config = small_config(SIZES[name], Tokenizer.from_file(TOKENIZER))
    torch.compiler.reset()  # what was compiled for the size before counts against the limit of this one
    run = fresh(config, args, device)
    if args.compile:
        compile_elementwise(run.model)
    teach(run, args, Log(Path(args.out) / f"{name}.jsonl", args.log_every))
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    seen = {"steps": run.step, "samples": run.samples, "seconds": round(run.elapsed, 1)}
    return {"size": name, **SIZES[name], "parameters": parameters, **seen, "losses": measured(run, args)}


def markdown(rows: Sequence[Row], command: str) -> str:
    """The table for RESULTS.md."""
    told = [name for name in TOLD if any(name in row["losses"] for row in rows)]
    head = ["size", "tower", "decoder", "parameters", "steps", "samples", *told]
    lines = [f"`{command}`", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        sizes = [f"{row['vw']} x {row['vd']}", f"{row['dw']} x {row['dd']}", f"{row['parameters'] / 1e6:.1f} M"]
        scores = [f"{row['losses'][name]:.3f}" if name in row["losses"] else "-" for name in told]
        cells = [row["size"], *sizes, str(row["steps"]), str(row["samples"]), *scores]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m model.training.ablate_sizes", description=__doc__)
    made.add_argument("--out", required=True, help="folder of the logs and the report")
    made.add_argument("--sizes", type=among(SIZES), default=list(SIZES), help=",".join(SIZES))
    made.add_argument("--parts", type=shares, default=PARTS, help="parts and their shares, as for training")
    made.add_argument("--minutes", type=float, default=5.0, help="training of each size; 0: --steps alone")
    made.add_argument("--steps", type=int, default=0, help="at most so many steps of each")
    made.add_argument("--batch", type=int, default=16, help="pictures a step")
    made.add_argument("--questions", type=int, default=4, help="questions asked about each picture or clip")
    made.add_argument("--held", type=int, default=40, help="batches to measure on")
    made.add_argument("--lr", type=float, default=2e-3)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--device", default="")
    made.add_argument("--workers", type=int, default=0)
    made.add_argument("--no-bfloat16", dest="bfloat16", action="store_false")
    made.add_argument("--no-compile", dest="compile", action="store_false")
    made.add_argument("--log-every", type=int, default=25)
    made.set_defaults(init=None, tower_parts=(), heads_first=0.0)  # what the recipe's step asks for
    return made


def main(words: Sequence[str]) -> list[Row]:
    """Train and measure every size, write the report and print its table."""
    args, out, device = begin(parser(), words)
    rows = []
    for name in args.sizes:
        rows.append(row_of(name, args, device))
        (out / "report.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        (out / "report.md").write_text(markdown(rows, args.command), encoding="utf-8")
    print(markdown(rows, args.command))
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
