"""The things a scene can hold: one file per family, each with a `THINGS` tuple, found by looking into this folder.

A thing is a name (English, plural, Chinese) and a drawer. Adding a family is adding a file.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.training.sample import RGB, Size

Contours = tuple[NDArray[np.float64], ...]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Figure:
    """One thing as it stands in one frame: centre and extent in pixels, angle in degrees, `variant` in 0..1."""

    thing: str
    colour: str
    rgb: RGB
    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0
    variant: float = 0.5
    outline: RGB | None = None
    text: str = ""


class Brush:
    """Draws one frame: the picture at `scale` times its size, and at its own size who owns each pixel."""

    def __init__(self, size: Size, background: RGB, scale: int) -> None:
        height, width = size
        self.scale = scale
        self.picture = Image.new("RGB", (width * scale, height * scale), background)
        self.ids = Image.new("L", (width, height), 0)
        self.chars: Image.Image | None = None
        self._pen = ImageDraw.Draw(self.picture)
        self._mark = ImageDraw.Draw(self.ids)
        self.owner = 0

    def polygon(self, contours: Contours, figure: Figure) -> None:
        """Fill unit contours (the first is the outer one, the rest are holes) as `figure` places them."""
        turn = np.deg2rad(figure.angle)
        rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        extent, centre = np.array([figure.width, figure.height]), np.array([figure.x, figure.y])
        placed = [(contour * extent) @ rotate + centre for contour in contours]
        joined = placed[0]
        for hole in placed[1:]:  # a keyhole cut of zero width turns a holed area into one polygon
            joined = np.concatenate([joined, joined[:1], hole[::-1], hole[-1:], joined[:1]])
        self._pen.polygon((joined * self.scale).ravel().tolist(), fill=figure.rgb)
        self._mark.polygon(joined.ravel().tolist(), fill=self.owner)
        if figure.outline is not None:
            width = max(self.scale, round(0.035 * min(figure.width, figure.height) * self.scale))
            for contour in placed:
                ring = np.concatenate([contour, contour[:2]]) * self.scale
                self._pen.line(ring.ravel().tolist(), fill=figure.outline, width=width)

    def glyph(self, char: str, code: int, font: Font, corner: tuple[float, float], box: list[float], rgb: RGB) -> None:
        """Draw one character at `corner` (top left) with a font of scaled size; `box` is the area it owns."""
        if self.chars is None:
            self.chars = Image.new("L", self.ids.size, 0)
        self._pen.text((corner[0] * self.scale, corner[1] * self.scale), char, fill=rgb, font=font)
        self._mark.rectangle(box, fill=self.owner)
        ImageDraw.Draw(self.chars).rectangle(box, fill=code)


@dataclass(frozen=True)
class Thing:
    """A kind of thing; `aspect` bounds width / height, `turn` bounds the angle, `upright` keeps width and height."""

    name: str
    plural: str
    zh: str
    draw: Callable[[Brush, Figure], None]
    aspect: tuple[float, float] = (1.0, 1.0)
    turn: float = 10.0
    upright: bool = True
    is_text: bool = False


def polygon_thing(name: str, zh: str, outline: Callable[[float], Contours], **more: object) -> Thing:
    """Make a thing out of a function from `variant` to unit contours."""

    def draw(brush: Brush, figure: Figure) -> None:
        brush.polygon(outline(figure.variant), figure)

    plural = f"{name}es" if name.endswith("s") else f"{name}s"
    return Thing(name, plural, zh, draw, **more)  # type: ignore[arg-type]


def _families(table: str) -> list[Thing]:
    found: list[Thing] = []
    for module in sorted(item.name for item in pkgutil.iter_modules(__path__)):
        found += getattr(importlib.import_module(f"{__name__}.{module}"), table, ())
    return found


@cache
def catalogue() -> dict[str, Thing]:
    """Every thing by name, in a fixed order: files by name, then the order within a file, text last."""
    return {thing.name: thing for thing in sorted(_families("THINGS"), key=lambda thing: thing.is_text)}


@cache
def everything() -> dict[str, Thing]:
    """The catalogue and what a family lists in `LATER`: things that only later parts of the world draw, but all name.

    The classes of labels and the choices of the first parts go by the catalogue, which therefore never grows.
    """
    return catalogue() | {thing.name: thing for thing in _families("LATER")}


@cache
def shapes() -> tuple[str, ...]:
    """Names of the things that are not text."""
    return tuple(name for name, thing in catalogue().items() if not thing.is_text)
