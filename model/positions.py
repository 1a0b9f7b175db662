"""Pure index work: where patches stand, which of them attend to each other, and the M-RoPE position of every token.

Nothing here needs weights, so it is tested with worked numbers (tests/model/test_positions.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from model.config import ModelConfig
from model.errors import PromptError

Grid = tuple[int, int, int]

# Times are products of a rate and an interval; this keeps 1.9999999999 from flooring to 1.
TIME_EPSILON = 1e-6


class Medium(Protocol):
    """What positions need to know of a picture or clip."""

    @property
    def kind(self) -> str: ...
    @property
    def grid(self) -> Grid: ...
    @property
    def seconds_per_grid(self) -> float: ...


@dataclass(frozen=True)
class Segments:
    """Packed sequences that attend only within themselves.

    `runs` lists (count, length) of equal neighbours, in patches; `gather` brings patches from window order into this
    order and `scatter` takes them back; both are None when the two orders agree.
    """

    runs: tuple[tuple[int, int], ...]
    bounds: Tensor  # (segments + 1,) int32, cumulative lengths
    longest: int
    gather: Tensor | None = None
    scatter: Tensor | None = None


@dataclass(frozen=True)
class VisionPlan:
    """Everything the tower needs to know about where patches stand.

    `order` (M,) lists merged tokens in window order, `restore` (M,) undoes it, `positions` (P, 2) are the (row, column)
    of the patches in window order.
    """

    order: Tensor
    restore: Tensor
    positions: Tensor
    windows: Segments
    frames: Segments


def patch_positions(grid: Grid, merge: int = 2) -> Tensor:
    """Return (t*h*w, 2) rows and columns of one medium's patches in merge-group order.

    >>> patch_positions((1, 2, 4)).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1], [0, 2], [0, 3], [1, 2], [1, 3]]
    """
    t, h, w = grid
    rows = torch.arange(h)[:, None].expand(h, w)
    columns = torch.arange(w)[None, :].expand(h, w)
    both = torch.stack((rows, columns), dim=-1)  # (h, w, 2)
    groups = both.view(h // merge, merge, w // merge, merge, 2).permute(0, 2, 1, 3, 4)  # (h/2, w/2, 2, 2, 2)
    return groups.reshape(-1, 2).repeat(t, 1)  # (t*h*w, 2)


def _window_keys(grid: Grid, side: int, merge: int) -> tuple[Tensor, Tensor]:
    """Return, for every merged token of one medium, its window's number and that window's size in merged tokens."""
    t, h, w = grid[0], grid[1] // merge, grid[2] // merge
    across = math.ceil(w / side)
    rows, columns = torch.arange(h) // side, torch.arange(w) // side
    number = rows[:, None] * across + columns[None, :]  # (h, w)
    high = torch.clamp(h - rows * side, max=side)
    wide = torch.clamp(w - columns * side, max=side)
    size = (high[:, None] * wide[None, :]).expand(t, h, w)
    per_frame = math.ceil(h / side) * across
    frames = torch.arange(t)[:, None, None] * per_frame
    return (number + frames).flatten(), size.flatten()


def _runs(lengths: Tensor) -> tuple[tuple[int, int], ...]:
    """Group equal neighbours: (3, 3, 5) -> ((2, 3), (1, 5))."""
    values, counts = torch.unique_consecutive(lengths, return_counts=True)
    return tuple((int(count), int(value)) for value, count in zip(values, counts, strict=True))


def _segments(lengths: Tensor, gather: Tensor | None = None) -> Segments:
    bounds = torch.zeros(len(lengths) + 1, dtype=torch.int32)
    bounds[1:] = lengths.cumsum(0)
    scatter = None if gather is None else torch.argsort(gather)
    return Segments(_runs(lengths), bounds, int(lengths.max()), gather, scatter)


def _by_size(keys: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Order tokens so that equal keys lie together, large groups first; return the order and the groups' sizes."""
    order = torch.argsort(keys, stable=True)
    order = order[torch.argsort(sizes[order], stable=True, descending=True)]
    _, counts = torch.unique_consecutive(keys[order], return_counts=True)
    return order, counts


def _to_patches(tokens: Tensor, unit: int) -> Tensor:
    """Turn indices of merged tokens (M,) into indices of their patches (M*unit,)."""
    return (tokens[:, None] * unit + torch.arange(unit)).flatten()


