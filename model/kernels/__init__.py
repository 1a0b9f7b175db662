"""The native kernels of gemv.c: found, loaded into the same pool of threads as torch's, and called with tensors.

They are optional: without them `available()` is false, `obstacle()` says why, and torch's own kernels serve.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

VERSION = 4  # of the library's functions; another one is not used
FORMATS = {"bf16": 0, "int8": 1, "int4": 2}
# Tasks of rows; the table stands at Rows in gemv.c.
UNPACK, QUANTIZE, SCALE, NORM, PACK, MOST, GATE, ROTATE, ATTEND = range(3, 12)
BLOCK = 256  # columns of a task of MOST
FEWEST_OUTPUTS = 4  # rows of weights that the kernels take at a time
# Rows of activations up to which reading the weights is the greater part of the work.
MOST_ROWS = {"bf16": 4, "int8": 16, "int4": 16}
BEST = 2  # level of instruction sets
HALF, WIDE = torch.bfloat16, torch.float32
GROUP = 64  # inputs that share a scale
OFF = "QWENVL_NO_KERNELS"  # environment variable: use torch's kernels only
_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_long


class _Matrix(ctypes.Structure):
    """Matrix in gemv.c."""

    _fields_ = [("weights", _P), ("scales", _P), ("bias", _P), ("y", _P), ("rows", _L)]


class _Rows(ctypes.Structure):
    """Rows in gemv.c."""

    _fields_ = [
        *(("x", _P), ("with_", _P), ("y", _P), ("steps", _P), ("scales", _P)),
        *(("inner", _L), ("padded", _L), ("heads", _L), ("keys", _L)),
        *(("half", _I), ("narrow", _I), ("eps", ctypes.c_float)),
    ]


_ARRAYS = [_Matrix * count for count in range(5)]
SIGNATURES = {
    "qwenvl_level": (_I,),
    "qwenvl_products": (_I, _P, _I, _I, _I, _P, _I, _L, _L, _I),
    "qwenvl_rows": (_I, _P, _L, _I),
}


class Call(NamedTuple):
    """A call of the library made ready; `kept` are its structures. Whoever holds it keeps its tensors alive."""

    function: Callable[..., int]
    arguments: tuple[int, ...]
    kept: Any

    def run(self) -> None:
        """Do it."""
        if self.function(*self.arguments):
            raise MemoryError("no memory for the activations of a linear layer")


class Operand(NamedTuple):
    """A stored matrix of N outputs and K inputs, of a kind in FORMATS.

    bf16 takes weights (N, K) and a bfloat16 bias (N,); int8 (N, K) and float32 scales (N,), int4 (N, K/2) and bfloat16
    scales (N, K/64), both a float32 bias, and K a multiple of 64.
    """

    kind: str
    weights: Tensor
    bias: Tensor | None
    scales: Tensor | None = None


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
            library.qwenvl_rows.restype = None
            library.qwenvl_level(BEST)
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


def fit(*tensors: Tensor) -> bool:
    """Say whether the kernels take such tensors: float32 or bfloat16 on the CPU, with nothing to derive or compile."""
    plain = all(x.device.type == "cpu" and x.dtype in (HALF, WIDE) for x in tensors)
    return plain and not torch.is_grad_enabled() and not torch.compiler.is_compiling() and available()


def serves(kind: str, x: Tensor, outputs: int) -> bool:
    """Say whether `products` takes these activations (..., K): few rows, on the CPU, nothing to differentiate."""
    return x.numel() <= MOST_ROWS[kind] * x.shape[-1] and outputs >= FEWEST_OUTPUTS and fit(x)


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def products(x: Tensor, operands: Sequence[Operand], gated: bool = False) -> list[Tensor]:
    """(..., K) float32 or bfloat16 times up to four matrices of one kind -> a (..., N) for each, same dtype.

    Where `gated`, two matrices give one result: silu(first) * second. The activations are prepared once for all.
    """
    x = x.contiguous()
    outputs = [len(operand.weights) for operand in operands]
    found = [x.new_empty((*x.shape[:-1], count)) for count in (outputs[1:] if gated else outputs)]
    product_call(x, operands, found, gated).run()
    return found


def product_call(
    x: Tensor, operands: Sequence[Operand], found: Sequence[Tensor], gated: bool = False, add: bool = False
) -> Call:
    """`products` of contiguous x into `found`, made ready; where `add`, results are added to what stands there."""
    array = _ARRAYS[len(operands)]()
    for at, (operand, out) in enumerate(zip(operands, [*found] * 2 if gated else found, strict=True)):
        weights, scales, bias = operand.weights, operand.scales, operand.bias
        array[at] = _Matrix(weights.data_ptr(), _pointer(scales), _pointer(bias), out.data_ptr(), len(weights))
    inner = x.shape[-1]
    shape = (x.data_ptr(), x.dtype is HALF, inner, x.numel() // inner, torch.get_num_threads())
    arguments = (FORMATS[operands[0].kind], ctypes.addressof(array), len(operands), gated, add, *shape)
    return Call(_library().qwenvl_products, arguments, array)


def rows_call(kind: int, count: int, x: Tensor, y: Tensor, **rest: Tensor | int | float | None) -> Call:
    """A task of `count` rows, made ready."""
    task = _Rows(x=x.data_ptr(), y=y.data_ptr(), half=x.dtype is HALF)
    for name, value in rest.items():
        setattr(task, name, value.data_ptr() if isinstance(value, Tensor) else value)
    return Call(_library().qwenvl_rows, (kind, ctypes.addressof(task), count, torch.get_num_threads()), task)


def _rows(kind: int, count: int, x: Tensor, y: Tensor, **rest: Tensor | int | float | None) -> None:
    """Do one task of `count` rows."""
    rows_call(kind, count, x, y, **rest).run()


def norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """(..., K) float32 or bfloat16 over its root mean square, times weights (K,) of that dtype -> the same."""
    x = x.contiguous()
    out, inner = torch.empty_like(x), x.shape[-1]
    _rows(NORM, x.numel() // inner, x, out, with_=weight, inner=inner, eps=eps)
    return out


def gate(gates: Tensor, values: Tensor) -> Tensor:
    """(..., K) and (..., K) of one dtype -> silu(gates) * values."""
    gates, values = gates.contiguous(), values.contiguous()
    out, inner = torch.empty_like(gates), gates.shape[-1]
    _rows(GATE, gates.numel() // inner, gates, out, with_=values, inner=inner)
    return out


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(..., H, d) by tables (..., 1, d) of one dtype, laid out as rope.py does -> the same, computed in float32.

    Positions of x may lie apart, as slices of a wider tensor do; its heads are packed.
    """
    heads, dim = x.shape[-2:]
    positions = x.numel() // (heads * dim)
    x = x.reshape(positions, heads, dim)  # (P, H, d)
    if x.stride()[1:] != (dim, 1):
        x = x.contiguous()
    cos, sin = cos.contiguous(), sin.contiguous()
    out = torch.empty(positions, heads, dim, dtype=x.dtype)
    sizes = {"inner": dim, "padded": x.stride(0), "heads": heads, "narrow": cos.dtype is HALF}
    _rows(ROTATE, positions, x, out, with_=cos, scales=sin, **sizes)
    return out


