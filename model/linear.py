"""The linear layers of both halves of the network, and the one place where it is decided which kernel computes them.

A few rows of activations (decoding) are bound by reading the weights; torch's bfloat16 product reaches a half to two
thirds of the memory bandwidth there, the native kernel most of it (tests/bench/RESULTS.md).
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model import kernels


class Layer(Protocol):
    """A linear layer of any format."""

    def __call__(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D_out)."""

    def operand(self, x: Tensor) -> kernels.Operand | None:
        """What the native kernels multiply such activations with; None where they do not serve."""


def operand(x: Tensor, weight: Tensor, bias: Tensor | None) -> kernels.Operand | None:
    """A weight (D_out, D) and bias (D_out,) as the native kernels take them, if they serve activations (..., D)."""
    if weight.dtype is torch.bfloat16 and x.dtype is weight.dtype and kernels.serves("bf16", x, len(weight)):
        return kernels.Operand("bf16", weight, bias)
    return None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(..., D) times (D_out, D), plus (D_out,) -> (..., D_out)."""
    stored = operand(x, weight, bias)
    return F.linear(x, weight, bias) if stored is None else kernels.products(x, [stored])[0]


Run = tuple[list[Layer], list[kernels.Operand]]


def runs(x: Tensor, layers: Sequence[Layer]) -> list[Run]:
    """Divide layers into runs that the native kernels multiply x (..., D) with in one go.

    A run's layers are stored in one format; one of layers that the kernels do not serve has no operands.
    """
    found: list[Run] = []
    for layer in layers:
        stored = layer.operand(x)
        last = found[-1][1] if found else None
        if last is None or (stored and stored.kind) != (last[-1].kind if last else None):
            found.append(([], []))
        found[-1][0].append(layer)
        found[-1][1].extend([] if stored is None else [stored])
    return found


def together(x: Tensor, *layers: Layer) -> list[Tensor]:
    """(..., D) -> (..., D_out) of each layer, those that the native kernels serve alike in one go."""
    found: list[Tensor] = []
    for group, stored in runs(x, layers):
        found += kernels.products(x, stored) if stored else [layer(x) for layer in group]
    return found


def gated(x: Tensor, gate: Layer, up: Layer) -> Tensor:
    """(..., D) -> silu(gate(x)) * up(x), (..., D_out)."""
    first, *more = runs(x, (gate, up))
    if first[1] and not more:
        return kernels.products(x, first[1], gated=True)[0]
    gates, values = gate(x), up(x)
    return kernels.gate(gates, values) if kernels.fit(gates, values) else F.silu(gates) * values


class Linear(nn.Linear):
    """nn.Linear with the kernel chosen by shape."""

    def operand(self, x: Tensor) -> kernels.Operand | None:
        """What the native kernels multiply x (..., D) with, if they serve."""
        return operand(x, self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D_out)."""
        return linear(x, self.weight, self.bias)


class Embedding(nn.Embedding):
    """The token embedding, which is also the head where the two are tied."""

    def operand(self, x: Tensor) -> kernels.Operand | None:
        """What the native kernels multiply x (..., D) with for the scores of all tokens, if they serve."""
        return operand(x, self.weight, None)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return linear(hidden, self.weight)
