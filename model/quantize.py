"""int8 and int4 linear layers, how weights are packed for them, and how a network is made of them.

int8: a scale for each output; int4: a scale for each 64 inputs, chosen by search, in the layers of `in_four_bits`.
Activations are quantised on the fly.
Which kernel computes a product, and why (2 Zen 4 cores, 2048 -> 11008, tests/bench/RESULTS.md):

  rows of activations   int8                                   int4
  up to 16              native, activations by groups of 64    the same
  more, wide layers     torch._int_mm, activations by row      unpacked to int8, then the same
  more, narrow layers   as floats                              there are none

Without the native kernels torch's own operations do the same, more slowly. On CUDA, and where a processor lacks AVX-512
VNNI, up to 16 rows of int8 that the native kernels do not serve go through torch's weight-only kernel and everything
else through weights unpacked for the occasion. On an H200 the former is slower than bfloat16; the latter has not been
measured.
"""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model import kernels
from model.linear import Embedding, Linear
from model.parameters import GROUP, in_four_bits, narrow, padded

# Columns of activations that stand out this far from the median column are multiplied apart (arXiv 2208.07339): the
# scale of a row must not be spent on them.
OUTLIER, MOST_OUTLIERS = 20.0, 64
PIECE = 1 << 20  # values packed at a time: they stay in the cache, and no float copy of a matrix stands in memory


def native(x: Tensor) -> bool:
    """Say whether the native kernels take a tensor."""
    return x.device.type == "cpu" and x.dtype in (kernels.HALF, kernels.WIDE) and kernels.available()


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """(M, K) -> int8 (M, padded K) and float32 scales (M,): symmetric, the largest magnitude of a row at 127."""
    if native(x):
        return kernels.quantize_rows(x, padded(x.shape[1]))
    steps = x.float().abs().amax(1) / 127  # (M,)
    q = (x.float() / steps.clamp(min=1e-30)[:, None]).round().to(torch.int8)
    return F.pad(q, (0, padded(x.shape[1]) - x.shape[1])), steps


def outliers(x: Tensor) -> Tensor | None:
    """(M, K) -> the indices of columns that stand out, or None."""
    most = kernels.column_most(x) if native(x) else x.float().abs().amax(0)  # (K,)
    limit = OUTLIER * most.median()
    if not most.max() > limit:
        return None
    columns = most.topk(min(MOST_OUTLIERS, len(most))).indices
    return columns[most[columns] > limit]


