"""What goes into reading media (limits, sampling wishes) and what comes out of it. No third party at run time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from model.geometry import NO_PADDING, FrameLimits, Padding, grid_thw, token_count
from qwenvl_cli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

Kind = Literal["image", "video"]


@dataclass(frozen=True)
class PixelLimits:
    """How large pictures and frames may be, in pixels, as the model's preprocessor config says."""

    image_min: int
    image_max: int
    video_min: int
    video_max: int
    video_total: int
    video_max_frames: int = 768
    factor: int = 28


@dataclass(frozen=True)
class SamplingOptions:
    """Which frames of a clip are wanted; `max_frames` None leaves that to the model's config. Times in seconds."""

    fps: float = 2.0
    max_frames: int | None = None
    min_frames: int = 4
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise UsageError(f"--fps {self.fps} takes no frames", "give a number above 0, such as 2")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"--max-frames {self.max_frames} takes no frames", "give a whole number of at least 1")
        if self.start is not None and not self.start >= 0:
            raise UsageError(f"--start {self.start} is before the clip", "give seconds from the start of the clip")
        if self.end is not None and not self.end > (self.start or 0.0):
            raise UsageError(f"--end {self.end} is not after --start {self.start or 0.0}", "give a later --end")

    def frame_limits(self, limits: PixelLimits) -> FrameLimits:
        """Return the plan's limits, the model's own maximum filled in where none was asked for."""
        most = limits.video_max_frames if self.max_frames is None else self.max_frames
        return FrameLimits(fps=self.fps, min_frames=self.min_frames, max_frames=most)


@dataclass
class LoadedMedia:
    """One picture or clip, ready for the model.

    `frames` is (T, H, W, 3) uint8 RGB at final size; `width` and `height` are those of the original, upright.
    `padding` is (left, top, right, bottom) of the final size which is not picture. A picture has `sampled_fps` 1.0.
    """

    path: str
    kind: Kind
    frames: Frames
    width: int
    height: int
    sha256: str = ""
    duration: float | None = None
    frame_times: list[float] = field(default_factory=list)
    sampled_fps: float = 1.0
    padding: Padding = NO_PADDING
    warnings: list[str] = field(default_factory=list)
    patch_size: int = 14

    @property
    def grid(self) -> tuple[int, int, int]:
        """The patch grid (t, h, w)."""
        return grid_thw(self.frames.shape[0], self.frames.shape[1], self.frames.shape[2], patch=self.patch_size)

    @property
    def tokens(self) -> int:
        """Tokens the language model spends on this item."""
        return token_count(self.grid)
