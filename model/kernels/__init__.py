"""The native kernels of gemv.c: found, loaded into the same pool of threads as torch's, and called with tensors.

They are optional: without them `available()` is false, `obstacle()` says why, and torch's own kernels serve.
"""

import ctypes
import os
from functools import cache
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

VERSION = 2  # of the library's functions; another one is not used
FORMATS = {"bf16": 0, "int8": 1, "int4": 2}
FEWEST_OUTPUTS = 4  # rows of weights that the kernels take at a time
# Rows of activations up to which reading the weights is the greater part of the work.
MOST_ROWS = {"bf16": 4, "int8": 16, "int4": 16}
HALF, WIDE = torch.bfloat16, torch.float32
GROUP = 64  # inputs that share a scale
OFF = "QWENVL_NO_KERNELS"  # environment variable: use torch's kernels only
_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_long
SIGNATURES = {
    "qwenvl_level": (_I,),
    "qwenvl_product": (_I, _P, _P, _P, _P, _P, _I, _L, _L, _L, _I),
    "qwenvl_pack_int4": (_P, _P, _P, _L, _L, _I),
    "qwenvl_unpack_int4": (_P, _P, _P, _P, _L, _L, _I),
    "qwenvl_quantize_rows": (_P, _I, _P, _P, _L, _L, _L, _I),
    "qwenvl_scale_rows": (_P, _P, _P, _P, _P, _I, _L, _L, _I),
    "qwenvl_column_most": (_P, _I, _P, _L, _L, _I),
}


def _candidates() -> list[Path]:
    """Where the library may be: beside this file, or in the installed package when running from a source tree."""
    found = sorted(Path(__file__).parent.glob("gemv*.so"))
    # A source tree in which a package was built has metadata of its own, so there may be more than one.
    files = [file for one in metadata.distributions(name="qwenvl") for file in one.files or []]
    return found + [Path(str(file.locate())) for file in files if file.match("model/kernels/gemv*.so")]


@cache
def _open() -> tuple[ctypes.CDLL | None, str]:
    """The library, or None and why there is none."""
    if os.environ.get(OFF):
        return None, f"{OFF} is set"
    reason = "the package was built without a C compiler"
    for path in _candidates():
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            reason = str(error)
            continue
        if library.qwenvl_version() == VERSION:
            for name, types in SIGNATURES.items():
                getattr(library, name).argtypes = types
            return library, ""
        reason = f"{path.name} is of another version"
    return None, reason


def available() -> bool:
    """Say whether the native kernels can be used."""
    return _open()[0] is not None


def obstacle() -> str:
    """Say why they cannot be used; empty when they can."""
    return _open()[1]


def use_level(wanted: int) -> int:
    """Use at most this instruction set (0 plain C, 1 AVX2, 2 AVX-512) and return the one in use."""
    return int(_library().qwenvl_level(wanted))


def _library() -> ctypes.CDLL:
    library, reason = _open()
    if library is None:
        raise RuntimeError(f"no native kernels: {reason}")
    return library


def serves(kind: str, x: Tensor, outputs: int) -> bool:
    """Say whether `product` takes these activations (..., K): few rows, on the CPU, nothing to differentiate."""
    few = x.numel() <= MOST_ROWS[kind] * x.shape[-1] and outputs >= FEWEST_OUTPUTS
    return few and x.device.type == "cpu" and x.dtype in (HALF, WIDE) and not torch.is_grad_enabled() and available()


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def product(
    kind: str, x: Tensor, weights: Tensor, outputs: int, bias: Tensor | None, scales: Tensor | None = None
) -> Tensor:
    """(..., K) float32 or bfloat16 times stored weights of a kind in FORMATS -> (..., N), same dtype.

    `bias` (N,) is float32. int8 takes (N, K) and float32 scales (N,); int4 (N, K/2) and bfloat16 scales (N, K/64); for
    both K is a multiple of 64.
    """
    x = x.contiguous()
    out = torch.empty((*x.shape[:-1], outputs), dtype=x.dtype)
    inner = x.shape[-1]
    failed = _library().qwenvl_product(
        FORMATS[kind],
        weights.data_ptr(),
        _pointer(scales),
        _pointer(bias),
        x.data_ptr(),
        out.data_ptr(),
        x.dtype is HALF,
        outputs,
        inner,
        x.numel() // inner,
        torch.get_num_threads(),
    )
    if failed:
        raise MemoryError("no memory for the activations of a linear layer")
    return out


def pack_int4(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Float32 weights (N, K), K a multiple of 64 -> packed (N, K/2) uint8 and scales (N, K/64) bfloat16."""
    rows, inner = weights.shape
    weights = weights.contiguous()
    packed = torch.empty(rows, inner // 2, dtype=torch.uint8)
    scales = torch.empty(rows, inner // GROUP, dtype=HALF)
    pointers = [tensor.data_ptr() for tensor in (weights, packed, scales)]
    _library().qwenvl_pack_int4(*pointers, rows, inner, torch.get_num_threads())
    return packed, scales


def unpack_int4(packed: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """What `pack_int4` made -> int8 (N, K) and the scale of each row, float32 (N,); rounded once more."""
    rows, inner = packed.shape[0], 2 * packed.shape[1]
    weights, steps = torch.empty(rows, inner, dtype=torch.int8), torch.empty(rows, dtype=WIDE)
    pointers = [tensor.data_ptr() for tensor in (packed, scales, weights, steps)]
    _library().qwenvl_unpack_int4(*pointers, rows, inner, torch.get_num_threads())
    return weights, steps


def quantize_rows(x: Tensor, padded: int) -> tuple[Tensor, Tensor]:
    """(M, K) float32 or bfloat16 -> int8 (M, padded), zeros beyond K, and the scale of each row, float32 (M,)."""
    x = x.contiguous()
    q, steps = torch.empty(x.shape[0], padded, dtype=torch.int8), torch.empty(x.shape[0], dtype=WIDE)
    half, threads = x.dtype is HALF, torch.get_num_threads()
    _library().qwenvl_quantize_rows(x.data_ptr(), half, q.data_ptr(), steps.data_ptr(), *x.shape, padded, threads)
    return q, steps


def scale_rows(sums: Tensor, steps: Tensor, scales: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Int32 sums (M, N) * steps (M,) * scales (N,) + bias (N,) or None, these float32 -> (M, N) float32 or bfloat16."""
    out = torch.empty(sums.shape, dtype=dtype)
    pointers = [_pointer(tensor) for tensor in (sums, steps, scales, bias, out)]
    _library().qwenvl_scale_rows(*pointers, dtype is HALF, *sums.shape, torch.get_num_threads())
    return out


def column_most(x: Tensor) -> Tensor:
    """(M, K) float32 or bfloat16 -> the largest magnitude of each column, float32 (K,)."""
    x = x.contiguous()
    most = torch.empty(x.shape[1], dtype=WIDE)
    _library().qwenvl_column_most(x.data_ptr(), x.dtype is HALF, most.data_ptr(), *x.shape, torch.get_num_threads())
    return most
