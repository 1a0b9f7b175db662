"""Train the bundled model: `python -m model.training.train --out runs/small --plan cpu --minutes 100`.

One command on a CPU or a GPU. The plan is measured in minutes or steps; a run that was stopped goes on from its last
checkpoint when the same command is given again. Logs one JSON object every `--log-every` steps to OUT/log.jsonl.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.config import model_config, preprocess_config
from model.layers import RMSNorm, SwiGLU
from model.qwen import QwenVL
from model.tokenizer import Tokenizer
from model.training.batches import Batch, BatchSource, stream
from model.training.data import Plan, dense_classes
from model.training.export import PREPROCESSOR, VIDEO_PREPROCESSOR
from model.training.modeling import (
    PLANS,
    DenseHeads,
    build,
    losses,
    small_config,
)

CHECKPOINT = "checkpoint.pt"
TOKENIZER = Path(__file__).parent.parent / "small" / "tokenizer.json"


@dataclass
class Run:
    """Everything that a checkpoint holds, alive."""

    model: QwenVL
    heads: DenseHeads
    average: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    config: dict[str, Any]
    step: int = 0
    samples: int = 0
    questions: int = 0
    elapsed: float = 0.0


def make_optimizers(model: nn.Module, heads: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside blocks (arXiv 2502.16982 scaling), AdamW for embeddings, norms, biases and heads."""
    matrices: list[nn.Parameter] = []
    rest = list(heads.parameters())
    for name, parameter in model.named_parameters():
        inner = parameter.dim() == 2 and "embed" not in name
        (matrices if inner else rest).append(parameter)
    decayed = [p for p in rest if p.dim() > 1]
    plain = [p for p in rest if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(matrices, lr=lr, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98)),
    ]


