"""Sizes, frame plans and boxes against worked numbers, properties, and the published rules written out plainly."""

import doctest
import math
import random
import subprocess
import sys

import numpy as np
import pytest

from model import geometry
from model.errors import ModelError
from model.geometry import (
    FrameLimits,
    frame_count,
    grid_thw,
    padding_for,
    scale_box,
    scale_padding,
    smart_resize,
    spread,
    token_count,
    video_frame_size,
)

LIMITS = {"min_pixels": 4 * 784, "max_pixels": 1280 * 784}


def test_the_docstrings_are_right() -> None:
    result = doctest.testmod(geometry)
    assert result.failed == 0 and result.attempted >= 20


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, model.geometry; print(sorted({'torch', 'numpy', 'PIL', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (480, 640, (476, 644)),  # 17.14 and 22.86 patches of 28
        (42, 70, (56, 56)),  # 1.5 rounds to 2, 2.5 to 2: the even multiple, as Python does; 3136 is the least
        (1, 1, (56, 56)),
        (28, 28, (56, 56)),
        (10, 1000, (28, 560)),  # rounds to nothing, so it is scaled up: beta 0.56
        (100, 20000, (56, 14140)),  # just 200:1, too large: beta 1.4117 makes 70.8 x 14167.1, floored
        (4032, 3024, (1148, 840)),
    ],
)
def test_worked_sizes(height: int, width: int, expected: tuple[int, int]) -> None:
    assert smart_resize(height, width, **LIMITS) == expected


def test_sizes_keep_to_their_limits_and_shape() -> None:
    generator = random.Random(0)
    for _ in range(2000):
        height, width = (int(math.exp(generator.uniform(0, 9.5))) for _ in range(2))
        if max(height, width) > 60 * min(height, width):
            continue
        tall, wide = smart_resize(height, width, **LIMITS)
        assert tall % 28 == wide % 28 == 0 and min(tall, wide) >= 28
        assert tall * wide >= LIMITS["min_pixels"]
        assert tall * wide <= max(LIMITS["max_pixels"], 28 * max(tall, wide))
        assert abs(math.log(tall / wide * width / height)) < math.log(2) + 28 / min(tall, wide)
        assert (wide, tall) == smart_resize(width, height, **LIMITS)


def test_a_size_that_fits_is_a_fixed_point() -> None:
    for tall in range(56, 1000, 28):
        for wide in range(56, 1000, 84):
            assert smart_resize(tall, wide, **LIMITS) == (tall, wide)


def test_extreme_aspects_are_refused_until_they_are_padded() -> None:
    generator = random.Random(1)
    for _ in range(500):
        long, short = generator.randint(1, 30_000), generator.randint(1, 60)
        for height, width in ((long, short), (short, long)):
            left, top, right, bottom = padding_for(height, width)
            padded = height + top + bottom, width + left + right
            assert max(padded) <= 200 * min(padded)
            assert 0 <= right - left <= 1 and 0 <= bottom - top <= 1
            if padded == (height, width):
                smart_resize(height, width, **LIMITS)
                continue
            assert max(padded) > 200 * (min(padded) - 1), "not a pixel more than needed"
            with pytest.raises(ModelError, match="200:1"):
                smart_resize(height, width, **LIMITS)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_sizes_without_content_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="no content"):
        smart_resize(*size, **LIMITS)
    with pytest.raises(ModelError, match="no content"):
        padding_for(*size)


def _published_count(total: int, rate: float, fps: float, least: int, most: int) -> int:
    low = math.ceil(least / 2) * 2
    high = math.floor(min(most, total) / 2) * 2
    return math.floor(min(max(total / rate * fps, low), high, total) / 2) * 2


def frame_indices(total: int, rate: float, limits: FrameLimits) -> list[int]:
    """The frames taken of a clip of constant rate, as qwenvl_cli.media.sampling puts the two steps together."""
    return spread(total, frame_count(total, rate, limits))


