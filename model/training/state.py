"""What a training run holds, and how it starts, is saved and goes on."""

import argparse
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.config import model_config
from model.qwen import QwenVL
from model.tokenizer import IMAGE_PAD, Tokenizer
from model.training.data import dense_classes, drawn_parts
from model.training.export import STORY, TOKENIZER, told
from model.training.modeling import Teachers, build, small_config
from model.training.naming import name_tokens
from model.weights import load_weights

CHECKPOINT = "checkpoint.pt"


class OtherVocabulary(ValueError):
    """Weights of one vocabulary were to go on with another."""


class OtherParts(ValueError):
    """A run was to go on with parts that need other heads than those its optimizers know."""


@dataclass
class Run:
    """Everything that a checkpoint holds, alive; `before` tells of the runs whose weights this one began with."""

    model: QwenVL
    teachers: Teachers
    average: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    config: dict[str, Any]
    before: list[dict[str, Any]] = field(default_factory=list)
    step: int = 0
    samples: int = 0
    questions: int = 0
    elapsed: float = 0.0


def make_optimizers(model: nn.Module, teachers: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside blocks (arXiv 2502.16982 scaling), AdamW for embeddings, norms, biases and heads."""
    matrices: list[nn.Parameter] = []
    rest = list(teachers.parameters())
    for name, parameter in model.named_parameters():
        inner = parameter.dim() == 2 and "embed" not in name
        (matrices if inner else rest).append(parameter)
    decayed = [p for p in rest if p.dim() > 1]
    plain = [p for p in rest if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(matrices, lr=lr, weight_decay=0.05, adjust_lr_fn="match_rms_adamw", ns_steps=4),
        torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98)),
    ]


def exported(folder: Path) -> dict[str, Any]:
    """Read an exported folder as the checkpoint that it was made of; it has no teachers and no optimizers."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    parsed = model_config(config)
    with torch.device("meta"):
        model = build(config)
    load_weights(model, folder, parsed, torch.device("cpu"), torch.float32)
    story = folder / STORY
    runs = json.loads(story.read_text(encoding="utf-8")) if story.exists() else [{"weights": folder.name}]
    own = runs.pop() if runs and "args" in runs[-1] else {}
    weights = model.state_dict()
    return {"model": weights, "average": weights, "teachers": {}, "config": config, **own, "before": runs}


def read_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint or an exported folder."""
    if path.is_dir():
        return exported(path)
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def start(args: argparse.Namespace, device: torch.device) -> Run:
    """Make a fresh run, one from weights of another (--init), or the one that OUT already holds."""
    saved = Path(args.out) / CHECKPOINT
    source = saved if saved.exists() else Path(args.init) if args.init else None
    state = read_state(source) if source else None
    run = fresh(state["config"] if state else small_config(args.plan, Tokenizer.from_file(TOKENIZER)), args, device)
    if state:
        begin_with(run, state)
        if saved.exists():
            resume(run, state, device)
        else:
            run.before = told(state)
    return run


def reader_for(config: dict[str, Any], tokenizer: Path) -> Tokenizer:
    """Read the tokenizer of a network; raises OtherVocabulary where it is another's."""
    reader = Tokenizer.from_file(tokenizer)
    if reader.vocab_size > config["vocab_size"] or reader.token_id(IMAGE_PAD) != config["image_token_id"]:
        raise OtherVocabulary(
            f"these weights are of another vocabulary than {tokenizer.name} in {tokenizer.parent.name}"
        )
    return reader


def fresh(config: dict[str, Any], args: argparse.Namespace, device: torch.device) -> Run:
    """Make a run of a network with fresh weights.

    Raises OtherVocabulary where the network is of another vocabulary than the bundled one, which training draws with.
    """
    reader = reader_for(config, TOKENIZER)
    torch.manual_seed(args.seed)
    model = build(config).to(device)
    classes = dense_classes(drawn_parts(args.parts, args.tower_parts))
    teachers = Teachers(config["hidden_size"], *classes, name_tokens(reader)).to(device)
    return Run(model, teachers, copied(model), make_optimizers(model, teachers, args.lr), config)


def copied(model: nn.Module) -> dict[str, Tensor]:
    """The weights as they are, to be averaged from here on."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def begin_with(run: Run, state: dict[str, Any]) -> None:
    """Take over the weights of another run, and those of its heads that fit."""
    run.model.load_state_dict(state["model"])
    known = run.teachers.state_dict()  # a head that the other run had not, or had for other classes, begins anew
    fitting = {
        name: value for name, value in state["teachers"].items() if name in known and known[name].shape == value.shape
    }
    run.teachers.load_state_dict(fitting, strict=False)
    run.average = copied(run.model)


def resume(run: Run, state: dict[str, Any], device: torch.device) -> None:
    """Take over what only the same run goes on with: optimizers, average, counts. Raises OtherParts."""
    for optimizer, kept in zip(run.optimizers, state["optimizers"], strict=True):
        try:
            optimizer.load_state_dict(kept)
        except ValueError as error:  # a group of another size
            raise OtherParts("the run was begun with parts that have other heads") from error
    run.average = {name: value.to(device) for name, value in state["average"].items()}
    run.step, run.samples, run.questions = state["step"], state["samples"], state["questions"]
    run.elapsed, run.before = state["elapsed"], state["before"]


def save(run: Run, args: argparse.Namespace) -> None:
    """Write the checkpoint of a run."""
    path = Path(args.out) / CHECKPOINT
    state = {
        "model": run.model.state_dict(),
        "average": run.average,
        "teachers": run.teachers.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
        "config": run.config,
        "before": run.before,
        "step": run.step,
        "samples": run.samples,
        "questions": run.questions,
        "elapsed": run.elapsed,
        "args": vars(args),
    }
    write_checkpoint(path, state)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a file of tensors and plain values whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
