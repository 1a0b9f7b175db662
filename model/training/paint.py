"""Turns planned figures into pixels and into a map of who owns each pixel; adds light and wear."""

import io
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model.training.sample import RGB, Size
from model.training.things import Brush, Figure, catalogue

WORN = 0.3
LIT = 0.15


def paint(figures: Sequence[Figure | None], background: RGB, size: Size, scale: int) -> Brush:
    """Draw one frame; the figure at index i owns its pixels as i + 1."""
    brush = Brush(size, background, scale)
    things = catalogue()
    for index, figure in enumerate(figures):
        if figure is not None:
            brush.owner = index + 1
            things[figure.thing].draw(brush, figure)
    return brush


def scale_for(size: Size) -> int:
    """How many times larger a frame is drawn before it is averaged down."""
    return 3 if size[0] * size[1] <= 12544 else 2


def light(rng: random.Random, size: Size) -> NDArray[np.float32]:
    """A soft ramp of brightness over the picture, as from a lamp at one side."""
    angle = rng.uniform(0, 2 * np.pi)
    depth = rng.uniform(0.04, 0.14)
    y = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size[1], dtype=np.float32)[None, :]
    ramp = 1.0 - depth * (0.5 + 0.5 * np.clip(np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y, -1, 1))
    return np.asarray(ramp[None, :, :, None], dtype=np.float32)


def wear(rng: random.Random, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sometimes light, and sometimes the wear that real files carry: blur, JPEG or noise."""
    if rng.random() < LIT:
        frames = (frames * light(rng, frames.shape[1:3])).astype(np.uint8)
    if rng.random() >= WORN:
        return frames
    how = rng.choice(("jpeg", "blur", "noise"))
    if how == "noise":
        return noisy(rng, frames)
    if how == "blur":
        radius = rng.uniform(0.3, 0.9)
        soft = [Image.fromarray(frame).filter(ImageFilter.GaussianBlur(radius)) for frame in frames]
        return np.stack([np.asarray(frame) for frame in soft])
    quality = rng.randint(60, 95)
    return np.stack([_jpeg(frame, quality) for frame in frames])


def noisy(rng: random.Random, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add fine grain that is the same for red, green and blue."""
    generator = np.random.default_rng(rng.getrandbits(63))
    deviation = rng.uniform(2, 9)
    grain = generator.standard_normal(frames.shape[:3], dtype=np.float32)[..., None] * deviation
    return np.clip(frames + grain, 0, 255).astype(np.uint8)


def _jpeg(frame: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def pixels(brush: Brush) -> NDArray[np.uint8]:
    """The finished frame at its own size."""
    return np.asarray(brush.picture.reduce(brush.scale))
