"""What a checkpoint folder holds, read from safetensors headers alone: names, shapes, problems, digest. No torch.

Everything that can be wrong is found before a weight is read, and told together.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from model.config import ModelConfig, model_config
from model.errors import ConfigError, WeightsError
from model.parameters import FLOATS, Shape, Stored, expected_shapes, expected_storage, our_name
from model.reading import read_json

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
OURS = "qwenvl"  # quant_method of the folders that `models quantize` writes
MAX_HEADER = 100_000_000  # the format's own bound
SAMPLE_BYTES = 256
SHOWN = 5

RECOMPUTED = ("rotary_emb.inv_freq", "rotary_pos_emb.inv_freq")  # tables that older files carry and nobody reads
ITEM_BYTES = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8}
OTHER_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "I32": 4, "U32": 4} | {
    "I64": 8,
    "U64": 8,
}


@dataclass(frozen=True)
class Entry:
    """One stored tensor: where its bytes lie in which file."""

    stored_name: str
    dtype: str
    shape: Shape
    file: Path
    start: int  # from the beginning of the file
    end: int


@dataclass(frozen=True)
class Problem:
    """One thing wrong: its kind in one word or two, and what it is about."""

    kind: str
    what: str


@dataclass
class Checkpoint:
    """The tensors of a folder under our names, and what is wrong with the files."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    layout: str = "flat"


@dataclass(frozen=True)
class FileReport:
    """One weights file; `sha256` is None unless asked for."""

    name: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class WeightsReport:
    """What `models show` and `models verify` tell: sizes of what the network uses, and all problems."""

    files: tuple[FileReport, ...]
    layout: str
    tensors: int
    parameters: int
    bytes: int
    dtypes: Mapping[str, int]
    problems: tuple[Problem, ...]
    digest: str


def scan(folder: Path) -> Checkpoint:
    """Read the headers of all weights files of a folder; what is wrong is collected, not raised."""
    found = Checkpoint(folder)
    indexed = _files(folder, found)
    seen: dict[str, str] = {}
    for file in found.files:
        if not file.exists():
            found.problems.append(Problem("shard not on disk", file.name))
            continue
        for entry in _read_header(file, found.problems):
            seen[entry.stored_name] = file.name
            if entry.stored_name.startswith(("model.visual.", "model.language_model.")):
                found.layout = "nested"
            name = our_name(entry.stored_name)
            if name in found.entries:
                found.problems.append(Problem("stored twice", name))
            found.entries[name] = entry
    readable = {file.name for file in found.files if file.name in seen.values()}
    for name, shard in indexed.items():
        if shard in readable and seen.get(name) != shard:
            found.problems.append(Problem("not where the index says", f"{name} in {shard}"))
    return found


def _files(folder: Path, found: Checkpoint) -> dict[str, str]:
    """List the weights files into `found`; return the index's map of names to shards, where there is one."""
    if (folder / INDEX).exists():
        try:
            mapping = read_json(folder / INDEX).get("weight_map")
        except ConfigError as error:
            found.problems.append(Problem("unreadable index", error.message))
            return {}
        if not isinstance(mapping, dict) or not all(_is_plain_name(shard) for shard in mapping.values()):
            found.problems.append(Problem("unreadable index", f"{INDEX} has no usable weight_map"))
            return {}
        found.files = [folder / shard for shard in sorted(set(mapping.values()))]
        return mapping
    single = folder / SINGLE
    found.files = [single] if single.exists() else sorted(folder.glob("*.safetensors"))
    if not found.files:
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pth"))
        other = "; pickled weights are not read" if pickled else ""
        found.problems.append(Problem("no weights", f"no *.safetensors in {folder}{other}"))
    return {}


def _is_plain_name(shard: object) -> bool:
    return isinstance(shard, str) and Path(shard).name == shard


def _read_header(file: Path, problems: list[Problem]) -> Iterator[Entry]:
    """Yield the tensors a file holds whole; report a torn header and tensors beyond the end of the file."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(MAX_HEADER, size - 8):
                raise ValueError(f"header of {length} bytes in a file of {size}")
            table = json.loads(stream.read(length))
        table.pop("__metadata__", None)
        entries = [_entry(name, value, file, 8 + length) for name, value in table.items()]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        problems.append(Problem("unreadable header", f"{file.name}: {error}"))
        return
    needed = max((entry.end for entry in entries), default=8 + length)
    if needed > size:
        problems.append(Problem("truncated", f"{file.name} has {size} bytes of {needed}"))
    if needed < size:
        problems.append(Problem("unreadable header", f"{file.name}: {size - needed} bytes that it does not name"))
    for entry in entries:
        if entry.end - entry.start != prod(entry.shape) * _item_bytes(entry.dtype):
            what = f"{entry.stored_name} {entry.dtype} {list(entry.shape)} in {entry.end - entry.start} bytes"
            problems.append(Problem("unreadable header", f"{file.name}: {what}"))
        yield entry


def _entry(name: str, value: Mapping[str, Any], file: Path, data: int) -> Entry:
    start, end = value["data_offsets"]
    shape, dtype = tuple(value["shape"]), value["dtype"]
    if not all(type(number) is int and number >= 0 for number in (start, end, *shape)) or end < start:
        raise ValueError(f"{name} has impossible numbers")
    if dtype not in ITEM_BYTES and dtype not in OTHER_BYTES:
        raise ValueError(f"{name} has the unknown dtype {dtype!r}")
    return Entry(name, dtype, shape, file, data + start, data + end)


def _item_bytes(dtype: str) -> int:
    return ITEM_BYTES.get(dtype) or OTHER_BYTES[dtype]


def used_entries(found: Checkpoint, config: ModelConfig) -> dict[str, Entry]:
    """Return the tensors the network reads, under our names."""
    return {name: found.entries[name] for name in _wanted(found, config) if name in found.entries}


def _wanted(found: Checkpoint, config: ModelConfig) -> dict[str, Stored]:
    return expected_storage(config, stored_format(found.folder))


def problems(found: Checkpoint, config: ModelConfig) -> list[Problem]:
    """Everything wrong with a folder's weights for this config, in one list."""
    wanted = _wanted(found, config)
    wrong = list(found.problems)
    wrong += [Problem("missing", name) for name in wanted if name not in found.entries]
    for name, entry in found.entries.items():
        if name not in wanted:
            if not name.endswith(RECOMPUTED) and not (name == "lm_head.weight" and config.text.tie_word_embeddings):
                wrong.append(Problem("unexpected", entry.stored_name))
        elif entry.shape != wanted[name].shape:
            wrong.append(Problem("misshapen", f"{name} is {list(entry.shape)} and must be {list(wanted[name].shape)}"))
        elif entry.dtype not in wanted[name].dtypes:
            kind = "not a float" if wanted[name].dtypes == FLOATS else "of another dtype"
            wrong.append(Problem(kind, f"{name} is {entry.dtype}"))
    return wrong