def test_frame_plans_follow_the_published_rule() -> None:
    generator = random.Random(2)
    for _ in range(1000):
        total = int(math.exp(generator.uniform(math.log(2), 9)))
        rate = generator.choice([10, 12.5, 24, 24000 / 1001, 25, 29.97, 30, 30000 / 1001, 50, 60, 240])
        fps = generator.choice([0.1, 0.5, 1, 2, 3.7, 30, 500])
        limits = FrameLimits(fps, generator.choice([1, 2, 4, 5]), generator.choice([2, 7, 64, 768]))
        expected = _published_count(total, rate, fps, limits.min_frames, limits.max_frames)
        assert frame_count(total, rate, limits) == expected
        indices = frame_indices(total, rate, limits)
        assert indices == np.linspace(0, total - 1, expected).round().astype(int).tolist()
        assert indices[0] == 0 and indices[-1] == total - 1 and len(set(indices)) == expected


def test_shortest_clips_and_tightest_limits() -> None:
    assert frame_indices(1, 30.0, FrameLimits()) == [0]
    assert frame_indices(2, 30.0, FrameLimits()) == [0, 1]
    assert frame_indices(3, 30.0, FrameLimits()) == [0, 2]
    assert frame_indices(4, 30.0, FrameLimits()) == [0, 1, 2, 3]
    assert frame_indices(100, 30.0, FrameLimits(max_frames=1)) == [0]
    assert spread(7, 0) == []


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_clips_without_timing_are_refused(rate: float) -> None:
    with pytest.raises(ModelError, match="cannot be sampled"):
        frame_count(10, rate, FrameLimits())
    with pytest.raises(ModelError, match="asks for no frames"):
        frame_count(10, 25.0, FrameLimits(fps=rate) if not rate > 0 or math.isinf(rate) else FrameLimits(max_frames=0))


def test_a_clip_keeps_within_its_budget() -> None:
    total = int(128_000 * 784 * 0.9)
    limits = {"min_pixels": 128 * 784, "max_pixels": 768 * 784, "total_pixels": total}
    for frames in (1, 4, 20, 128, 300, 768):
        tall, wide = video_frame_size(1080, 1920, frames, **limits)
        assert 128 * 784 <= tall * wide <= 768 * 784
        assert frames * tall * wide <= 2 * total
        tokens = token_count(grid_thw(frames, tall, wide))
        assert tokens <= 128_000 * 0.9
    assert video_frame_size(1080, 1920, 768, **limits) < video_frame_size(1080, 1920, 300, **limits)
    assert video_frame_size(1080, 1920, 10_000, **limits) == video_frame_size(1080, 1920, 100_000, **limits)


def test_grids_and_tokens() -> None:
    assert grid_thw(1, 28, 28) == (1, 2, 2) and token_count((1, 2, 2)) == 1
    assert grid_thw(60, 280, 392) == (30, 20, 28) and token_count((30, 20, 28)) == 30 * 10 * 14


def test_boxes_go_there_and_back() -> None:
    box, original, seen = (10.0, 20.0, 200.0, 300.0), (480, 640), (476, 644)
    there = scale_box(box, original, seen)
    assert there == pytest.approx((10.0625, 19.8333, 201.25, 297.5), abs=1e-3)
    assert scale_box(there, seen, original) == pytest.approx(box)
    assert scale_box((-50, -1, 9999, 9999), seen, original) == (0.0, 0.0, 640.0, 480.0)


def test_boxes_on_a_padded_picture_land_on_the_picture() -> None:
    """A ribbon of 4000 x 4 is seen as 4000 x 20 resized to 8 x 1600 px more or less: the white does not count."""
    padding = padding_for(4, 4000)
    assert padding == (0, 8, 0, 8)
    seen = scale_padding(padding, (20, 4000), (28, 5600))
    assert seen == (0, 11, 0, 11)
    assert scale_box((560, 11, 1120, 17), (28, 5600), (4, 4000), seen) == pytest.approx((400.0, 0.0, 800.0, 4.0))
    assert scale_box((0, 0, 5600, 28), (28, 5600), (4, 4000), seen) == (0.0, 0.0, 4000.0, 4.0)
