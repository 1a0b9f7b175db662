"""Small layers both halves of the network are built from: RMSNorm and SwiGLU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model import kernels
from model.linear import Linear, gated


class RMSNorm(nn.Module):
    """Root mean square norm, computed in float32 whatever the dtype of the input (arXiv 1910.07467)."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D), same dtype."""
        if self.weight.dtype is x.dtype and kernels.fit(x):
            return kernels.norm(x, self.weight, self.eps)
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


class SwiGLU(nn.Module):
    """Gated feed-forward: down(silu(gate(x)) * up(x)) (arXiv 2002.05202)."""

    def __init__(self, dim: int, hidden: int, bias: bool) -> None:
        super().__init__()
        self.gate_proj = Linear(dim, hidden, bias=bias)
        self.up_proj = Linear(dim, hidden, bias=bias)
        self.down_proj = Linear(hidden, dim, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return self.down_proj(gated(x, self.gate_proj, self.up_proj))  # type: ignore[no-any-return]