class QuantLinear(nn.Module):
    """What both formats share: D inputs, D_out outputs, a packed `weight`, its `weight_scale`, a float32 `bias`."""

    kind = ""  # the format's name
    weight: Tensor
    weight_scale: Tensor
    bias: Tensor | None

    def __init__(self, inputs: int, outputs: int, bias: bool) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        weight, scale = self.empty(inputs, outputs)
        self.register_buffer("weight", weight)
        self.register_buffer("weight_scale", scale)
        self.register_buffer("bias", torch.empty(outputs) if bias else None)

    @staticmethod
    def empty(inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
        """Make room for weight and weight_scale."""
        raise NotImplementedError

    @staticmethod
    def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
        """Some rows of a weight matrix (N, D), floating -> packed rows and their scales."""
        raise NotImplementedError

    def stored(self, x: Tensor) -> kernels.Operand | None:
        """The weights for the native kernels, if they serve x (..., D padded)."""
        if not kernels.serves(self.kind, x, self.outputs):
            return None
        return kernels.Operand(self.kind, self.weight, self.bias, self.weight_scale)

    def operand(self, x: Tensor) -> kernels.Operand | None:
        """The same for x (..., D), which must need no padding."""
        return None if self.inputs % GROUP else self.stored(x)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D_out), same dtype."""
        stored = self.stored(x)
        if stored is not None:
            whole = F.pad(x, (0, padded(self.inputs) - self.inputs)) if self.inputs % GROUP else x
            return kernels.products(whole, [stored])[0]
        flat = x.reshape(-1, self.inputs)  # (M, D)
        return self.multiply(flat).view(*x.shape[:-1], self.outputs)  # (..., D_out)

    def multiply(self, x: Tensor) -> Tensor:
        """(M, D) -> (M, D_out) for many rows."""
        raise NotImplementedError

    def dense(self, dtype: torch.dtype) -> Tensor:
        """Unpack the weights -> (D_out, D)."""
        raise NotImplementedError

    def unpacked(self, x: Tensor) -> Tensor:
        """(M, D) -> (M, D_out) through weights unpacked for the occasion."""
        return F.linear(x, self.dense(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


def multiply_int8(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """x (M, D) times int8 weights (D_out, D padded) of scales (D_out,), plus bias (D_out,) -> (M, D_out); CPU only."""
    columns = outliers(x)
    if columns is None:
        return multiply_even(x, weight, scale, bias)
    apart = weight[:, columns] * scale[:, None]  # (D_out, outliers)
    rest = multiply_even(x.index_fill(1, columns, 0), weight, scale, bias)
    return rest + F.linear(x[:, columns], apart.to(x.dtype))


def multiply_even(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """What `multiply_int8` does for activations in which no column stands out."""
    q, steps = quantize_rows(x)
    sums = torch._int_mm(q, weight.t())  # (M, D_out) int32
    if native(x):
        return kernels.scale_rows(sums, steps, scale, bias, x.dtype)
    out = sums * steps[:, None] * scale
    return (out if bias is None else out + bias).to(x.dtype)


@cache
def bytes_multiply() -> bool:
    """Say whether torch multiplies int8 matrices by vector instructions on this processor.

    Elsewhere its product is a plain loop over numbers (pytorch 136942), far slower than a product of floats.
    """
    return torch.cpu._is_vnni_supported() and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def by_bytes(x: Tensor) -> bool:
    """Say whether many rows of activations (M, D) are best rounded to int8 and multiplied so."""
    return x.device.type == "cpu" and not narrow(x.shape[1]) and bytes_multiply()


@cache
def cuda_reads_bytes() -> bool:
    """Say whether this build of torch has its weight-only int8 kernel for CUDA (pytorch 159325)."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key("aten::_weight_int8pack_mm", "CUDA"))


