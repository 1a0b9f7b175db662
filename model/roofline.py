"""What a stage must do, in operations and bytes, and what the machine is and can do: the two sides of a roofline.

Work is counted from the shapes of the network, as the least that gives the answer; ceilings are measured on the spot.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from model.config import ModelConfig
from model.facts import PROC, lines_of, processor
from model.parameters import Shape, expected_shapes
from model.positions import Grid, Segments, vision_plan
from model.qwen import QwenVL

# More than the caches of a processor hold, so that reading it measures the memory.
READ_BYTES = 1 << 29
# Products grow until one takes this long, which is when starting it no longer counts, or until the largest side.
FIRST_SIDE, LAST_SIDE, LONG_ENOUGH_S = 256, 8192, 0.02
PER_MULTIPLY_ADD = 2
# No format keeps less than this of a weight, so a smaller count means that weights are kept out of sight.
LEAST_BYTES_A_WEIGHT = 0.5


def matrices(config: ModelConfig, prefix: str) -> dict[str, Shape]:
    """Name the weights under a prefix that multiply something, with their shapes; convolutions count as one matrix."""
    shapes = expected_shapes(config).items()
    return {name: shape for name, shape in shapes if name.startswith(prefix) and len(shape) > 1}


def vision_flops(config: ModelConfig, grids: Sequence[Grid]) -> int:
    """Count the operations of the vision tower for packed media: matrix products and attention."""
    vision = config.vision
    patches = sum(map(prod, grids))
    rows = {"patch_embed.": patches, "blocks.": patches, "merger.": patches // vision.merge_unit}
    weights = sum(
        count * prod(shape) for part, count in rows.items() for shape in matrices(config, f"visual.{part}").values()
    )
    plan = vision_plan(grids, vision.window_tokens, vision.spatial_merge_size)
    full = len(set(vision.fullatt_block_indexes))
    pairs = full * _pairs(plan.frames) + (vision.depth - full) * _pairs(plan.windows)
    return PER_MULTIPLY_ADD * (weights + 2 * pairs * vision.hidden_size)


def _pairs(segments: Segments) -> int:
    """Count the pairs of patches that attend to each other."""
    return sum(count * length * length for count, length in segments.runs)


def prefill_flops(config: ModelConfig, positions: int) -> int:
    """Count the operations of reading a prompt: attention is causal, and only the last position is scored.

    The last layer therefore needs keys and values of all positions, and everything else of one.
    """
    text = config.text
    last = f"model.layers.{text.num_hidden_layers - 1}."
    weights = text.vocab_size * text.hidden_size
    for name, shape in matrices(config, "model.layers.").items():
        one = name.startswith(last) and not name.endswith(("k_proj.weight", "v_proj.weight"))
        weights += prod(shape) * (1 if one else positions)
    pairs = (text.num_hidden_layers - 1) * positions * (positions + 1) // 2 + positions
    return PER_MULTIPLY_ADD * (weights + 2 * pairs * text.num_attention_heads * text.head_dim)


def decode_bytes(network: QwenVL) -> int | None:
    """Count the bytes of weights that one token reads: all that decoder layers and head hold, whatever its format.

    None where modules hold weights that are neither parameters nor buffers, since their size is not known.
    """
    head = network.model.embed_tokens if network.lm_head is None else network.lm_head
    parts = (network.model.layers, network.model.norm, head)
    total = covered(tensor for part in parts for tensor in (*part.parameters(), *part.buffers()))
    text = network.config.text
    weights = sum(map(prod, matrices(network.config, "model.layers.").values())) + text.vocab_size * text.hidden_size
    return total if total >= LEAST_BYTES_A_WEIGHT * weights else None


def covered(tensors: Iterable[Tensor]) -> int:
    """Count the bytes of memory under some tensors; what several of them share counts once.

    >>> whole = torch.zeros(4, 8)
    >>> covered([whole[2:], whole, whole[1]])
    128
    """
    spans = sorted((tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes) for tensor in tensors)
    total = reached = 0
    for start, end in spans:
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


@dataclass(frozen=True)
class Ceilings:
    """What this machine can do at best; None or absent where it could not be measured."""

    memory_bytes_per_s: float | None
    matrix_flops_per_s: dict[str, float]

    @property
    def matrix(self) -> float | None:
        """The fastest product among the formats in use."""
        return max(self.matrix_flops_per_s.values(), default=None)


def measure_ceilings(device: torch.device, dtypes: Sequence[torch.dtype], runs: int) -> Ceilings:
    """Measure reading of memory by all threads, and square products in each dtype; the best of `runs` counts."""
    rates = {str(dtype).removeprefix("torch."): matrix_rate(device, dtype, runs) for dtype in dtypes}
    return Ceilings(read_rate(device, runs), {name: rate for name, rate in rates.items() if rate is not None})


def now(device: torch.device) -> float:
    """Return the time once the device has done what it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return perf_counter()


def read_rate(device: torch.device, runs: int) -> float | None:
    """Return the bytes a second that sums and dot products over a large buffer read, whichever is faster."""
    try:
        numbers = torch.ones(READ_BYTES // torch.float32.itemsize, device=device)
        whole = numbers.view(torch.int64)
        readers: tuple[Callable[[], object], ...] = (whole.sum, lambda: torch.dot(numbers, numbers))
        return numbers.nbytes / min(_best(reader, device, runs) for reader in readers)
    except (RuntimeError, MemoryError):  # torch's way to say: too little memory, or no such kernel on this device
        return None


def matrix_rate(device: torch.device, dtype: torch.dtype, runs: int) -> float | None:
    """Return the operations a second of the largest product tried; int8 products add up in int32."""
    side, rate = FIRST_SIDE, 0.0
    try:
        while True:
            seconds = _best(_product(device, dtype, side), device, runs)
            rate = max(rate, PER_MULTIPLY_ADD * side**3 / seconds)
            if seconds >= LONG_ENOUGH_S or side >= LAST_SIDE:
                return rate
            side *= 2
    except (RuntimeError, MemoryError):
        return rate or None


def _product(device: torch.device, dtype: torch.dtype, side: int) -> Callable[[], object]:
    """Make two square matrices of noise and return what multiplies them, the second one transposed as weights are."""
    if dtype is torch.int8:
        x, weight = (torch.randint(-128, 128, (side, side), dtype=dtype, device=device) for _ in range(2))
        return lambda: torch._int_mm(x, weight.t())
    x, weight = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return lambda: F.linear(x, weight)


def _best(work: Callable[[], object], device: torch.device, runs: int) -> float:
    """Return the least seconds of some runs after a warm-up."""
    work()
    times = []
    for _ in range(runs):
        began = now(device)
        work()
        times.append(now(device) - began)
    return min(times)


def machine(device: torch.device) -> dict[str, Any]:
    """Say where and with what something was measured."""
    cpu = processor()
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def peak_bytes(device: torch.device) -> int | None:
    """Return the most memory held so far: of a GPU what tensors took, else what this process had resident.

    On Linux not by getrusage, which counts the parent's too.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = next((line.split()[1] for line in lines_of(PROC / "self" / "status") if line.startswith("VmHWM")), None)
    if peak is not None:
        return int(peak) << 10
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
