"""Turns planned figures into pixels and into a map of who owns each pixel; says how much wear they bear; adds light."""

import random
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.training.sample import RGB, Size
from model.training.things import Brush, Figure, catalogue

SHAPE_NEEDS, THING_NEEDS = 12.0, 24.0  # pixels of the longer side of a shape, of an everyday thing
LETTER_NEEDS = 8.0  # pixels of a small letter's height
SMALL_LETTER = 0.52  # height of a small letter over the size of its font


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


def room_of(figures: Iterable[Figure | None], needs: float = SHAPE_NEEDS) -> float:
    """How many times larger the smallest of some figures is than it must be to be told: the room that wear has.

    `needs` are the pixels of its longer side that one which is no text needs.
    """
    return min((smallest(figure, needs) for figure in figures if figure is not None), default=1.0)


def smallest(figure: Figure, needs: float) -> float:
    """The same of one figure: a thing by its longer side, a word by its small letters."""
    if figure.text:
        return SMALL_LETTER * figure.height / LETTER_NEEDS
    return max(figure.width, figure.height) / needs


def pixels(brush: Brush) -> NDArray[np.uint8]:
    """The finished frame at its own size."""
    return np.asarray(brush.picture.reduce(brush.scale))
