"""Measure the tower's positions: `python -m model.training.ablate_positions --out runs/positions --minutes 7`.

Towers that differ only in how they are told where a patch stands (`localising`) are trained side by side: every batch
is drawn once and every tower takes one step on it, so that all see the same pictures in the same order for the same
number of steps, from equal weights, under the same schedule. Then each is tested on pictures of its own shape and of
others. OUT gets log.jsonl, report.json and report.md, the tables for RESULTS.md. A run that was stopped goes on from
its last checkpoint when the same command is given again; measured in steps, it gives the same numbers every time.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.attention import Backend
from model.config import PreprocessConfig, VisionConfig
from model.training import localising
from model.training.ablating import among, begin
from model.training.localising import FRAME, SIDE, SOURCES, VARIANTS, Pictures, Reader, TableTower
from model.training.sample import CELL
from model.training.state import CHECKPOINT, make_optimizers, write_checkpoint
from model.training.train import arithmetic
from model.vision import VisionTower

SHAPES = ("16x16", "16x20", "12x20", "20x16", "24x24", "8x32")  # patches, rows x columns
NEAR = CELL / 2  # pixels; a thing is localised when its centre is found within these across and down
SDPA = Backend("sdpa", "training")
LEARNED = ("row_column", "learned_1d")
NAMES = {"rope": "2-D RoPE", "row_column": "learned rows + columns", "learned_1d": "learned 1-D", "none": "none"}
ASKED = {
    "coordinates": "The reader knows where every token stands, as a decoder with M-RoPE does:",
    "landmark": "The reader knows only where the landmark stands:",
    "features": "The reader knows no place:",
}
HEADING = (
    f"Share of things localised to half a merged token ({NEAR:.0f} px across and down), in percent, and the mean error "
    f"in pixels. In brackets: the share of those that lie beyond row or column {SIDE}."
)

Cell = dict[str, float | int | None]


def treatments(variant: str) -> dict[str, tuple[str, bool]]:
    """All that a variant is tested with: how its tables are filled, and whether places are shares of the picture."""
    if variant not in LEARNED:
        return {"as it is": ("clamped", False)}
    return {**{fill: (fill, False) for fill in localising.FILLS}, "interpolated, rescaled": ("interpolated", True)}


@dataclass
class Learner:
    """One tower with its reader and what trains them."""

    tower: VisionTower
    reader: Reader
    optimizers: list[torch.optim.Optimizer]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that is trained."""
        return [*self.tower.parameters(), *self.reader.parameters()]

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
        return {"tower": self.tower.state_dict(), "reader": self.reader.state_dict(), "optimizers": optimizers}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint kept."""
        self.tower.load_state_dict(state["tower"])
        self.reader.load_state_dict(state["reader"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)


@dataclass
class Ablation:
    """All towers of a run and how far it has come; `losses` are sums since the last line of the log."""

    learners: dict[str, Learner]
    step: int = 0
    elapsed: float = 0.0
    losses: dict[str, dict[str, float]] = field(default_factory=dict)


def tower_config(width: int, depth: int) -> VisionConfig:
    """The shape of the towers: heads of 32, every second block attending over the whole picture."""
    return VisionConfig(depth, width, width * 8 // 3 // 16 * 16, width // 32, width, tuple(range(depth))[1::2])


def make_learner(variant: str, args: argparse.Namespace, device: torch.device) -> Learner:
    """Make one tower and reader with fresh weights and the optimizers of the recipe."""
    config = tower_config(args.width, args.depth)
    tower, reader = localising.make_tower(variant, config), Reader(config.out_hidden_size)
    localising.initialise(tower, reader, args.seed)
    tower, reader = tower.to(device), reader.to(device)
    return Learner(tower, reader, make_optimizers(tower, reader, args.lr))


def look(learner: Learner, pictures: Pictures, bfloat16: bool, fill: str = "clamped") -> tuple[Tensor, Tensor]:
    """Let one tower and its reader see a batch; the reader's part is computed in float32."""
    with arithmetic(pictures.patches.device, bfloat16):
        more = (fill,) if isinstance(learner.tower, TableTower) else ()
        features = learner.tower(pictures.patches, pictures.grids, SDPA, *more)
    scores, told = learner.reader(features, pictures)
    return scores, told


def train_step(learner: Learner, pictures: Pictures, rate: float, bfloat16: bool) -> dict[str, float]:
    """Forward, backward, update; return the losses."""
    losses = localising.reader_losses(*look(learner, pictures, bfloat16), pictures)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(learner.parameters, 1.0)
    for optimizer in learner.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return {name: float(loss.detach()) for name, loss in losses.items()}