def raise_together(wrong: list[Problem], folder: Path) -> None:
    """Raise one WeightsError that counts each kind of problem and names up to five of it; nothing to raise is fine."""
    if not wrong:
        return
    told = []
    for kind, count in Counter(problem.kind for problem in wrong).items():
        names = [problem.what for problem in wrong if problem.kind == kind][:SHOWN]
        more = f" and {count - SHOWN} more" if count > SHOWN else ""
        told.append(f"{count} {kind} ({', '.join(names)}{more})")
    damaged = {"missing", "misshapen", "unexpected"}.isdisjoint(problem.kind for problem in wrong)
    hint = "download the folder again" if damaged else "use a complete folder of one Qwen2.5-VL checkpoint"
    raise WeightsError(f"the weights in {folder} do not fit: " + "; ".join(told), hint)


def read_config(folder: Path) -> ModelConfig:
    """Read config.json; a checkpoint that some other tool has quantised is refused by name."""
    source = read_json(folder / "config.json")
    method, form = _quantization(source)
    if method and (method != OURS or form not in ("int8", "int4")):
        raise WeightsError(
            f"the checkpoint in {folder} is quantised ({method}), which is not supported",
            "use the unquantised checkpoint",
        )
    return model_config(source)


def stored_format(folder: Path) -> str:
    """How the weights of a folder are stored: "none" (floating), or the format that `models quantize` wrote."""
    return _quantization(read_json(folder / "config.json"))[1]


def _quantization(source: Mapping[str, Any]) -> tuple[str, str]:
    """Method and format of a config's quantisation; empty and "none" where there is none."""
    value = source.get("quantization_config")
    if not value:
        return "", "none"
    if not isinstance(value, Mapping):
        return str(value), "none"
    return str(value.get("quant_method", "unknown")), str(value.get("format", "none"))


def digest(folder: Path) -> str:
    """Identify a checkpoint without reading it whole: sha256 over config.json and, of each weights file, its name, its
    size, its header and 256 bytes from the middle of every tensor. Two trainings of one shape differ in it; that every
    byte is as published is what `verify` tells.
    """
    return _digest(scan(folder))


def _digest(found: Checkpoint) -> str:
    total = hashlib.sha256((found.folder / "config.json").read_bytes())
    for file in found.files:
        if not file.exists():
            continue
        total.update(f"{file.name}:{file.stat().st_size}:".encode())
        entries = sorted((entry for entry in found.entries.values() if entry.file == file), key=lambda e: e.start)
        with file.open("rb") as stream:
            total.update(stream.read(entries[0].start if entries else 8))
            for entry in entries:
                stream.seek(max(entry.start, (entry.start + entry.end - SAMPLE_BYTES) // 2))
                total.update(stream.read(min(SAMPLE_BYTES, entry.end - entry.start)))
    return total.hexdigest()


def inspect(folder: Path, *, hash_files: bool = False) -> WeightsReport:
    """Describe a folder's weights and list its problems without raising for them; `hash_files` reads every byte."""
    config, found = read_config(folder), scan(folder)
    used = used_entries(found, config)
    files = [file for file in found.files if file.exists()]
    return WeightsReport(
        files=tuple(FileReport(f.name, f.stat().st_size, _sha256(f) if hash_files else None) for f in files),
        layout=found.layout,
        tensors=len(used),
        parameters=sum(prod(shape) for name, shape in expected_shapes(config).items() if name in used),
        bytes=sum(entry.end - entry.start for entry in used.values()),
        dtypes=dict(Counter(entry.dtype for entry in used.values())),
        problems=tuple(problems(found, config)),
        digest=_digest(found),
    )


def verify(folder: Path) -> WeightsReport:
    """Check a folder and hash every file; raise one WeightsError with all problems."""
    raise_together(list(inspect(folder).problems), folder)
    return inspect(folder, hash_files=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        total = hashlib.sha256()
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()
