"""Pictures through our own opening, resizing and cutting against the reference's Pillow image processor."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from model.config import PreprocessConfig
from model.geometry import FrameLimits, frame_count, spread
from model.preprocess import prepare
from qwenvl_cli.media.image import load_still
from qwenvl_cli.media.items import PixelLimits

LEAST, MOST = 28 * 28 * 2, 28 * 28 * 24
LIMITS = PixelLimits(LEAST, MOST, LEAST, MOST, 100 * MOST)
SIZES = 200


def random_sizes() -> list[tuple[int, int]]:
    """Draw heights and widths from 4 to 600 pixels, evenly over their logarithm, within 200:1."""
    numbers = np.random.default_rng(11)
    sizes = np.exp(numbers.uniform(math.log(4), math.log(600), (SIZES, 2))).astype(int)
    return [(int(height), int(width)) for height, width in sizes]


def picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Draw waves with some noise: smooth enough to be a picture, rough enough for overshoot in the resize."""
    rows, columns = np.mgrid[0:height, 0:width]
    numbers = np.random.default_rng(seed)
    waves = [np.sin(rows * a + columns * b + c) for a, b, c in numbers.uniform(0, 2, (3, 3))]
    values = 127.5 + 160 * np.stack(waves, axis=-1) + numbers.normal(0, 20, (height, width, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


def test_pixels_and_grid_over_random_sizes() -> None:
    processor = Qwen2VLImageProcessorPil(min_pixels=LEAST, max_pixels=MOST)
    config = PreprocessConfig(min_pixels=LEAST, max_pixels=MOST)
    worst, grown, shrunk = 0.0, 0, 0
    for seed, (height, width) in enumerate(random_sizes()):
        image = Image.fromarray(picture(height, width, seed))
        theirs = processor(images=image, return_tensors="pt")
        ours = prepare(load_still(image, LIMITS).frames, "image", 1.0, config)
        assert [list(ours.grid)] == theirs["image_grid_thw"].tolist(), f"grid of {width}x{height}"
        apart = float((ours.patches - theirs["pixel_values"]).abs().max())
        assert apart <= 1e-3, f"{width}x{height} differs by {apart:.2e}"
        worst, grown, shrunk = max(worst, apart), grown + (height * width < LEAST), shrunk + (height * width > MOST)
    print(f"{SIZES} sizes, {grown} below and {shrunk} above the limits: largest difference {worst:.2e}")
    assert grown > 20 and shrunk > 20, "sizes must reach beyond both limits"


def published_count(total: int, rate: float, fps: float, least: int = 4, most: int = 768) -> int:
    """qwen-vl-utils' smart_nframes: between the limits, both even, and floored to even."""
    low, high = math.ceil(least / 2) * 2, math.floor(min(most, total) / 2) * 2
    return math.floor(min(min(max(total / rate * fps, low), high), total) / 2) * 2


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 3.7])
@pytest.mark.parametrize("rate", [10.0, 23.976, 24.0, 25.0, 30_000 / 1001, 30.0, 60.0])
def test_frame_choice(rate: float, fps: float) -> None:
    """qwen-vl-utils: torch.linspace(0, total - 1, count).round().long().

    Its float32 is off by one frame now and then above 12 000 frames, so longer clips are held to the rule in float64.
    """
    totals = np.random.default_rng(int(rate * 10 + fps)).integers(4, 12_000, 60).tolist()
    for total in [*range(4, 40), *totals, 108_000, 324_017]:
        limits, count = FrameLimits(fps=fps), published_count(total, rate, fps)
        assert frame_count(total, rate, limits) == count, f"{total} frames at {rate}"
        precision = torch.float32 if total < 12_000 else torch.float64
        chosen = torch.linspace(0, total - 1, count, dtype=precision).round().long().tolist()
        assert spread(total, count) == chosen, f"{total} frames at {rate}"
