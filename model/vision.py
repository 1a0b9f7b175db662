"""The vision tower: patches of all media, packed, to merged tokens of the decoder's width.

Source: Qwen2.5-VL technical report (arXiv 2502.13923, section 2.1.1).
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.attention import Backend, attend
from model.config import VisionConfig
from model.layers import RMSNorm, SwiGLU
from model.linear import Linear
from model.positions import Grid, Segments, VisionPlan, vision_plan
from model.rope import rotate, vision_table


@lru_cache(maxsize=32)
def _planned(grids: tuple[Grid, ...], window_tokens: int, merge: int) -> VisionPlan:
    """Index work of the host that training would wait for; few plans, as that of a large picture takes megabytes."""
    with torch.inference_mode(False):  # kept for steps of training too
        return vision_plan(grids, window_tokens, merge)


class PatchEmbed(nn.Module):
    """A 3-D convolution whose stride is its kernel, run as one matrix product over flattened patches."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        kernel = (config.temporal_patch_size, config.patch_size, config.patch_size)
        # Kept as a convolution so that its weight has the published name and shape; forward never convolves.
        self.proj = nn.Conv3d(config.in_channels, config.hidden_size, kernel, stride=kernel, bias=False)

    def forward(self, patches: Tensor) -> Tensor:
        """(P, C*2*14*14) -> (P, D)."""
        return F.linear(patches.to(self.proj.weight.dtype), self.proj.weight.flatten(1))


class VisionAttention(nn.Module):
    """Multi-head attention over packed patches, q, k and v in one linear."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.heads = config.num_heads
        self.qkv = Linear(config.hidden_size, config.hidden_size * 3)
        self.proj = Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, table: tuple[Tensor, Tensor], segments: Segments, backend: Backend) -> Tensor:
        """(P, D) in window order -> (P, D) in window order; `table` is cos and sin, (P, 1, d) float32."""
        q, k, v = self.qkv(x).view(x.shape[0], 3, self.heads, -1).unbind(1)  # 3 x (P, H, d)
        q, k = rotate(q, *table), rotate(k, *table)
        if segments.gather is not None:
            q, k, v = q[segments.gather], k[segments.gather], v[segments.gather]
        out = attend(q, k, v, segments, backend).reshape(x.shape)  # (P, D)
        if segments.scatter is not None:
            out = out[segments.scatter]
        return self.proj(out)  # type: ignore[no-any-return]


class VisionBlock(nn.Module):
    """One pre-norm block; whether it attends in windows or over the frame is its caller's choice of segments."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.norm1 = RMSNorm(config.hidden_size)
        self.norm2 = RMSNorm(config.hidden_size)
        self.attn = VisionAttention(config)
        self.mlp = SwiGLU(config.hidden_size, config.intermediate_size, bias=True)

    def forward(self, x: Tensor, table: tuple[Tensor, Tensor], segments: Segments, backend: Backend) -> Tensor:
        """(P, D) -> (P, D)."""
        x = x + self.attn(self.norm1(x), table, segments, backend)
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class PatchMerger(nn.Module):
    """Join 2 x 2 patches into one token of the decoder's width."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        wide = config.hidden_size * config.merge_unit
        self.ln_q = RMSNorm(config.hidden_size)
        self.mlp = nn.Sequential(Linear(wide, wide), nn.GELU(), Linear(wide, config.out_hidden_size))
        self.wide = wide

    def forward(self, x: Tensor) -> Tensor:
        """(P, D) -> (M, D_out)."""
        return self.mlp(self.ln_q(x).view(-1, self.wide))  # type: ignore[no-any-return]  # (M, 4D) -> (M, D_out)


class VisionTower(nn.Module):
    """PatchEmbed, blocks that attend in windows or over whole frames, merger."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbed(config)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.depth))
        self.merger = PatchMerger(config)

    def forward(self, patches: Tensor, grids: Sequence[Grid], backend: Backend) -> Tensor:
        """(P, C*2*14*14) with the grids of G media, in patches -> (M, D_out) in the media's own order."""
        config = self.config
        plan = _planned(tuple(grids), config.window_tokens, config.spatial_merge_size)
        device = patches.device
        windows, frames = _on(plan.windows, device), _on(plan.frames, device)
        cos, sin = vision_table(plan.positions.to(device), config.head_dim)
        table = (cos[:, None], sin[:, None])  # (P, 1, d)
        x = self.patch_embed(patches)
        grouped = x.view(-1, config.merge_unit, x.shape[-1])  # (M, 4, D)
        x = grouped[plan.order.to(device)].view(x.shape)  # (P, D) in window order
        for index, block in enumerate(self.blocks):
            x = block(x, table, frames if index in config.fullatt_block_indexes else windows, backend)
        merged: Tensor = self.merger(x)
        return merged[plan.restore.to(device)]


def _on(segments: Segments, device: torch.device) -> Segments:
    """Move the index tensors of a plan to where the patches are."""
    if device.type == "cpu":
        return segments
    gather = None if segments.gather is None else segments.gather.to(device)
    scatter = None if segments.scatter is None else segments.scatter.to(device)
    return Segments(segments.runs, segments.bounds.to(device), segments.longest, gather, scatter)