def pack_int4(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Float32 weights (N, K), K a multiple of 64 -> packed (N, K/2) uint8 and scales (N, K/64) bfloat16."""
    rows, inner = weights.shape
    packed = torch.empty(rows, inner // 2, dtype=torch.uint8)
    scales = torch.empty(rows, inner // GROUP, dtype=HALF)
    _rows(PACK, rows, weights.contiguous(), packed, with_=scales, inner=inner)
    return packed, scales


def unpack_int4(packed: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """What `pack_int4` made -> int8 (N, K) and the scale of each row, float32 (N,); rounded once more."""
    rows, inner = packed.shape[0], 2 * packed.shape[1]
    weights, steps = torch.empty(rows, inner, dtype=torch.int8), torch.empty(rows, dtype=WIDE)
    _rows(UNPACK, rows, packed, weights, with_=scales, steps=steps, inner=inner)
    return weights, steps


def quantize_rows(x: Tensor, padded: int) -> tuple[Tensor, Tensor]:
    """(M, K) float32 or bfloat16 -> int8 (M, padded), zeros beyond K, and the scale of each row, float32 (M,)."""
    q, steps = torch.empty(x.shape[0], padded, dtype=torch.int8), torch.empty(x.shape[0], dtype=WIDE)
    _rows(QUANTIZE, len(x), x.contiguous(), q, steps=steps, inner=x.shape[1], padded=padded)
    return q, steps


def scale_rows(sums: Tensor, steps: Tensor, scales: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Int32 sums (M, N) * steps (M,) * scales (N,) + bias (N,) or None, these float32 -> (M, N) float32 or bfloat16."""
    out = torch.empty(sums.shape, dtype=dtype)
    half = dtype is HALF
    _rows(SCALE, len(sums), sums, out, with_=bias, steps=steps, scales=scales, inner=sums.shape[1], half=half)
    return out


def column_most(x: Tensor) -> Tensor:
    """(M, K) float32 or bfloat16 -> the largest magnitude of each column, float32 (K,)."""
    rows, inner = x.shape
    most = torch.empty(inner, dtype=WIDE)
    _rows(MOST, -(-inner // BLOCK), x.contiguous(), most, inner=inner, padded=rows)
    return most
