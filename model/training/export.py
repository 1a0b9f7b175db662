"""Turns a checkpoint of training into the bundled model's folder: `python -m model.training.export CHECKPOINT`.

Everything is written beside the old files first and moved over them at the end, so that a folder is never half new.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from model.checkpoint import INDEX, SINGLE
from model.config import IMAGE_MEAN, IMAGE_STD
from model.errors import ConfigError, ModelError
from model.loading import load
from model.reading import read_json
from model.tokenizer import END_OF_TEXT, IM_END, Tokenizer
from model.training import language, metrics
from model.training.card import Origin, card, head_commit
from model.training.data import CLIP_SIZES, FRAMES, PARTS, PICTURE_SIZES, written
from model.training.evaluate import MEASURED, evaluate, examined
from model.training.reports import Report

SMALL = Path(__file__).parent.parent / "small"
TOKENIZER = SMALL / "tokenizer.json"
ABSENT = ("minutes", "steps", "tower_share", "heads_first")  # arguments of training that are 0 where they are not given
GENERATION = "generation_config.json"
STORY = "training.json"  # beside the weights: the runs that they come from, the last one last
PART_BYTES = 16 * 2**20
HEADER_BYTES = 64 * 1024  # room for a part's header within PART_BYTES
PIXELS = [height * width for height, width in PICTURE_SIZES]  # of what it was taught with; the product keeps to them
FRAME_PIXELS = [height * width for height, width in CLIP_SIZES]
PREPROCESSOR: dict[str, Any] = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor",
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "min_pixels": min(PIXELS),
    "max_pixels": max(PIXELS),
    "image_mean": list(IMAGE_MEAN),
    "image_std": list(IMAGE_STD),
}
VIDEO_PREPROCESSOR: dict[str, Any] = {
    "frame_min_pixels": min(FRAME_PIXELS),
    "frame_max_pixels": max(FRAME_PIXELS),
    "max_frames": max(FRAMES),
}


def parts(state: Mapping[str, Tensor], limit: int) -> list[dict[str, Tensor]]:
    """Split the tensors, in their order, into parts of at most `limit` bytes; one tensor is never cut."""
    found: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, tensor in state.items():
        size = tensor.numel() * tensor.element_size()
        if found[-1] and used + size > limit:
            found.append({})
            used = 0
        found[-1][name] = tensor
        used += size
    return found


def write_weights(state: Mapping[str, Tensor], folder: Path, limit: int = PART_BYTES - HEADER_BYTES) -> list[Path]:
    """Write bfloat16 safetensors: one file where it fits, else numbered parts and their index."""
    rounded = {name: tensor.detach().to(torch.bfloat16).contiguous().cpu() for name, tensor in state.items()}
    split = parts(rounded, limit)
    if len(split) == 1:
        save_file(split[0], folder / SINGLE, metadata={"format": "pt"})
        return [folder / SINGLE]
    names = [f"model-{i + 1:05d}-of-{len(split):05d}.safetensors" for i in range(len(split))]
    for name, part in zip(names, split, strict=True):
        save_file(part, folder / name, metadata={"format": "pt"})
    where = {key: name for name, part in zip(names, split, strict=True) for key in part}
    total = sum(tensor.numel() * tensor.element_size() for tensor in rounded.values())
    write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": where})
    return [folder / name for name in names]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write indented JSON with a final line end."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def digest_of(files: list[Path]) -> dict[str, str]:
    """sha256 of every file by name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def told(checkpoint: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs that a checkpoint's weights come from, its own last."""
    own = {key: checkpoint.get(key, 0) for key in ("step", "samples", "questions", "elapsed")}
    own |= {key: checkpoint[key] for key in ("ends", "shares", "refit") if key in checkpoint}  # of means, and of names
    last = [{**own, "args": portable(checkpoint["args"])}] if "args" in checkpoint else []
    return [*checkpoint.get("before", []), *last]


def write_folder(checkpoint: Mapping[str, Any], folder: Path, tokenizer: Path, averaged: bool) -> list[Path]:
    """Write everything but the card; return the files of weights."""
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    known = Tokenizer.from_file(folder)
    write_json(folder / "config.json", checkpoint["config"])
    write_json(folder / "preprocessor_config.json", PREPROCESSOR)
    write_json(folder / "video_preprocessor_config.json", VIDEO_PREPROCESSOR)
    ends = [known.token_id(IM_END), known.token_id(END_OF_TEXT)]
    (folder / STORY).write_text(json.dumps(told(checkpoint), indent=1) + "\n", encoding="utf-8")
    write_json(folder / GENERATION, {"eos_token_id": ends, "do_sample": False, "single_turn": True})
    return write_weights(checkpoint["average" if averaged else "model"], folder)


def write_measured(measured: Report, folder: Path) -> None:
    """Write the report, and from its curve below which mean token probability answers are to be called uncertain."""
    write_json(folder / MEASURED, measured)
    line = {"low_confidence": metrics.low_confidence(measured["calibration"])}
    write_json(folder / GENERATION, read_json(folder / GENERATION) | line)


def outdated(folder: Path, fresh: set[str]) -> Iterator[Path]:
    """Weights of an earlier export that the new one does not replace."""
    for path in [*folder.glob("*.safetensors"), folder / INDEX]:
        if path.exists() and path.name not in fresh:
            yield path


def install(staged: Path, folder: Path) -> None:
    """Move the staged files over the old ones; config.json, without which a folder is no model, comes last."""
    files = sorted(staged.iterdir(), key=lambda path: path.name == "config.json")
    (folder / "config.json").unlink(missing_ok=True)
    for path in outdated(folder, {path.name for path in files}):
        path.unlink()
    for path in files:
        path.chmod(0o644)  # the writer of weights leaves them to its own user, and the package is installed for all
        os.replace(path, folder / path.name)


def portable(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of training without the folders of one machine."""
    folders = {
        key: f"{place}{Path(args[key]).name}" for key, place in (("out", "runs/"), ("init", "")) if args.get(key)
    }
    return {**args, **folders}


def command_of(args: Mapping[str, Any]) -> str:
    """The command that these arguments came from; those that name no parts are of a time when none were to choose."""
    given = {
        key: value
        for key, value in portable({**args, "parts": args.get("parts", PARTS)} if args else args).items()
        if value not in (None, "", (), []) and not (value == 0 and key in ABSENT)
    }
    for key in given.keys() & {"parts", "tower_parts"}:
        given[key] = written(given[key])
    together = given.pop("processes", 1) > 1
    silent = ("bfloat16", "compile", *(() if together else ("meet_every",)))  # switches are on unless switched off
    flags = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in given.items() if key not in silent)
    start = f"torchrun --nproc-per-node {args['processes']}" if together else "python"
    return f"{start} -m model.training.train {flags}".strip()


def run_of(run: Mapping[str, Any]) -> str:
    """One earlier run in a line, or one beside the last (`average`)."""
    lead = "Averaged with it" if run.get("beside") else "Before it, whose weights it began with"
    if "args" not in run:
        return f"{lead}: exported weights of {run['weights']}"
    minutes = run["elapsed"] / 60
    mean = f", as {which_weights(run, averaged=True)}" if run.keys() & {"ends", "refit"} else ""
    shown = f"{run['step']} steps, {run['samples']} samples, {minutes:.1f} minutes"
    return f"{lead}: `{command_of(run['args'])}`: {shown}{mean}"


def shown(checkpoint: Mapping[str, Any]) -> set[str]:
    """The parts that the mix of any run of these weights named; one that ended at no share had one before."""
    every = [run.get("args", {}) for run in (checkpoint, *checkpoint.get("before", []))]
    return {name for args in every for name, _ in (*args.get("parts", PARTS), *args.get("tower_parts", ()))}


def which_weights(checkpoint: Mapping[str, Any], averaged: bool) -> str:
    """Which weights these are, and whether names were fitted anew (`refit`)."""
    if names := checkpoint.get("refit", {}).get("names"):
        fitted = f"the embeddings of names fitted anew to {names:,} names said (`refit`)"
        return f"{weights_before_names(checkpoint, averaged)}, {fitted}"
    return weights_before_names(checkpoint, averaged)


def weights_before_names(checkpoint: Mapping[str, Any], averaged: bool) -> str:
    """Whether the weights are the last ones, their average or the mean of several runs' averages (`average`)."""
    ends = [f"{samples:,}" for samples in checkpoint.get("ends", [])]
    if len(ends) > 1:
        shares = [f"{100 * share:.0f}" for share in checkpoint.get("shares", [])]
        weighed = f", weighing {language.listed(shares, 'en')} %" if len(set(shares)) > 1 else ""
        after = f"after {language.listed(ends, 'en')} samples in all"
        return f"the mean of the averaged weights at the ends of {len(ends)} runs, {after}{weighed}"
    return f"{'averaged' if averaged else 'last'} weights"


def origin(checkpoint: Mapping[str, Any], weights: list[Path], averaged: bool) -> Origin:
    """Where the weights come from, for the card."""
    return Origin(
        command=command_of(checkpoint.get("args", {})),
        shown=shown(checkpoint),
        before=[run_of(run) for run in checkpoint.get("before", [])],
        seed=int(checkpoint.get("args", {}).get("seed", 0)),
        commit=head_commit(Path(__file__).parent),
        steps=int(checkpoint.get("step", 0)),
        samples=int(checkpoint.get("samples", 0)),
        minutes=round(float(checkpoint.get("elapsed", 0.0)) / 60, 1),
        parameters=sum(math.prod(tensor.shape) for tensor in checkpoint["model"].values()),
        limits=(PREPROCESSOR["max_pixels"], VIDEO_PREPROCESSOR["frame_max_pixels"]),
        which=which_weights(checkpoint, averaged),
        sha256=digest_of(weights),
    )


def export(path: Path, folder: Path, samples: int, averaged: bool = True, tokenizer: Path = TOKENIZER) -> Report | None:
    """Export one checkpoint into `folder`; with `samples`, measure it first and write the table into the card.

    Raises the errors of `load`, with `folder` as it was, where the parts do not fit together.
    """
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as name:
        staged = Path(name)
        weights = write_folder(checkpoint, staged, tokenizer, averaged)
        loaded = load(staged)  # what the product refuses replaces nothing
        taught = [name for name, share in checkpoint.get("args", {}).get("parts", PARTS) if share]
        measured = evaluate(loaded, samples, names=examined(taught))[0] if samples else None
        if measured is not None:
            write_measured(measured, staged)
        text = card(origin(checkpoint, weights, averaged), taught, measured)
        (staged / "CARD.md").write_text(text, encoding="utf-8")
        install(staged, folder)
    return measured


def main() -> None:
    """Export, and print the table that was measured."""
    parser = argparse.ArgumentParser(prog="python -m model.training.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=SMALL)
    parser.add_argument("--samples", type=int, default=400, help="held-out pictures to measure on; 0 writes no table")
    parser.add_argument(
        "--tokenizer",
        type=Path,
        default=TOKENIZER,
        help="of the checkpoint, where the bundled one is another",
    )
    parser.add_argument("--last", action="store_true", help="export the last weights, not their average")
    args = parser.parse_args()
    try:
        measured = export(args.checkpoint, args.out, args.samples, not args.last, args.tokenizer)
    except ModelError as error:
        other = isinstance(error, ConfigError)
        remedy = "give --tokenizer the one that these weights were trained with" if other else error.hint
        raise SystemExit(f"{error}: {remedy}") from error
    if measured is not None:
        print(json.dumps({name: row["exact"] for name, row in measured["skills"].items()}))
    print(f"exported to {args.out}")


if __name__ == "__main__":
    main()
