"""Torch-free numbers of pictures and clips: final sizes, frame plans, patch grids, token counts, scaled boxes.

Everything here is integer or float arithmetic on plain Python values, so that media can be planned, and tests can
state worked numbers, before any tensor exists.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.errors import ModelError

FRAME_FACTOR = 2
MAX_ASPECT_RATIO = 200
Padding = tuple[int, int, int, int]
NO_PADDING: Padding = (0, 0, 0, 0)
Size = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class FrameLimits:
    """How many frames of a clip are wanted: `fps` a second, but within `min_frames`..`max_frames`."""

    fps: float = 2.0
    min_frames: int = 4
    max_frames: int = 768


def smart_resize(height: int, width: int, *, factor: int = 28, min_pixels: int, max_pixels: float) -> Size:
    """Return the (height, width) a picture is resized to: multiples of `factor`, area within the limits.

    The sides are rounded to multiples first; only when the area then falls outside the limits is the whole picture
    scaled, and the sides floored (too large) or ceiled (too small). This is the rule the published processors use.

    >>> smart_resize(1080, 1920, min_pixels=3136, max_pixels=12845056)
    (1092, 1932)
    >>> smart_resize(1080, 1920, min_pixels=3136, max_pixels=768 * 28 * 28)
    (560, 1008)
    >>> smart_resize(5, 20, min_pixels=3136, max_pixels=12845056)
    (28, 112)
    >>> smart_resize(70, 98, min_pixels=784, max_pixels=12845056)  # halves go to the even multiple: 2 and 4
    (56, 112)
    """
    _check_size(height, width)
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        raise ModelError(
            f"a side ratio of {max(height, width) / min(height, width):.0f}:1 is beyond {MAX_ASPECT_RATIO}:1",
            "pad the short side first",
        )
    tall, wide = round(height / factor) * factor, round(width / factor) * factor
    if tall * wide > max_pixels:
        beta = math.sqrt((height * width) / max_pixels)
        tall = max(factor, math.floor(height / beta / factor) * factor)
        wide = max(factor, math.floor(width / beta / factor) * factor)
    elif tall * wide < min_pixels:
        beta = math.sqrt(min_pixels / (height * width))
        tall = math.ceil(height * beta / factor) * factor
        wide = math.ceil(width * beta / factor) * factor
    return tall, wide


def frame_count(total: int, rate: float, limits: FrameLimits) -> int:
    """Return how many of `total` frames, shown at `rate` a second, are taken: an even number where there are two.

    The published rule: `total / rate * fps`, at least `min_frames`, at most `max_frames` and `total`, floored to even.
    A clip shorter than `min_frames` gives what it has.

    >>> frame_count(300, 30.0, FrameLimits())
    20
    >>> frame_count(150, 30000 / 1001, FrameLimits())  # 10.01 floors to 10
    10
    >>> frame_count(30, 30.0, FrameLimits()), frame_count(100_000, 25.0, FrameLimits())
    (4, 768)
    >>> [frame_count(total, 25.0, FrameLimits()) for total in (1, 2, 3, 5)]
    [1, 2, 2, 4]
    """
    if total < 1 or not (math.isfinite(rate) and rate > 0):
        raise ModelError(f"{total} frames at {rate} a second cannot be sampled", "the clip has no usable timing")
    if not (math.isfinite(limits.fps) and limits.fps > 0) or limits.max_frames < 1:
        raise ModelError(f"{limits} asks for no frames", "fps must be above 0 and max_frames at least 1")
    least = math.ceil(limits.min_frames / FRAME_FACTOR) * FRAME_FACTOR
    most = min(limits.max_frames, total)
    wanted = min(max(total / rate * limits.fps, least), most // FRAME_FACTOR * FRAME_FACTOR)
    return max(min(FRAME_FACTOR, most), math.floor(wanted / FRAME_FACTOR) * FRAME_FACTOR)


def spread(total: int, count: int) -> list[int]:
    """Return `count` indices evenly spread over 0..total-1, first and last included.

    This is round(linspace(0, total-1, count)) in exact integers. An even count never meets a half, so the rounding
    mode cannot matter.

    >>> spread(10, 4), spread(300, 4), spread(5, 1)
    ([0, 3, 6, 9], [0, 100, 199, 299], [0])
    >>> spread(50, frame_count(50, 25.0, FrameLimits()))  # which frames of a two-second clip are taken
    [0, 16, 33, 49]
    """
    if count < 2:
        return [0] * count
    gaps = count - 1
    return [(2 * (total - 1) * step + gaps) // (2 * gaps) for step in range(count)]


def video_frame_size(
    height: int,
    width: int,
    n_frames: int,
    *,
    factor: int = 28,
    min_pixels: int,
    max_pixels: int,
    total_pixels: int,
) -> Size:
    """Return the (height, width) of every frame of a clip, so that the whole clip keeps within `total_pixels`.

    The published rule: a frame may have `total_pixels / n_frames * 2` pixels (two frames share their tokens), at most
    `max_pixels`, and is never pushed below 1.05 times `min_pixels`.

    >>> limits = dict(min_pixels=128 * 784, max_pixels=768 * 784, total_pixels=int(128000 * 784 * 0.9))
    >>> video_frame_size(1080, 1920, 20, **limits)
    (560, 1008)
    >>> video_frame_size(1080, 1920, 768, **limits)  # 235200 pixels a frame
    (336, 644)
    >>> video_frame_size(1080, 1920, 100000, **limits)  # 105369 pixels, the floor
    (224, 420)
    """
    share = total_pixels / max(n_frames, 1) * FRAME_FACTOR
    most = max(min(max_pixels, share), int(min_pixels * 1.05))
    return smart_resize(height, width, factor=factor, min_pixels=min_pixels, max_pixels=most)


def grid_thw(frames: int, height: int, width: int, *, patch: int = 14, temporal: int = 2) -> tuple[int, int, int]:
    """Return the patch grid (t, h, w); an odd last frame counts as a full pair, since it is repeated.

    >>> grid_thw(1, 56, 84), grid_thw(7, 224, 420)
    ((1, 4, 6), (4, 16, 30))
    """
    return math.ceil(frames / temporal), height // patch, width // patch


def token_count(grid: tuple[int, int, int], merge: int = 2) -> int:
    """Return the tokens the language model sees for a patch grid, `merge` x `merge` patches being one.

    >>> token_count((4, 16, 30))
    480
    """
    t, h, w = grid
    return t * (h // merge) * (w // merge)


def padding_for(height: int, width: int) -> Padding:
    """Return the (left, top, right, bottom) pixels that bring a picture within 200:1; zeros when it already is.

    >>> padding_for(1, 1000), padding_for(600, 2), padding_for(480, 640)
    ((0, 2, 0, 2), (0, 0, 1, 0), (0, 0, 0, 0))
    """
    _check_size(height, width)
    lack_h = max(0, -(-width // MAX_ASPECT_RATIO) - height)
    lack_w = max(0, -(-height // MAX_ASPECT_RATIO) - width)
    return lack_w // 2, lack_h // 2, lack_w - lack_w // 2, lack_h - lack_h // 2


def scale_padding(padding: Padding, source: Size, target: Size) -> Padding:
    """Return padding of a `source` (height, width) in pixels of what it is resized to.

    >>> scale_padding((0, 2, 0, 3), (6, 1200), (28, 5600))
    (0, 9, 0, 14)
    """
    left, top, right, bottom = padding
    x_scale, y_scale = target[1] / source[1], target[0] / source[0]
    return round(left * x_scale), round(top * y_scale), round(right * x_scale), round(bottom * y_scale)


def scale_box(box: Sequence[float], source: Size, target: Size, padding: Padding = NO_PADDING) -> Box:
    """Map a box (x1, y1, x2, y2) from the `source` (height, width) the model saw to `target`, clipped to `target`.

    `padding` is the (left, top, right, bottom) part of `source` which is not picture.

    >>> scale_box((14, 28, 56, 84), (112, 56), (224, 112))
    (28.0, 56.0, 112.0, 168.0)
    >>> scale_box((0, 0, 100, 60), (60, 100), (20, 50), padding=(0, 20, 0, 20))
    (0.0, 0.0, 50.0, 20.0)
    """
    left, top, right, bottom = padding
    seen_h, seen_w = source[0] - top - bottom, source[1] - left - right
    _check_size(seen_h, seen_w)
    x_scale, y_scale = target[1] / seen_w, target[0] / seen_h
    x1, x2 = (min(max((x - left) * x_scale, 0.0), float(target[1])) for x in (box[0], box[2]))
    y1, y2 = (min(max((y - top) * y_scale, 0.0), float(target[0])) for y in (box[1], box[3]))
    return x1, y1, x2, y2


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise ModelError(f"a picture of {width}x{height} pixels has no content", "check the file")
