"""Animated GIF, WebP, AVIF and APNG as clips: real frame durations, and no more than one full-size frame in memory."""

from __future__ import annotations

from itertools import accumulate, count, pairwise
from typing import TYPE_CHECKING

import numpy as np

from model.geometry import Padding, Size, video_frame_size
from qwenvl_cli.media.image import BROKEN, orientation_of, plan_size, resize, to_rgb, turn
from qwenvl_cli.media.items import LoadedMedia, PixelLimits, SamplingOptions
from qwenvl_cli.media.sampling import plan_frames

if TYPE_CHECKING:
    from PIL.Image import Image

# Browsers show frames that ask for 10 ms or less for 100 ms, and files are made to look right there.
_SHORTEST_MS, _DEFAULT_MS = 10, 100
# These decoders know a frame's duration only once it is decoded.
_TIMED_BY_DECODING = ("WEBP", "AVIF")


def load_animation(picture: Image, limits: PixelLimits, sampling: SamplingOptions) -> LoadedMedia:
    """Decode the sampled frames of a moving picture that is already open."""
    notes: list[str] = []
    first = 1 if getattr(picture, "default_image", False) else 0  # an APNG may carry a still that is no frame
    durations = _durations(picture, first, notes)
    times = [total / 1000.0 for total in accumulate(durations, initial=0)]
    duration = times.pop()
    rate = len(durations) / duration
    plan = plan_frames(times, duration, rate, sampling.frame_limits(limits), sampling.start, sampling.end)
    frames, (width, height), padding = _decode(picture, [first + index for index in plan.indices], limits, notes)
    return LoadedMedia(
        path="",
        kind="video",
        frames=frames,
        width=width,
        height=height,
        duration=duration,
        frame_times=[times[index] for index in plan.indices],
        sampled_fps=plan.sampled_fps,
        padding=padding,
        warnings=notes,
        patch_size=limits.factor // 2,
    )


def _durations(picture: Image, first: int, notes: list[str]) -> list[int]:
    """Return the milliseconds each frame is shown; a file cut off after its first frame gives the frames there are."""
    milliseconds: list[int] = []
    for index in count(first):
        try:
            picture.seek(index)
            if picture.format in _TIMED_BY_DECODING or index == first:
                picture.load()
        except BROKEN as error:
            if not milliseconds:
                raise
            if not isinstance(error, EOFError):  # which is how a picture says that this was all
                notes.append(f"the animation is cut off: only its first {len(milliseconds)} frames are read")
            return milliseconds
        shown = round(float(picture.info.get("duration", 0) or 0))
        milliseconds.append(shown if shown > _SHORTEST_MS else _DEFAULT_MS)
    return milliseconds


def _decode(
    picture: Image, indices: list[int], limits: PixelLimits, notes: list[str]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], tuple[int, int], Padding]:
    """Return frames (T, H, W, 3), the upright (width, height) of the original, and the padding."""

    def rule(tall: int, wide: int) -> Size:
        return video_frame_size(
            tall,
            wide,
            len(indices),
            factor=limits.factor,
            min_pixels=limits.video_min,
            max_pixels=limits.video_max,
            total_pixels=limits.video_total,
        )

    picture.seek(indices[0])
    upright = turn(to_rgb(picture), orientation := orientation_of(picture, notes))
    original = upright.size
    upright, padding, size = plan_size(upright, notes, rule)
    frames = np.empty((len(indices), *size, 3), dtype=np.uint8)
    frames[0] = resize(upright, size)
    for slot, (before, index) in enumerate(pairwise(indices), start=1):
        if index == before:
            frames[slot] = frames[slot - 1]
            continue
        picture.seek(index)
        frames[slot] = resize(plan_size(turn(to_rgb(picture), orientation), [], rule)[0], size)
    return frames, original, padding