def progress(run: Ablation, args: argparse.Namespace) -> float:
    """How much of the plan is done, 0..1, by minutes or by steps, whichever is further."""
    by_time = run.elapsed / (args.minutes * 60 * len(run.learners)) if args.minutes else 0.0
    by_step = run.step / args.steps if args.steps else 0.0
    return min(1.0, max(by_time, by_step))


def rate_factor(done: float) -> float:
    """Learning rate: warm-up over a twentieth of the plan, constant, then linear decay over its second half."""
    return max(0.02, min(1.0, 20 * done, 2 * (1 - done)))


def fixed(args: argparse.Namespace) -> dict[str, Any]:
    """What must be the same for a run to go on: all but its length and where it is computed."""
    return {name: getattr(args, name) for name in ("variants", "seed", "width", "depth", "batch", "lr", "bfloat16")}


def start(args: argparse.Namespace, device: torch.device) -> Ablation:
    """Make a fresh run, or the one that OUT holds."""
    run = Ablation({variant: make_learner(variant, args, device) for variant in args.variants})
    saved = Path(args.out) / CHECKPOINT
    if not saved.exists():
        return run
    state = torch.load(saved, map_location="cpu", weights_only=True)
    if state["args"] != fixed(args):
        raise SystemExit(f"{args.out} holds another run ({state['args']}): give another folder with --out")
    for variant, learner in run.learners.items():
        learner.load(state["learners"][variant])
    run.step, run.elapsed, run.losses = state["step"], state["elapsed"], state["losses"]
    return run


def save(run: Ablation, args: argparse.Namespace) -> None:
    """Write the checkpoint of an ablation."""
    path = Path(args.out) / CHECKPOINT
    state = {
        "learners": {variant: learner.state() for variant, learner in run.learners.items()},
        "step": run.step,
        "elapsed": run.elapsed,
        "losses": run.losses,
        "args": fixed(args),
    }
    write_checkpoint(path, state)


