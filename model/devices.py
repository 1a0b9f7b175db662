"""Which device and which dtype to run in, when asked for by name or left to `auto`."""

from math import prod

import torch

from model.config import ModelConfig
from model.errors import BackendUnavailable
from model.parameters import expected_shapes

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Below this many parameters a CPU runs float32: bfloat16 would spare the bundled model a tenth of a second (vision 1.6x
# faster, decoding a tenth slower on Zen 4), which is not worth answers that differ from one CPU to the next.
SMALL = 100_000_000


def choose_device(name: str) -> torch.device:
    """Return the device asked for, or for `auto` the best there is; raise BackendUnavailable when it is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BackendUnavailable(f"device {name!r} is unknown", "use auto, cpu, cuda, cuda:N or mps") from error
    _check_present(device)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _check_present(device: torch.device) -> None:
    if device.type not in ("cpu", "cuda", "mps"):
        raise BackendUnavailable(f"device {device.type!r} is not supported", "use auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise BackendUnavailable(f"{device} was asked for, but torch sees {count} CUDA devices", "use --device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BackendUnavailable("mps was asked for, but torch has no Apple GPU here", "use --device cpu")


def choose_dtype(name: str, device: torch.device, stored: str, config: ModelConfig) -> torch.dtype:
    """Return the dtype asked for; `auto` keeps a half-precision checkpoint in bfloat16 where that is fast.

    float16 is only taken when asked for: activations of these networks overflow in it.
    """
    if name != "auto":
        if name not in DTYPES:
            raise BackendUnavailable(f"dtype {name!r} is unknown", f"use auto or one of {', '.join(DTYPES)}")
        return DTYPES[name]
    half = stored in ("bfloat16", "float16")
    small = device.type == "cpu" and sum(map(prod, expected_shapes(config).values())) < SMALL
    return torch.bfloat16 if half and not small and fast_bfloat16(device) else torch.float32


def fast_bfloat16(device: torch.device) -> bool:
    """Say whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "mps":
        return bool(torch.backends.mps.is_macos_or_newer(14, 0))
    probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(probe is not None and probe() for probe in probes)
