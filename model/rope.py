"""Rotary position embeddings: the 2-D table of the vision tower and the three-section M-RoPE of the decoder.

Sources: RoFormer (arXiv 2104.09864) for the rotation, Qwen2-VL (arXiv 2409.12191, section 2.1) for M-RoPE.
"""

import torch
from torch import Tensor

from model import kernels


def inverse_frequencies(dim: int, theta: float, device: torch.device | None = None) -> Tensor:
    """Return (dim/2,) float32 inverse frequencies theta^(-2i/dim)."""
    return 1.0 / theta ** (torch.arange(0, dim, 2, dtype=torch.float32, device=device) / dim)


def vision_table(positions: Tensor, head_dim: int, theta: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Return the table of patch positions (P, 2) of (row, column): cos and sin, (P, d) float32.

    The first half of the rotary dimensions turns with the row, the second half with the column.
    """
    inverse = inverse_frequencies(head_dim // 2, theta, positions.device)  # (d/4,)
    angles = (positions[:, :, None].float() * inverse).flatten(1)  # (P, 2, d/4) -> (P, d/2)
    return _table(angles)


def mrope_table(positions: Tensor, head_dim: int, theta: float, section: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Return the table of M-RoPE positions (3, B, S): cos and sin, (B, S, d) float32.

    `section` splits the d/2 frequencies into those that follow t, h and w.
    """
    inverse = inverse_frequencies(head_dim, theta, positions.device)  # (d/2,)
    # Taken apart by slices: an index made of `section` would be copied to the device, and waited for, at every step.
    bounds = (0, section[0], section[0] + section[1], sum(section))
    parts = [positions[axis].float()[..., None] * inverse[bounds[axis] : bounds[axis + 1]] for axis in range(3)]
    angles = torch.cat(parts, dim=-1)  # (B, S, d/2)
    return _table(angles)


def _table(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Lay angles (..., d/2) out as `rotate` reads them: over the whole head, the first half of the sines negated."""
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the two halves of the last dimension of x (..., d) by a table broadcast as (..., d), in the table's dtype.

    As (a, b) * (cos, cos) + (b, a) * (-sin, sin), which walks over memory less often than half by half.
    """
    if cos.ndim > 2 and cos.shape == (*x.shape[:-2], 1, x.shape[-1]) and kernels.fit(x, cos):
        return kernels.rotate(x, cos, sin).view(x.shape)  # (..., H, d)
    wide = x.to(cos.dtype)
    first, second = wide.chunk(2, dim=-1)
    return (wide * cos).addcmul_(torch.cat((second, first), dim=-1), sin).to(x.dtype)