def log_line(run: Ablation, args: argparse.Namespace) -> None:
    """Write the means of the losses since the last line."""
    losses = {
        variant: {name: round(total / args.log_every, 4) for name, total in sums.items()}
        for variant, sums in run.losses.items()
    }
    rate = run.step * args.batch * len(run.learners) / run.elapsed
    line = {"step": run.step, "minutes": round(run.elapsed / 60, 2), "samples_per_s": round(rate, 1), **losses}
    with (Path(args.out) / "log.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)
    run.losses = {}


def train(run: Ablation, args: argparse.Namespace, device: torch.device) -> None:
    """Take steps with all towers until the plan is done; `elapsed` counts the drawing of pictures too."""
    saved = time.monotonic()
    while (done := progress(run, args)) < 1.0:
        begin = time.monotonic()
        seed, rate = f"train/{args.seed}/{run.step}", args.lr * rate_factor(done)
        pictures = localising.draw_batch(seed, args.batch, (FRAME, FRAME), PreprocessConfig(), device)
        for variant, learner in run.learners.items():
            sums = run.losses.setdefault(variant, {})
            for name, loss in train_step(learner, pictures, rate, args.bfloat16).items():
                sums[name] = sums.get(name, 0.0) + loss
        run.step += 1
        run.elapsed += time.monotonic() - begin
        if run.step % args.log_every == 0:
            log_line(run, args)
        if time.monotonic() - saved > args.save_every * 60:
            save(run, args)
            saved = time.monotonic()
    save(run, args)


def summary(errors: Tensor, centres: Tensor) -> Cell:
    """From errors and true centres (N, 2): the shares localised, of all things and of those in new rows or columns."""
    near, new = errors.abs().amax(dim=1) <= NEAR, (centres >= FRAME).any(dim=1)
    return {
        "localised": round(near.float().mean().item(), 4),
        "error_px": round(errors.norm(dim=1).mean().item(), 2),
        "things": len(near),
        "localised_beyond": round(near[new].float().mean().item(), 4) if new.any() else None,
        "things_beyond": int(new.sum()),
    }


def measure_shape(
    run: Ablation, args: argparse.Namespace, shape: str, device: torch.device
) -> dict[str, dict[str, dict[str, Cell]]]:
    """Test all towers on held-out pictures of one shape: variant -> treatment -> source of place -> figures."""
    rows, columns = map(int, shape.split("x"))
    stretch = torch.tensor([columns / SIDE, rows / SIDE], device=device)
    tests = [(variant, name, how) for variant in run.learners for name, how in treatments(variant).items()]
    errors: dict[tuple[str, str, str], list[Tensor]] = {}
    centres: list[Tensor] = []
    for first in range(0, args.pictures, args.batch):
        size, count = (rows * localising.PATCH, columns * localising.PATCH), min(args.batch, args.pictures - first)
        pictures = localising.draw_batch(f"held/{shape}/{first}", count, size, PreprocessConfig(), device)
        centres.append(pictures.centres)
        for variant, name, (fill, rescaled) in tests:
            with torch.no_grad():
                seen = look(run.learners[variant], pictures, args.bfloat16, fill)
            found = localising.estimates(*seen, pictures, stretch if rescaled else torch.ones_like(stretch))
            for source, places in found.items():
                errors.setdefault((variant, name, source), []).append(places - pictures.centres)
    true, cells = torch.cat(centres), dict[str, dict[str, dict[str, Cell]]]()
    for (variant, name, source), parts in errors.items():
        cells.setdefault(variant, {}).setdefault(name, {})[source] = summary(torch.cat(parts), true)
    return cells


def measure(run: Ablation, args: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Test all towers on all shapes and say how they came to be."""
    return {
        "command": args.command,
        "device": device.type,
        "torch": torch.__version__,
        "steps": run.step,
        "samples": run.step * args.batch,
        "seconds": round(run.elapsed, 1),
        "parameters": {name: sum(p.numel() for p in learner.parameters) for name, learner in run.learners.items()},
        "run": fixed(args),
        "shapes": {shape: measure_shape(run, args, shape, device) for shape in SHAPES},
    }


def written(cell: Cell) -> str:
    """One cell of a table: share, share beyond the trained indices, error."""
    share, beyond = 100 * float(cell["localised"] or 0), cell["localised_beyond"]
    new = "" if beyond is None else f" ({100 * beyond:.0f})"
    return f"{share:.0f}{new}, {cell['error_px']:.0f} px"


def table(report: dict[str, Any], source: str) -> str:
    """One Markdown table: towers and treatments down, shapes across."""
    shapes = report["shapes"]
    lines = ["| positions | " + " | ".join(shapes) + " |", "|---" * (len(shapes) + 1) + "|"]
    for variant in report["parameters"]:
        for name, (_, rescaled) in treatments(variant).items():
            if rescaled and source == "coordinates":  # takes no place from tokens, so nothing is rescaled
                continue
            label = f"{NAMES[variant]}, {name}" if variant in LEARNED else NAMES[variant]
            cells = [written(cells[variant][name][source]) for cells in shapes.values()]
            lines.append("| " + " | ".join([label, *cells]) + " |")
    return "\n".join(lines)


def markdown(report: dict[str, Any]) -> str:
    """What RESULTS.md is given: how it was done, and a table for each source of place."""
    parameters = ", ".join(f"{NAMES[name]} {count:,}" for name, count in report["parameters"].items())
    story = (
        f"`{report['command']}`: {report['steps']:,} steps, {report['samples']:,} pictures seen by each tower, "
        f"{report['seconds']:,.0f} seconds for all of them. Parameters: {parameters}."
    )
    parts = [story, HEADING]
    for source in SOURCES:
        parts += [ASKED[source], table(report, source)]
    return "\n\n".join(parts) + "\n"


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m model.training.ablate_positions", description=__doc__)
    made.add_argument("--out", required=True, help="folder of the run: checkpoint, log and report")
    made.add_argument("--variants", type=among(VARIANTS), default=list(VARIANTS), help=",".join(VARIANTS))
    made.add_argument("--minutes", type=float, default=0.0, help="length of the training in minutes for each variant")
    made.add_argument("--steps", type=int, default=0, help="length of the training in steps")
    made.add_argument("--width", type=int, default=64, help="width of the towers, a multiple of 32")
    made.add_argument("--depth", type=int, default=4, help="blocks of the towers")
    made.add_argument("--batch", type=int, default=16, help="pictures a step")
    made.add_argument("--lr", type=float, default=2e-3)
    made.add_argument("--pictures", type=int, default=256, help="pictures of each shape to test on")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--device", default="")
    made.add_argument("--no-bfloat16", dest="bfloat16", action="store_false")
    made.add_argument("--log-every", type=int, default=50)
    made.add_argument("--save-every", type=float, default=2.0, help="minutes between checkpoints")
    return made


def main(words: Sequence[str]) -> dict[str, Any]:
    """Train, test, write the report and print its tables."""
    args, out, device = begin(parser(), words)
    run = start(args, device)
    train(run, args, device)
    report = measure(run, args, device)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (out / "report.md").write_text(markdown(report), encoding="utf-8")
    print(markdown(report))
    return report


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
