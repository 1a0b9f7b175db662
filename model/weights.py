"""Stored weights into a network built on the meta device, without a second copy in memory; and packed ones to disk.

Where the file's dtype and the CPU serve, parameters are the mapped file itself; otherwise each tensor is read through
one small buffer straight into its final dtype and device, so that the peak is the weights in use and no more.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.checkpoint import INDEX, Entry, problems, raise_together, scan, used_entries
from model.config import ModelConfig
from model.errors import WeightsError
from model.parameters import norm_before
from model.quantize import PIECE, QuantLinear, pack_all
from model.reading import read_json

BUFFER_BYTES = 4 << 20
DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}
DTYPES |= {"I8": torch.int8, "U8": torch.uint8}
SHARD_BYTES = 2 << 30


def load_weights(
    module: nn.Module, folder: Path, config: ModelConfig, device: torch.device, dtype: torch.dtype
) -> None:
    """Fill `module`, built on the meta device, from a folder; raise one WeightsError that tells all that is wrong."""
    found = scan(folder)
    raise_together(problems(found, config), folder)
    used = used_entries(found, config)
    buffer = torch.empty(BUFFER_BYTES, dtype=torch.uint8)
    state = _packed(module, used, device, dtype, buffer)
    plain = {name: entry for name, entry in used.items() if name not in state}
    kept = {name: _kept_as(module, name, dtype) for name in plain}
    mapped = _mapped(plain, kept) if device.type == "cpu" else {}
    for name, entry in plain.items():
        state[name] = mapped[name] if name in mapped else _read(entry, device, kept[name], buffer)
    module.load_state_dict(state, strict=True, assign=True)
    module.requires_grad_(False)


def _packed(
    module: nn.Module, used: dict[str, Entry], device: torch.device, dtype: torch.dtype, buffer: Tensor
) -> dict[str, Tensor]:
    """Pack the floating weights of quantised layers, matrix by matrix and piece by piece.

    The weight of a norm whose result only such layers read is multiplied into their columns first, and becomes 1: its
    large channels would cost the others of the activations their bits, and its small ones those of the weights.
    """
    state: dict[str, Tensor] = {}
    for owner, layer in module.named_modules():
        name, norm = f"{owner}.weight", f"{norm_before(owner)}.weight"
        if not isinstance(layer, QuantLinear) or f"{name}_scale" in used:
            continue
        pieces = _finite(name, _rows(used[name], buffer))
        if norm in used:
            factor = _read(used[norm], torch.device("cpu"), torch.float32, buffer)  # (D,)
            state[norm] = torch.ones_like(factor, dtype=dtype, device=device)
            pieces = _times(pieces, factor)
        weight, scale = pack_all(layer, pieces)
        state |= {name: weight.to(device), f"{name}_scale": scale.to(device)}
    return state


def _finite(name: str, pieces: Iterator[Tensor]) -> Iterator[Tensor]:
    """Packing would make something finite of what is not, and hide that a file is damaged."""
    for piece in pieces:
        if not bool(torch.isfinite(piece.sum())):  # one pass; a sum of finite values that overflows is damage as well
            raise WeightsError(f"{name} holds values that are not finite", "download the folder again")
        yield piece


def _times(pieces: Iterator[Tensor], factor: Tensor) -> Iterator[Tensor]:
    for piece in pieces:
        yield piece * factor


def _rows(entry: Entry, buffer: Tensor) -> Iterator[Tensor]:
    """Read a matrix some rows at a time, in its stored dtype where the packing kernels know it, else in float32."""
    rows, width = entry.shape
    step, size = max(1, PIECE // width), (entry.end - entry.start) // rows
    dtype = torch.bfloat16 if entry.dtype == "BF16" else torch.float32
    for first in range(0, rows, step):
        last = min(rows, first + step)
        part = replace(entry, shape=(last - first, width), start=entry.start + first * size)
        yield _read(part, torch.device("cpu"), dtype, buffer)


def _kept_as(module: nn.Module, name: str, dtype: torch.dtype) -> torch.dtype:
    """The dtype a tensor is kept in: what belongs to a quantised layer has its own."""
    owner, _, leaf = name.rpartition(".")
    layer = module.get_submodule(owner)
    if not isinstance(layer, QuantLinear):
        return dtype
    kept: Tensor = getattr(layer, leaf)
    return kept.dtype


def write_quantized(module: nn.Module, folder: Path) -> None:
    """Write a network's tensors into numbered files and their index; the caller sees to the rest of the folder."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in module.state_dict().items():
        if size + tensor.nbytes > SHARD_BYTES and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name] = tensor.contiguous()
        size += tensor.nbytes
    weight_map: dict[str, str] = {}
    for number, part in enumerate(parts, start=1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        save_file(part, folder / file, {"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    index = {
        "metadata": {"total_size": sum(t.nbytes for part in parts for t in part.values())},
        "weight_map": weight_map,
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def stored_dtype(folder: Path) -> str:
    """Return the dtype that most of a folder's values have, or had before they were packed, as torch spells it."""
    packed = read_json(folder / "config.json").get("quantization_config")
    if isinstance(packed, Mapping) and "dtype" in packed:
        return str(packed["dtype"])
    sizes: dict[str, int] = {}
    for entry in scan(folder).entries.values():
        sizes[entry.dtype] = sizes.get(entry.dtype, 0) + entry.end - entry.start
    most = max(sizes, key=lambda name: sizes[name], default="BF16")
    return str(DTYPES.get(most, torch.float32)).removeprefix("torch.")


def _mapped(used: dict[str, Entry], kept_as: dict[str, torch.dtype]) -> dict[str, Tensor]:
    """Map the tensors that are stored in the dtype they are kept in; they share the pages of the file."""
    tensors: dict[str, Tensor] = {}
    for file in sorted({entry.file for entry in used.values()}):
        kept = {name: e.stored_name for name, e in used.items() if e.file == file and DTYPES[e.dtype] is kept_as[name]}
        try:
            with safe_open(file, framework="pt", device="cpu") as shard:
                tensors |= {name: shard.get_tensor(stored) for name, stored in kept.items()}
        except SafetensorError as error:
            raise WeightsError(f"{file} cannot be read: {error}", "download the file again") from error
    return tensors


def _read(entry: Entry, device: torch.device, dtype: torch.dtype, buffer: Tensor) -> Tensor:
    """Read one tensor in pieces that fit the buffer of bytes, converting on the way."""
    out = torch.empty(entry.shape, dtype=dtype, device=device)
    flat, stored = out.view(-1), DTYPES[entry.dtype]
    room = buffer.view(stored)  # (bytes of the buffer / bytes of one stored value,)
    with entry.file.open("rb") as stream:
        stream.seek(entry.start)
        for start in range(0, flat.numel(), len(room)):
            piece = flat[start : start + len(room)]
            filled = room[: len(piece)]
            stream.readinto(filled.view(torch.uint8).numpy().data)
            piece.copy_(filled)
    return out
