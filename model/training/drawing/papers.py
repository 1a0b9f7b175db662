"""What a drawing stands on: plain colour, gradients, paper, noise, stripes, grids, axes, clouds, a page, a photo.

Whatever is on it, the paper is still called by the one name of its colour.
"""

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from model.training.assets.pack import at_hand, pack
from model.training.drawing.look import mixed
from model.training.photographs import crop
from model.training.sample import RGB, Size, Split

KINDS = {
    "plain": 0.4, "gradient": 0.1, "grain": 0.08, "paper": 0.07, "stripes": 0.06, "grid": 0.08, "axes": 0.06,
    "clouds": 0.06, "page": 0.03, "photo": 0.06,
}  # fmt: skip
Pixels = NDArray[np.float32]
DEPTH = 26.0  # how far in value a texture goes from its colour
LEAST = 10.0  # the same of stripes, which are told


def flat(rgb: RGB, size: Size) -> Pixels:
    """One colour."""
    return np.broadcast_to(np.array(rgb, dtype=np.float32), (*size, 3)).copy()


def depth(rng: random.Random) -> float:
    """How strong a texture is, darker or lighter."""
    return rng.uniform(0.3, 1.0) * DEPTH * rng.choice((-1, 1))


def gradient(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Straight or round, from a little darker to a little lighter."""
    y, x = (axis.astype(np.float32) for axis in np.ogrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j])
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.hypot(x, y) - 0.7 if rng.random() < 0.3 else np.cos(angle) * x + np.sin(angle) * y
    return np.asarray(flat(rgb, size) + (ramp * depth(rng))[..., None])


def grain(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Fine noise, one for all channels or one each."""
    generator = np.random.default_rng(rng.getrandbits(63))
    channels = rng.choice((1, 3))
    return flat(rgb, size) + generator.standard_normal((*size, channels), dtype=np.float32) * rng.uniform(3, 14)


def clouds(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Soft spots of several sizes, as out of focus."""
    return flat(rgb, size) + (octaves(rng, size, (2, 4, 8)) * depth(rng))[..., None]


def paper(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Spots and fibres."""
    return flat(rgb, size) + (octaves(rng, size, (8, 32, 64)) * depth(rng) * 0.6)[..., None]


def octaves(rng: random.Random, size: Size, steps: tuple[int, ...]) -> Pixels:
    """Sum of smooth noises with so many cells a side, within -1..1."""
    generator = np.random.default_rng(rng.getrandbits(63))
    total = np.zeros(size, dtype=np.float32)
    for weight, count in enumerate(steps, start=1):
        cells = np.asarray(generator.uniform(-1, 1, (count + 1, count + 1)) / weight, dtype=np.float32)
        total += blown_up(cells, size)
    return np.asarray(total / np.abs(total).max())


def blown_up(cells: Pixels, size: Size) -> Pixels:
    """Bilinear from few cells to all pixels."""
    for axis, length in enumerate(size):
        at = np.linspace(0, cells.shape[axis] - 1, length, dtype=np.float32)
        low = np.minimum(at.astype(np.intp), cells.shape[axis] - 2)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        cells = np.take(cells, low, axis) * (1 - share) + np.take(cells, low + 1, axis) * share
    return cells


def stripes(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Lying, standing or slanted."""
    y, x = (axis.astype(np.float32) for axis in np.ogrid[: size[0], : size[1]])
    along = rng.choice((x, y, x + y, x - y))
    bright = (along // rng.randint(4, 14)) % 2
    seen = max(LEAST, abs(depth(rng)) * 0.8) * (-1 if sum(rgb) > 380 else 1)  # what white has lighter stripes of is not
    return np.asarray(flat(rgb, size) + (bright * seen)[..., None])


def pen(rng: random.Random, rgb: RGB) -> RGB:
    """A pale line on that colour: darker on light paper, lighter on dark."""
    return mixed(rgb, (90, 110, 140) if sum(rgb) > 380 else (225, 225, 225), rng.uniform(0.15, 0.45))


def grid(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Squared or lined paper."""
    picture, step, line = flat(rgb, size), rng.randint(8, 30), pen(rng, rgb)
    picture[rng.randrange(step) :: step] = line
    if rng.random() < 0.75:
        picture[:, rng.randrange(step) :: step] = line
    return picture


def axes(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """The frame of a plot, or its two axes, with ticks and sometimes pale grid lines."""
    picture, (height, width) = flat(rgb, size), size
    line = mixed(rgb, (0, 0, 0) if sum(rgb) > 380 else (255, 255, 255), rng.uniform(0.6, 1.0))
    left, bottom = round(width * rng.uniform(0.03, 0.1)), height - 1 - round(height * rng.uniform(0.03, 0.1))
    right, top = width - left, height - 1 - bottom
    step = rng.randint(10, 28)
    if rng.random() < 0.4:
        pale = pen(rng, rgb)
        picture[top:bottom:step, left:right] = pale
        picture[top:bottom, left:right:step] = pale
    picture[bottom, left:right] = line
    picture[top : bottom + 1, left] = line
    if rng.random() < 0.6:
        picture[top, left:right] = line
        picture[top : bottom + 1, right - 1] = line
    for at in range(left, right, step):
        picture[bottom : bottom + 3, at] = line
    for at in range(top, bottom, step):
        picture[at, max(0, left - 2) : left] = line
    return picture


def page(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """A coloured page with a white, gray or black margin around it."""
    value = rng.choice((255, 255, 255, 235, 30))
    if min(abs(value - channel) for channel in rgb) < 25:
        value = 128
    picture = flat((value, value, value), size)
    margin = max(2, round(min(size) * rng.uniform(0.015, 0.045)))
    picture[margin:-margin, margin:-margin] = rgb
    return picture


def photo(rng: random.Random, rgb: RGB, size: Size, split: Split) -> Pixels:
    """A piece of a photo, faint, its mean moved to the colour."""
    piece = np.asarray(crop(rng, pack(), size, split), dtype=np.float32)
    away = piece - piece.mean((0, 1))
    strength = rng.uniform(0.6, 2.0) * DEPTH / max(float(np.abs(away).max()), 1.0)
    return np.asarray(flat(rgb, size) + away * strength)


MAKERS: dict[str, Callable[[random.Random, RGB, Size], Pixels]] = {
    "gradient": gradient, "grain": grain, "paper": paper, "stripes": stripes, "grid": grid, "axes": axes,
    "clouds": clouds, "page": page,
}  # fmt: skip


def kind_of(rng: random.Random, difficulty: float) -> str:
    """Which paper; more often plain while things are easy."""
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0] if rng.random() < 0.3 + 0.7 * difficulty else "plain"
    return kind if kind != "photo" or at_hand("photos", pack()) else "plain"


def lay(rng: random.Random, kind: str, rgb: RGB, size: Size, split: Split = "train") -> NDArray[np.uint8]:
    """The empty paper (H, W, 3); the photos that lie under drawings are those of the split."""
    if kind == "photo":
        made = photo(rng, rgb, size, split)
    else:
        made = flat(rgb, size) if kind == "plain" else MAKERS[kind](rng, rgb, size)
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)
