"""The linear layers of both halves of the network, and the one place where it is decided which kernel computes them.

A few rows of activations (decoding) are bound by reading the weights; torch's bfloat16 product reaches a half to two
thirds of the memory bandwidth there, the native kernel most of it (tests/bench/RESULTS.md).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model import kernels


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(..., D) times (D_out, D), plus (D_out,) -> (..., D_out)."""
    if weight.dtype is torch.bfloat16 and x.dtype is weight.dtype and kernels.serves("bf16", x, weight.shape[0]):
        return kernels.product("bf16", x, weight, weight.shape[0], None if bias is None else bias.float())
    return F.linear(x, weight, bias)


class Linear(nn.Linear):
    """nn.Linear with the kernel chosen by shape."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D_out)."""
        return linear(x, self.weight, self.bias)


class Embedding(nn.Embedding):
    """The token embedding, which is also the head where the two are tied."""

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return linear(hidden, self.weight)
