"""Decoded frames at their final size to the normalised, flattened patches that the vision tower reads.

Layout of the patches: (t, h/2, w/2, 2, 2, C, 2, 14, 14), so that the four patches of a merged token lie together and
channels come before time. The bytes are permuted while they are still one byte each; floats are made once, at the end,
and only for the frame pairs that are due: as floats a long clip would take eight times the memory of its frames.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.config import PreprocessConfig
from model.errors import PromptError
from model.positions import Grid

Kind = Literal["image", "video"]
BYTE_MAX = 255.0
# How many patches go through the tower at once. On a CPU the floats of 4096 patches (19 MB) still come from memory that
# the allocator keeps; beyond 32 MB every chunk would be paged in anew. An accelerator wants larger products.
CPU_CHUNK = 4096
ACCELERATOR_CHUNK = 16384


@dataclass(frozen=True)
class MediaTensors:
    """One picture or clip, ready for the vision tower. The frames are shared with whoever gave them, not copied."""

    kind: Kind
    frames: Tensor  # (T, H, W, C) uint8
    grid: Grid  # patches along time, height, width
    seconds_per_grid: float  # time that one step along t covers; 0 for a picture
    config: PreprocessConfig

    @property
    def patches(self) -> Tensor:
        """All patches (P, C * 2 * 14 * 14) in float32, made anew each time."""
        return self.cut(0, self.grid[0])

    def cut(self, first: int, last: int, device: torch.device | None = None) -> Tensor:
        """Return the patches of the steps `first` <= t < `last`, made on `device`, where they travel as bytes."""
        depth = self.config.temporal_patch_size
        frames = _whole_steps(self.frames[first * depth : last * depth].to(device), depth)
        return _normalise(_patchify(frames, (last - first, *self.grid[1:]), self.config), self.config)


class Span(NamedTuple):
    """Steps `first` <= t < `last` of one medium."""

    medium: int
    first: int
    last: int


@dataclass(frozen=True)
class Chunk:
    """What goes through the tower at once: patches (P, C * 2 * 14 * 14) and the grids that they make up."""

    patches: Tensor
    grids: tuple[Grid, ...]


def prepare(frames: npt.NDArray[np.uint8], kind: Kind, sampled_fps: float, config: PreprocessConfig) -> MediaTensors:
    """Check RGB frames (T, H, W, 3) and lay out their grid (t, h, w); patches are cut when they are asked for.

    A picture is one frame shown twice; a clip of an odd number of frames repeats its last one.
    """
    _check(frames, kind, sampled_fps, config)
    depth, size = config.temporal_patch_size, config.patch_size
    count, height, width, _ = frames.shape
    grid = (-(-count // depth), height // size, width // size)
    return MediaTensors(kind, _tensor(frames), grid, depth / sampled_fps if kind == "video" else 0.0, config)


def chunk_patches(device: torch.device) -> int:
    """Return how many patches go through the tower at once."""
    return CPU_CHUNK if device.type == "cpu" else ACCELERATOR_CHUNK


def plan_chunks(grids: Sequence[Grid], limit: int) -> list[list[Span]]:
    """Fill chunks of up to `limit` patches with whole steps of the media in turn; a larger step is a chunk of its own.

    Nothing attends across steps, so this changes no feature.

    >>> plan_chunks([(1, 4, 4), (5, 2, 4)], limit=32)
    [[Span(medium=0, first=0, last=1), Span(medium=1, first=0, last=2)], [Span(medium=1, first=2, last=5)]]
    """
    chunks: list[list[Span]] = []
    room = 0
    for medium, (steps, height, width) in enumerate(grids):
        first = 0
        while first < steps:
            if not chunks or room < height * width:
                chunks.append([])
                room = limit
            last = min(steps, first + max(1, room // (height * width)))
            chunks[-1].append(Span(medium, first, last))
            room -= (last - first) * height * width
            first = last
    return chunks


def patch_chunks(
    media: Sequence[MediaTensors], device: torch.device, limit: int | None = None
) -> Generator[Chunk, None, None]:
    """Give the patches of all media chunk by chunk, the next one being made in a thread while the last one is used."""
    spans = plan_chunks([medium.grid for medium in media], limit or chunk_patches(device))
    if len(spans) == 1:
        yield _chunk(media, spans[0], device)
        return
    # Leaving the block, by an error or Ctrl-C too, waits for the one chunk in the making.
    with ThreadPoolExecutor(1, "qwenvl-patches") as thread:
        due = thread.submit(_chunk, media, spans[0], device)
        for following in spans[1:]:
            chunk = due.result()
            due = thread.submit(_chunk, media, following, device)
            yield chunk
            del chunk
        yield due.result()


def _chunk(media: Sequence[MediaTensors], spans: Sequence[Span], device: torch.device) -> Chunk:
    pieces = [media[span.medium].cut(span.first, span.last, device) for span in spans]
    grids = tuple((span.last - span.first, *media[span.medium].grid[1:]) for span in spans)
    return Chunk(pieces[0] if len(pieces) == 1 else torch.cat(pieces), grids)


def _check(frames: npt.NDArray[np.uint8], kind: str, sampled_fps: float, config: PreprocessConfig) -> None:
    if kind not in ("image", "video"):
        raise PromptError(f"media of kind {kind!r} is not known", "use 'image' or 'video'")
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        got = f"{frames.dtype} {tuple(frames.shape)}"
        raise PromptError(f"frames must be uint8 (T, H, W, 3), not {got}", "decode to RGB bytes first")
    count, height, width, _ = frames.shape
    if count == 0 or (kind == "image" and count != 1):
        raise PromptError(f"{count} frames do not make {kind} input", "give one frame for a picture, some for a clip")
    if not height or not width or height % config.factor or width % config.factor:
        hint = "resize the frames with model.geometry.smart_resize first"
        raise PromptError(f"frames of {width}x{height} are not multiples of {config.factor} pixels", hint)
    if kind == "video" and not sampled_fps > 0:
        raise PromptError(f"a clip sampled at {sampled_fps} frames per second has no time", "give a positive rate")


def _tensor(frames: npt.NDArray[np.uint8]) -> Tensor:
    """Share the memory of the frames where torch can: it takes no read-only array and no negative stride."""
    return torch.from_numpy(np.require(frames, requirements=["C", "W"]))


def _whole_steps(frames: Tensor, depth: int) -> Tensor:
    """Fill the last temporal step by repeating the last frame; a single frame is repeated without a copy."""
    missing = -frames.shape[0] % depth
    if not missing:
        return frames
    if frames.shape[0] == 1:
        return frames.expand(depth, -1, -1, -1)
    return torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])


def _patchify(frames: Tensor, grid: Grid, config: PreprocessConfig) -> Tensor:
    """Cut frames (T, H, W, C) into patches (P, C, 2 * 14 * 14), all still bytes."""
    t, h, w = grid
    depth, size, merge = config.temporal_patch_size, config.patch_size, config.merge_size
    cut = frames.view(t, depth, h // merge, merge, size, w // merge, merge, size, -1)  # (t, 2, h/2, 2, p, w/2, 2, p, C)
    ordered = cut.permute(0, 2, 5, 3, 6, 8, 1, 4, 7)  # (t, h/2, w/2, 2, 2, C, 2, p, p)
    return ordered.reshape(t * h * w, -1, depth * size * size)  # (P, C, 2 * p * p)


def _normalise(patches: Tensor, config: PreprocessConfig) -> Tensor:
    """Bytes (P, C, 2 * p * p) to float32 (P, C * 2 * p * p): (x / 255 - mean) / std as one multiply-add."""
    mean = torch.tensor(config.image_mean, dtype=torch.float64)
    std = torch.tensor(config.image_std, dtype=torch.float64)
    # As long as a patch, not a value for each channel: broadcasting would keep the loops from the vector units.
    count = patches.shape[2]
    scale = (1.0 / (BYTE_MAX * std)).float().repeat_interleave(count).to(patches.device)  # (C * 2 * p * p)
    shift = (-mean / std).float().repeat_interleave(count).to(patches.device)  # (C * 2 * p * p)
    return patches.flatten(1).float().mul_(scale).add_(shift)