def start(args: argparse.Namespace, device: torch.device) -> Run:
    """Make a fresh run, one from the weights of another (--init), or the one that OUT already holds."""
    saved = Path(args.out) / CHECKPOINT
    source = saved if saved.exists() else args.init
    state = torch.load(source, map_location="cpu", weights_only=True) if source else None
    config = state["config"] if state else small_config(args.plan, Tokenizer.from_file(TOKENIZER))
    torch.manual_seed(args.seed)
    model = build(config).to(device)
    heads = DenseHeads(config["hidden_size"], dense_classes()).to(device)
    if state:
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    run = Run(model, heads, average, make_optimizers(model, heads, args.lr), config)
    if state and saved.exists():
        for optimizer, kept in zip(run.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        run.average = {name: value.to(device) for name, value in state["average"].items()}
        run.step, run.samples, run.questions = state["step"], state["samples"], state["questions"]
        run.elapsed = state["elapsed"]
    return run


def save(run: Run, args: argparse.Namespace) -> None:
    """Write the checkpoint whole or not at all."""
    path = Path(args.out) / CHECKPOINT
    state = {
        "model": run.model.state_dict(),
        "average": run.average,
        "heads": run.heads.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
        "config": run.config,
        "step": run.step,
        "samples": run.samples,
        "questions": run.questions,
        "elapsed": run.elapsed,
        "args": vars(args),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def progress(run: Run, args: argparse.Namespace) -> float:
    """How much of the plan is done, 0..1, by minutes or by steps, whichever is further."""
    by_time = run.elapsed / (args.minutes * 60) if args.minutes else 0.0
    by_step = run.step / args.steps if args.steps else 0.0
    return min(1.0, max(by_time, by_step))


def rate_factor(step: int, done: float) -> float:
    """Learning rate: warm-up over 200 steps, constant to half of the plan, then linear decay to a fiftieth."""
    return min(1.0, (step + 1) / 200) * max(0.02, min(1.0, (1.0 - done) / 0.5))


def dense_weight(done: float) -> float:
    """Weight of the dense labels: 1 while the tower is young, 0.1 from half of the plan on."""
    return max(0.1, 1.0 - 1.8 * done)


def train_step(
    run: Run, batch: Batch, done: float, args: argparse.Namespace, autocast: AbstractContextManager[Any]
) -> dict[str, Tensor]:
    """Forward, backward, update; return the losses."""
    with autocast:
        found = losses(run.model, run.heads, batch, done < args.tower_first)
    weight = dense_weight(done)
    total = torch.stack([loss if name == "language" else loss * weight for name, loss in found.items()]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([*run.model.parameters(), *run.heads.parameters()], 1.0)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = args.lr * rate_factor(run.step, done)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.step += 1
    run.samples += batch.ids.shape[0]
    run.questions += batch.questions
    update_average(run)
    return {name: loss.detach() for name, loss in found.items()}


def update_average(run: Run) -> None:
    """Let the averaged weights follow the trained ones, over about the last 500 steps."""
    keep = min(0.998, run.step / (run.step + 10))
    with torch.no_grad():
        current = run.model.state_dict()
        torch._foreach_lerp_(list(run.average.values()), [current[name] for name in run.average], 1.0 - keep)


class Log:
    """Means of the losses since the last line, written as JSON lines."""

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every = path, every
        self.sums: dict[str, float] = {}
        self.count = self.samples = 0
        self.waited = 0.0
        self.since = time.monotonic()

    def add(self, run: Run, values: dict[str, Tensor], waited: float, batch: int, done: float) -> None:
        """Take one step's losses and the seconds it waited for its batch; write a line when it is time."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
        self.count += 1
        self.samples += batch
        self.waited += waited
        if self.count < self.every:
            return
        spent = time.monotonic() - self.since
        line = {
            "step": run.step,
            "samples": run.samples,
            "questions": run.questions,
            "minutes": round(run.elapsed / 60, 2),
            "progress": round(done, 4),
            "samples_per_s": round(self.samples / spent, 1),
            "data_wait": round(self.waited / spent, 3),
            **{name: round(total / self.count, 4) for name, total in self.sums.items()},
        }
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        self.sums, self.count, self.samples, self.waited, self.since = {}, 0, 0, 0.0, time.monotonic()


def compile_elementwise(model: nn.Module) -> None:
    """Fuse the passes inside norms and feed-forwards, a sixth of a step on a CPU.

    Whole blocks gain little more and would be compiled anew for every shape of picture.
    """
    for module in model.modules():
        if isinstance(module, RMSNorm | SwiGLU):
            module.compile(dynamic=True)


def timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Yield each batch with the seconds that were spent waiting for it."""
    while True:
        begin = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.monotonic() - begin


def train(args: argparse.Namespace) -> Path:
    """Run the plan to its end (or go on with it) and return the checkpoint's path."""
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    run = start(args, device)
    if args.compile:
        compile_elementwise(run.model)
    autocast = torch.autocast(device.type, torch.bfloat16) if args.bfloat16 else nullcontext()
    source = BatchSource(
        Plan(seed=args.seed, batch=args.batch, questions=args.questions),
        str(TOKENIZER),
        model_config(run.config),
        preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR),
    )
    source.progress.fill_(progress(run, args))
    log, saved = Log(out / "log.jsonl", args.log_every), time.monotonic()
    for batch, waited in timed(stream(source, run.step, args.steps or 1 << 40, args.workers)):
        begin, done = time.monotonic(), progress(run, args)
        if done >= 1.0:
            break
        values = train_step(run, batch.to(device), done, args, autocast)
        run.elapsed += time.monotonic() - begin + waited
        source.progress.fill_(progress(run, args))
        log.add(run, values, waited, batch.ids.shape[0], done)
        if time.monotonic() - saved > args.save_every * 60:
            save(run, args)
            saved = time.monotonic()
    save(run, args)
    return out / CHECKPOINT


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m model.training.train", description=__doc__)
    made.add_argument("--out", required=True, help="folder of the run: checkpoint and log")
    made.add_argument("--plan", choices=sorted(PLANS), default="gpu" if torch.cuda.is_available() else "cpu")
    made.add_argument("--init", help="start from the weights of this checkpoint, with a plan of its own")
    made.add_argument("--minutes", type=float, default=0.0, help="length of the plan in minutes of training")
    made.add_argument("--steps", type=int, default=0, help="length of the plan in steps")
    made.add_argument("--batch", type=int, default=32, help="pictures a step")
    made.add_argument("--questions", type=int, default=6, help="questions asked about each picture or clip")
    made.add_argument("--lr", type=float, default=2e-3)
    made.add_argument(
        "--tower-first", type=float, default=0.2, help="share of the plan that teaches the tower alone, by dense labels"
    )
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--device", default="")
    made.add_argument("--workers", type=int, default=0 if not torch.cuda.is_available() else (os.cpu_count() or 2) - 1)
    made.add_argument("--no-bfloat16", dest="bfloat16", action="store_false")
    made.add_argument("--no-compile", dest="compile", action="store_false")
    made.add_argument("--log-every", type=int, default=50)
    made.add_argument("--save-every", type=float, default=5.0, help="minutes between checkpoints")
    return made


def main() -> None:
    """Parse the command line and train."""
    args = parser().parse_args()
    if not args.minutes and not args.steps:
        raise SystemExit("give the plan a length: --minutes or --steps")
    print(f"saved {train(args)}")


if __name__ == "__main__":
    main()