def vision_plan(grids: Sequence[Grid], window_tokens: int, merge: int = 2) -> VisionPlan:
    """Plan windowed and full attention over the packed patches of all media.

    Windows never cross a frame and are sorted by size (largest first), so that equal windows of all media go through
    one batched attention call without a gather. Full attention stays within a frame pair.

    >>> plan = vision_plan([(1, 4, 12)], window_tokens=4)  # 2 x 6 merged: one window 2 x 4, one 2 x 2
    >>> plan.order.tolist()
    [0, 1, 2, 3, 6, 7, 8, 9, 4, 5, 10, 11]
    >>> plan.windows.runs, plan.frames.runs, plan.frames.gather
    (((1, 32), (1, 16)), ((1, 48),), None)
    """
    unit = merge * merge
    windows, sizes, frames, lengths = [], [], [], []
    next_window = next_frame = 0
    for grid in grids:
        number, size = _window_keys(grid, window_tokens, merge)
        per_frame = grid[1] * grid[2] // unit
        windows.append(number + next_window)
        sizes.append(size)
        frames.append(torch.arange(grid[0]).repeat_interleave(per_frame) + next_frame)
        lengths.append(torch.full((grid[0] * per_frame,), per_frame))
        next_window += int(number.max()) + 1
        next_frame += grid[0]
    order, counts = _by_size(torch.cat(windows), torch.cat(sizes))
    restore = torch.argsort(order)
    frame_order, frame_counts = _by_size(torch.cat(frames), torch.cat(lengths))
    gather = None if next_frame == 1 else _to_patches(restore[frame_order], unit)
    positions = torch.cat([patch_positions(grid, merge) for grid in grids])
    return VisionPlan(
        order=order,
        restore=restore,
        positions=positions.view(-1, unit, 2)[order].view(-1, 2),  # (M, unit, 2) -> (P, 2)
        windows=_segments(counts * unit),
        frames=_segments(frame_counts * unit, gather),
    )


def block_positions(medium: Medium, start: int, merge: int, tokens_per_second: float) -> Tensor:
    """Return (3, n) positions of one medium's merged tokens, from `start`.

    t = floor(i * tokens_per_second * seconds_per_grid), multiplied in floating point and floored last; a picture has
    t = 0. h and w count merged rows and columns. (Qwen2.5-VL technical report, arXiv 2502.13923, section 2.1.2.)
    """
    t, h, w = medium.grid[0], medium.grid[1] // merge, medium.grid[2] // merge
    step = tokens_per_second * medium.seconds_per_grid if medium.kind == "video" else 0.0
    times = torch.tensor([math.floor(i * step + TIME_EPSILON) for i in range(t)])
    axes = torch.meshgrid(times, torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([axis.flatten() for axis in axes]) + start  # (3, t*h*w)


def mrope_positions(ids: Sequence[int], media: Sequence[Medium], config: ModelConfig) -> tuple[Tensor, int, int]:
    """Return positions (3, S), the position of the token after the last, and how many of `media` were used.

    Each run of placeholders takes the next medium; the block after a medium starts at its largest position on any
    axis + 1. Raises PromptError when placeholders and media do not match.
    """
    blocks: list[Tensor] = []
    position = index = used = 0
    while index < len(ids):
        if ids[index] in (config.image_token_id, config.video_token_id):
            block = _next_block(ids, index, media, used, position, config)
            used += 1
        else:
            end = index
            while end < len(ids) and ids[end] not in (config.image_token_id, config.video_token_id):
                end += 1
            block = (torch.arange(end - index) + position).expand(3, -1)
        blocks.append(block)
        index += block.shape[1]
        position = int(block.max()) + 1
    return (torch.cat(blocks, dim=1) if blocks else torch.zeros(3, 0, dtype=torch.long)), position, used


def _next_block(
    ids: Sequence[int], index: int, media: Sequence[Medium], used: int, position: int, config: ModelConfig
) -> Tensor:
    """Take the next medium for the placeholders that start at `index`, checking that kind and length agree."""
    if used >= len(media):
        raise PromptError(f"the prompt has more media placeholders than the {len(media)} media given")
    medium = media[used]
    pad = config.image_token_id if medium.kind == "image" else config.video_token_id
    vision = config.vision
    block = block_positions(medium, position, vision.spatial_merge_size, vision.tokens_per_second)
    length = block.shape[1]
    if any(token != pad for token in ids[index : index + length]) or len(ids) < index + length:
        raise PromptError(f"medium {used + 1} ({medium.kind}) needs {length} placeholders in a row; the prompt differs")
    return block
