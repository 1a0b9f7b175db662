"""Stored weights into a network built on the meta device, without a second copy in memory.

Where the file's dtype and the CPU serve, parameters are the mapped file itself; otherwise each tensor is read through
one small buffer straight into its final dtype and device, so that the peak is the weights in use and no more.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from model.checkpoint import Entry, problems, raise_together, scan, used_entries
from model.config import ModelConfig
from model.errors import WeightsError

BUFFER_BYTES = 4 << 20
DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}


def load_weights(
    module: nn.Module, folder: Path, config: ModelConfig, device: torch.device, dtype: torch.dtype
) -> None:
    """Fill `module`, built on the meta device, from a folder; raise one WeightsError that tells all that is wrong."""
    found = scan(folder)
    raise_together(problems(found, config), folder)
    used = used_entries(found, config)
    mapped = _mapped(used, dtype) if device.type == "cpu" else {}
    buffer = torch.empty(BUFFER_BYTES, dtype=torch.uint8)
    state = {
        name: mapped[name] if name in mapped else _read(entry, device, dtype, buffer) for name, entry in used.items()
    }
    module.load_state_dict(state, strict=True, assign=True)
    module.requires_grad_(False)


def stored_dtype(folder: Path) -> str:
    """Return the dtype that most of a folder's values have, as torch spells it."""
    sizes: dict[str, int] = {}
    for entry in scan(folder).entries.values():
        sizes[entry.dtype] = sizes.get(entry.dtype, 0) + entry.end - entry.start
    most = max(sizes, key=lambda name: sizes[name], default="BF16")
    return str(DTYPES.get(most, torch.float32)).removeprefix("torch.")


def _mapped(used: dict[str, Entry], dtype: torch.dtype) -> dict[str, Tensor]:
    """Map the tensors that are stored in the dtype asked for; they share the pages of the file."""
    tensors: dict[str, Tensor] = {}
    for file in sorted({entry.file for entry in used.values()}):
        kept = {name: e.stored_name for name, e in used.items() if e.file == file and DTYPES[e.dtype] is dtype}
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
