"""Animated GIF, WebP, AVIF and APNG as clips: real frame durations, and no more than one full-size frame in memory."""

from __future__ import annotations

from itertools import accumulate, count, pairwise
from typing import TYPE_CHECKING

import numpy as np

from qwenvl_cli.media.canvas import Canvas
from qwenvl_cli.media.image import BROKEN, orientation_of, to_rgb
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
    canvas = Canvas(len(plan.indices), limits)
    orientation = orientation_of(picture, notes)
    for before, index in pairwise([-1, *plan.indices]):
        if index == before:
            canvas.repeat()
            continue
        picture.seek(first + index)
        canvas.add(np.asarray(to_rgb(picture)), orientation)
    return LoadedMedia(
        path="",
        kind="video",
        frames=canvas.frames,
        width=canvas.width,
        height=canvas.height,
        duration=duration,
        frame_times=[times[index] for index in plan.indices],
        sampled_fps=plan.sampled_fps,
        padding=canvas.padding,
        warnings=notes + canvas.notes,
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
