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
_CUT_OFF = "the animation is cut off: it is read up to the cut"


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
    _fill(canvas, picture, [first + index for index in plan.indices], notes)
    taken = [times[index] for index in plan.indices[: canvas.filled]]
    return LoadedMedia(
        path="",
        kind="video",
        frames=canvas.frames,
        width=canvas.width,
        height=canvas.height,
        duration=duration,
        frame_times=taken,
        sampled_fps=plan.fps_of(taken),
        padding=canvas.padding,
        warnings=notes + canvas.notes,
        patch_size=limits.factor // 2,
    )


def _fill(canvas: Canvas, picture: Image, numbers: list[int], notes: list[str]) -> None:
    """Decode frames, ascending, onto the canvas: all, or those before the place where the file is cut off."""
    exif_notes: list[str] = []
    orientation = orientation_of(picture, exif_notes)
    for before, number in pairwise([-1, *numbers]):
        if number == before:
            canvas.repeat()
            continue
        try:
            picture.seek(number)
            pixels = np.asarray(to_rgb(picture))
        except BROKEN:
            if not canvas.filled:
                raise
            notes.append(_CUT_OFF)
            break
        canvas.add(pixels, orientation)
    notes[:] = dict.fromkeys(notes) if notes else exif_notes  # what is cut off need not be told twice


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
                notes.append(_CUT_OFF)
            return milliseconds
        shown = round(float(picture.info.get("duration", 0) or 0))
        milliseconds.append(shown if shown > _SHORTEST_MS else _DEFAULT_MS)
    return milliseconds