def multiply_few(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """The same for a few rows with their activations as they are, weights (D_out, D) without padding.

    torch's own weight-only kernel: a weight is read once, as one byte.
    """
    out = torch._weight_int8pack_mm(x.contiguous(), weight, scale.to(x.dtype))
    return out if bias is None else out + bias.to(x.dtype)


class Int8Linear(QuantLinear):
    """weight (D_out, D padded) int8, weight_scale (D_out,) float32."""

    kind = "int8"

    @staticmethod
    def empty(inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
        """Make room for weight and weight_scale."""
        return torch.empty(outputs, padded(inputs), dtype=torch.int8), torch.empty(outputs)

    @staticmethod
    def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (N, D) -> (N, D padded) int8 and (N,) float32."""
        return quantize_rows(weight)

    def dense(self, dtype: torch.dtype) -> Tensor:
        """Unpack -> (D_out, D)."""
        return (self.weight[:, : self.inputs] * self.weight_scale[:, None]).to(dtype)

    def multiply(self, x: Tensor) -> Tensor:
        """(M, D) -> (M, D_out)."""
        if by_bytes(x):
            return multiply_int8(x, self.weight, self.weight_scale, self.bias)
        few = len(x) <= kernels.MOST_ROWS[self.kind] and not self.inputs % GROUP
        if few and (x.device.type == "cpu" or (x.device.type == "cuda" and cuda_reads_bytes())):
            return multiply_few(x, self.weight, self.weight_scale, self.bias)
        return self.unpacked(x)


class Int4Linear(QuantLinear):
    """weight (D_out, D padded / 2) uint8, weight_scale (D_out, D padded / 64) bfloat16; value = (nibble - 8) * scale.

    Byte k of a group's 32 holds input k in its low half and input k + 32 in its high half.
    """

    kind = "int4"

    @staticmethod
    def empty(inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
        """Make room for weight and weight_scale."""
        width = padded(inputs)
        scales = torch.empty(outputs, width // GROUP, dtype=torch.bfloat16)
        return torch.empty(outputs, width // 2, dtype=torch.uint8), scales

    @staticmethod
    def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (N, D) -> (N, D padded / 2) uint8 and (N, D padded / 64) bfloat16."""
        whole = F.pad(weight.float(), (0, padded(weight.shape[1]) - weight.shape[1]))
        if native(whole):
            return kernels.pack_int4(whole)
        return pack_int4(whole)

    def dense(self, dtype: torch.dtype) -> Tensor:
        """Unpack -> (D_out, D)."""
        halves = self.weight.view(self.outputs, -1, GROUP // 2)  # (D_out, groups, 32)
        values = torch.cat([halves & 15, halves >> 4], dim=2).to(torch.int8) - 8  # (D_out, groups, 64)
        scaled = values * self.weight_scale[..., None].float()
        return scaled.view(self.outputs, -1)[:, : self.inputs].to(dtype)  # (D_out, D)

    def multiply(self, x: Tensor) -> Tensor:
        """(M, D) -> (M, D_out)."""
        if kernels.available() and by_bytes(x):
            return multiply_int8(x, *kernels.unpack_int4(self.weight, self.weight_scale), self.bias)
        return self.unpacked(x)


def pack_int4(weight: Tensor) -> tuple[Tensor, Tensor]:
    """What the native kernel of this name does, by torch: rows (N, D), D whole groups -> packed and scales."""
    groups = weight.view(len(weight), -1, GROUP)  # (N, groups, 64)
    far = groups.gather(2, groups.abs().argmax(2, keepdim=True))  # (N, groups, 1)
    best, scale = torch.full_like(far, -1.0), torch.zeros_like(far)
    for tried in range(16):
        inverse = -(6.6 + 0.14 * tried) / far.where(far != 0, torch.ones_like(far))
        q = (groups * inverse).round().clamp(-8, 7)
        wq, qq = (groups * q).sum(2, keepdim=True), (q * q).sum(2, keepdim=True).clamp(min=1e-30)
        better = wq * wq / qq > best
        best, scale = torch.where(better, wq * wq / qq, best), torch.where(better, wq / qq, scale)
    scale = scale.to(torch.bfloat16)
    inverse = torch.where(scale != 0, 1 / scale.float(), torch.zeros_like(far))
    q = ((groups * inverse).round().clamp(-8, 7) + 8).to(torch.uint8)
    low, high = q[..., : GROUP // 2], q[..., GROUP // 2 :]
    return (low | high << 4).flatten(1), scale[..., 0]


class Int8Embedding(Int8Linear):
    """A token embedding tied to the head, kept once, in int8, for both."""

    def __init__(self, count: int, width: int, dtype: torch.dtype) -> None:
        super().__init__(width, count, bias=False)
        self.dtype = dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (B, S) -> (B, S, D)."""
        rows = self.weight[ids][..., : self.inputs] * self.weight_scale[ids][..., None]
        return rows.to(self.dtype)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return super().forward(hidden)


def quantized(network: nn.Module, kind: str, dtype: torch.dtype) -> None:
    """Replace every linear layer, and an embedding that is also the head, by one of a format; weights come later.

    What int4 is not for (`in_four_bits`) takes int8.
    """
    tied = getattr(network, "lm_head", None) is None
    for name, module in list(network.named_modules()):
        made: nn.Module | None = None
        if isinstance(module, Linear):
            made = (Int4Linear if kind == "int4" and in_four_bits(name, module.in_features) else Int8Linear)(
                module.in_features, module.out_features, module.bias is not None
            )
        elif isinstance(module, Embedding) and tied:
            made = Int8Embedding(module.num_embeddings, module.embedding_dim, dtype)
        if made is not None:
            network.set_submodule(name, made)


def pack_all(module: QuantLinear, pieces: Iterator[Tensor]) -> tuple[Tensor, Tensor]:
    """Pack a weight matrix that comes in pieces of rows (N, D) -> weight and weight_scale of a module."""
    weight, scale = module.empty(module.inputs, module.outputs)
    start = 0
    for piece in pieces:
        rows = slice(start, start + len(piece))
        weight[rows], scale[rows] = module.pack(piece)
        start += len(piece)
    return weight, scale
