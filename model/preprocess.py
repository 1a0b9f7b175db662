"""Decoded frames at their final size to the normalised, flattened patches that the vision tower reads.

Layout of the patches: (t, h/2, w/2, 2, 2, C, 2, 14, 14), so that the four patches of a merged token lie together and
channels come before time. The bytes are permuted while they are still one byte each; floats are made once, at the end.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.config import PreprocessConfig
from model.errors import PromptError

Kind = Literal["image", "video"]
BYTE_MAX = 255.0


@dataclass(frozen=True)
class MediaTensors:
    """One picture or clip, ready for the vision tower."""

    kind: Kind
    patches: Tensor  # (P, C * 2 * 14 * 14) float32
    grid: tuple[int, int, int]  # patches along time, height, width
    seconds_per_grid: float  # time that one step along t covers; 0 for a picture


def prepare(frames: npt.NDArray[np.uint8], kind: Kind, sampled_fps: float, config: PreprocessConfig) -> MediaTensors:
    """Turn RGB frames (T, H, W, 3) into patches (P, C * 2 * 14 * 14) and their grid (t, h, w).

    A picture is one frame shown twice; a clip of an odd number of frames repeats its last one.
    """
    _check(frames, kind, sampled_fps, config)
    depth, size = config.temporal_patch_size, config.patch_size
    count, height, width, _ = frames.shape
    grid = (-(-count // depth), height // size, width // size)
    patches = _normalise(_patchify(_whole_steps(_tensor(frames), depth), grid, config), config)
    return MediaTensors(kind, patches, grid, depth / sampled_fps if kind == "video" else 0.0)


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


def _patchify(frames: Tensor, grid: tuple[int, int, int], config: PreprocessConfig) -> Tensor:
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
    scale = (1.0 / (BYTE_MAX * std)).float()[:, None]  # (C, 1)
    shift = (-mean / std).float()[:, None]  # (C, 1)
    return patches.float().mul_(scale).add_(shift).flatten(1)  # (P, C * 2 * p * p)
