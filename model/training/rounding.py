"""Rounding in training: some of the last steps see weights as int4 stores them, so that int4 loses little.

The gradient found at the rounded weights is applied to the exact ones (straight-through estimation, arXiv 1308.3432).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.kernels import GROUP
from model.linear import Linear
from model.parameters import in_four_bits
from model.quantize import Int4Linear


def as_stored(weights: Sequence[Tensor]) -> list[Tensor]:
    """Matrices (N, D) as they come back from int4.

    All go together, since the groups of inputs that share a scale know nothing of each other: a GPU has little to do
    with each matrix, and its host much.
    """
    rows = [F.pad(weight.detach(), (0, -weight.shape[1] % GROUP)) for weight in weights]  # (N, whole groups)
    groups = torch.cat([row.view(-1, GROUP) for row in rows])  # (G, 64)
    layer = Int4Linear(GROUP, len(groups), bias=False)
    layer.weight, layer.weight_scale = layer.pack(groups)
    back = torch.split(layer.dense(groups.dtype), [row.numel() // GROUP for row in rows])
    return [found.view(row.shape)[:, : weight.shape[1]] for found, row, weight in zip(back, rows, weights, strict=True)]


@contextmanager
def rounded(network: nn.Module) -> Iterator[None]:
    """Inside, every weight that int4 keeps in four bits has the value that it would have there."""
    weights = [
        module.weight for name, module in network.named_modules() if isinstance(module, Linear) and in_four_bits(name)
    ]
    exact = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for weight, stored in zip(weights, as_stored(weights), strict=True):
                weight.copy_(stored)
        yield
    finally:
        with torch.no_grad():
            for weight, kept in zip(weights, exact, strict=True):
                weight.copy_(kept)
