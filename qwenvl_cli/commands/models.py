"""`qwenvl models list|show|verify|quantize`: what models are on this machine, whether they are whole; smaller ones."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qwenvl_cli.console import clean
from qwenvl_cli.environment import environment
from qwenvl_cli.errors import ModelMissing, UsageError
from qwenvl_cli.options import BUNDLED, OUTPUT_PANEL

models = typer.Typer(name="models", help="Models on this machine: list, pull, show, verify, quantize, rm.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="bundled, a folder or a hub id in the local cache.")]
Json = Annotated[bool, typer.Option("--json", help="JSON, one object per line.", rich_help_panel=OUTPUT_PANEL)]
Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show where an error came from.", rich_help_panel=OUTPUT_PANEL)
]


@dataclass(frozen=True)
class Found:
    """One model on this machine."""

    name: str
    bytes: int
    path: str


@models.command("list")
def list_models(context: typer.Context, json: Json = False, traceback: Traceback = False) -> None:
    """List the bundled model and the Qwen2.5-VL checkpoints in the local Hugging Face cache."""
    from qwenvl_cli.results import to_json

    found = [*_bundled(), *cached()]
    screen = environment(context).screen
    if json:
        for one in found:
            screen.write(to_json(asdict(one)) + "\n")
        return
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        screen.write(clean(f"{one.name:<{width}}  {size_text(one.bytes):>8}  {one.path}\n"))
    if not found:
        screen.note("no models on this machine")


@models.command("show")
def show(context: typer.Context, name: Name, json: Json = False, traceback: Traceback = False) -> None:
    """Show what a model is: its shape, its size and where it stands."""
    from model.checkpoint import inspect, read_config
    from model.loading import resolve
    from qwenvl_cli.results import to_json

    folder = resolve(name)
    config, report = read_config(folder), inspect(folder)
    facts: dict[str, Any] = {
        "name": name,
        "path": str(folder),
        "parameters": report.parameters,
        "bytes": report.bytes,
        "dtypes": sorted(report.dtypes),
        "context": config.text.max_position_embeddings,
        "language": {
            "layers": config.text.num_hidden_layers,
            "width": config.text.hidden_size,
            "heads": config.text.num_attention_heads,
            "key_value_heads": config.text.num_key_value_heads,
            "vocabulary": config.text.vocab_size,
        },
        "vision": {
            "layers": config.vision.depth,
            "width": config.vision.hidden_size,
            "heads": config.vision.num_heads,
            "full_attention_layers": list(config.vision.fullatt_block_indexes),
        },
        "digest": report.digest,
        "licence": licence(folder),
        "problems": [f"{problem.kind}: {problem.what}" for problem in report.problems],
    }
    screen = environment(context).screen
    screen.write(to_json(facts) + "\n" if json else clean("".join(f"{line}\n" for line in fact_lines(facts))))


@models.command("verify")
def verify(context: typer.Context, name: Name, json: Json = False, traceback: Traceback = False) -> None:
    """Check that a model's files are whole and fit its configuration; exit 5 if not."""
    from model.checkpoint import inspect
    from model.loading import resolve
    from qwenvl_cli.results import to_json

    screen = environment(context).screen
    folder = resolve(name)
    screen.status(f"reading {folder} …")
    report = inspect(folder, hash_files=True)
    problems = [f"{problem.kind}: {problem.what}" for problem in report.problems]
    if json:
        files = [asdict(file) for file in report.files]
        screen.write(to_json({"name": name, "path": str(folder), "files": files, "problems": problems}) + "\n")
    else:
        for file in report.files:
            screen.write(clean(f"{file.sha256}  {size_text(file.bytes):>8}  {file.name}\n"))
        for problem in problems:
            screen.listing(problem)
    if problems:
        plural = "problem" if len(problems) == 1 else "problems"
        raise ModelMissing(f"{name} has {len(problems)} {plural}", f"download it again: {folder}")
    screen.note(f"{name} is whole: {report.tensors} tensors, {size_text(report.bytes)}")


@models.command("quantize")
def quantize(
    context: typer.Context,
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the smaller model.")],
    form: Annotated[Literal["int8", "int4"], typer.Option("--quantize", help="Format of the weights.")] = "int8",
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Write a model with int8 or int4 weights into a folder, which then loads at once: --model FOLDER."""
    from model.checkpoint import inspect
    from model.loading import load, resolve
    from model.packing import write_packed
    from model.weights import stored_dtype
    from qwenvl_cli.results import to_json

    screen = environment(context).screen
    source = resolve(name)
    if folder.resolve() == Path.cwd():
        raise UsageError("the working directory cannot be replaced by a model", "name a new folder")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} already holds something", "name a new folder")
    screen.status(f"packing {source} as {form} …")
    # Half precision is kept, also where this processor computes in float32: a GPU may read the folder.
    dtype = "bfloat16" if stored_dtype(source) in ("bfloat16", "float16") else "float32"
    write_packed(load(source, device="cpu", dtype=dtype, quantize=form), source, folder)
    before, after = inspect(source).bytes, inspect(folder).bytes
    if json:
        screen.write(to_json({"name": name, "path": str(folder), "quantize": form, "bytes": after}) + "\n")
    else:
        screen.write(f"{folder}\n")
    screen.note(f"{size_text(before)} became {size_text(after)}; use it with --model {folder}")


def _bundled() -> Iterator[Found]:
    from model.errors import ModelNotFound
    from model.loading import resolve

    try:
        folder = resolve(BUNDLED)
    except ModelNotFound:
        return
    yield Found(BUNDLED, sum(file.stat().st_size for file in folder.iterdir() if file.is_file()), str(folder))


def cached() -> Iterator[Found]:
    """Find snapshots of the right architecture in the Hugging Face cache."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return
    for repo in sorted(cache.repos, key=lambda repo: repo.repo_id):
        for revision in repo.revisions:
            if repo.repo_type == "model" and is_qwen25_vl(revision.snapshot_path):
                yield Found(repo.repo_id, revision.size_on_disk, str(revision.snapshot_path))


def is_qwen25_vl(folder: Path) -> bool:
    """Say whether a folder holds this architecture, by its config.json."""
    from model.errors import ConfigError
    from model.reading import read_json

    try:
        return bool(read_json(folder / "config.json").get("model_type") == "qwen2_5_vl")
    except ConfigError:
        return False


def licence(folder: Path) -> str | None:
    """Return the licence that a model card names in its front matter, or that a LICENSE file implies."""
    for card in ("README.md", "CARD.md"):
        file = folder / card
        if file.exists():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[:60]:
                key, colon, value = line.partition(":")
                if colon and key.strip().lower() in ("license", "licence") and value.strip():
                    return value.strip()
    return "see LICENSE" if (folder / "LICENSE").exists() else None


def size_text(count: int) -> str:
    """Write a number of bytes for people.

    >>> size_text(999), size_text(7_512_345_678)
    ('999 B', '7.5 GB')
    """
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def fact_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Write facts one to a line, nested ones after a dot."""
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from fact_lines({f"{key}.{inner}": content for inner, content in value.items()})
        elif value not in (None, []):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{key + ':':<30} {size_text(value) if key == 'bytes' else shown}"
