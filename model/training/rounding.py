"""Rounding in training: some of the last steps see weights as int4 stores them, so that int4 loses little.

The gradient found at the rounded weights is applied to the exact ones (straight-through estimation, arXiv 1308.3432).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from model.linear import Linear
from model.parameters import in_four_bits
from model.quantize import Int4Linear


def as_stored(weight: Tensor) -> Tensor:
    """A matrix (N, D) as it comes back from int4."""
    layer = Int4Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight, layer.weight_scale = layer.pack(weight.detach())
    return layer.dense(weight.dtype)


@contextmanager
def rounded(network: nn.Module) -> Iterator[None]:
    """Inside, every weight that int4 keeps in four bits has the value that it would have there."""
    weights = [
        module.weight for name, module in network.named_modules() if isinstance(module, Linear) and in_four_bits(name)
    ]
    exact = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for weight in weights:
                weight.copy_(as_stored(weight))
        yield
    finally:
        with torch.no_grad():
            for weight, kept in zip(weights, exact, strict=True):
                weight.copy_(kept)
