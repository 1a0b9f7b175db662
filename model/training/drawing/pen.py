"""The first renderer: Pillow, at one to four times the size, brought down with different filters; and who owns what."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from model.training.drawing.forms import Line
from model.training.drawing.plan import Item
from model.training.sample import RGB, Size

SCALES = {1: 0.12, 2: 0.4, 3: 0.36, 4: 0.12}
FILTERS = (Image.Resampling.BOX, Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)


def flatly(line: Line, scale: float = 1.0) -> list[float]:
    """x, y, x, y, ... as Pillow takes them."""
    return list((line * scale).ravel().tolist())


def stroke(draw: ImageDraw.ImageDraw, line: Line, rgb: RGB, width: float, scale: int) -> None:
    """A closed line with round joins."""
    closed = np.concatenate([line, line[:2]])
    draw.line(flatly(closed, scale), fill=rgb, width=max(1, round(width * scale)), joint="curve")


def silhouette(item: Item, size: tuple[int, int], scale: int) -> Image.Image:
    """The filled shape as a mask of `size` (width, height)."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    for line, value in zip(item.lines, (255, 0), strict=False):
        draw.polygon(flatly(line, scale), fill=value)
    return mask


def ramp(item: Item, one: RGB, two: RGB, size: tuple[int, int], scale: int) -> Image.Image:
    """From one colour at the top of a thing to the other at its bottom, over the whole picture."""
    half = item.figure.height / 2
    rows = np.arange(size[1], dtype=np.float32) / scale
    share = np.clip((rows - item.figure.y + half) / (2 * half), 0, 1)[:, None, None]
    colour = np.array(one, dtype=np.float32) * (1 - share) + np.array(two, dtype=np.float32) * share
    return Image.fromarray(np.broadcast_to(colour, (size[1], 1, 3)).astype(np.uint8)).resize(size)


def draw_item(picture: Image.Image, item: Item, scale: int) -> None:
    """Shadow, fill and line of one thing."""
    style, lines = item.style, item.lines
    if style.shadow and style.fill is not None:
        cast = silhouette(item, picture.size, scale).filter(ImageFilter.BoxBlur(style.shadow * scale * 0.4))
        away = round(style.shadow * scale)
        moved = Image.new("L", picture.size, 0)
        moved.paste(cast.point(lambda value: value * 0.45), (away, away))
        picture.paste((0, 0, 0), mask=moved)
    draw = ImageDraw.Draw(picture)
    if style.fill is not None and style.second is not None:
        shaded = ramp(item, style.fill, style.second, picture.size, scale)
        picture.paste(shaded, mask=silhouette(item, picture.size, scale))
    elif style.fill is not None and len(lines) > 1:
        picture.paste(style.fill, mask=silhouette(item, picture.size, scale))
    elif style.fill is not None:
        draw.polygon(flatly(lines[0], scale), fill=style.fill)
    if style.line is not None:
        for line in lines:
            stroke(draw, line, style.line, style.width, scale)


def render(rng: random.Random, items: Sequence[Item], paper: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw things on paper (H, W, 3)."""
    scale = rng.choices(list(SCALES), list(SCALES.values()))[0]
    filtering = rng.choice(FILTERS)
    size = (paper.shape[1], paper.shape[0])
    picture = Image.fromarray(paper)
    if scale > 1:
        picture = picture.resize((size[0] * scale, size[1] * scale), Image.Resampling.NEAREST)
    for item in items:
        draw_item(picture, item, scale)
    return np.asarray(picture if scale == 1 else picture.resize(size, filtering))


def owned(items: Sequence[Item], size: Size) -> NDArray[np.uint8]:
    """Who owns each pixel (H, W): 1 + the index of a thing, whose inside is its own even where only a line is drawn."""
    mask = Image.new("L", (size[1], size[0]), 0)
    draw = ImageDraw.Draw(mask)
    for index, item in enumerate(items, start=1):
        for line, value in zip(item.lines, (index, 0), strict=False):  # boxes keep apart: a hole cuts nothing else
            draw.polygon(flatly(line), fill=value)
        if item.style.line is not None and item.style.width > 1:
            for line in item.lines:
                draw.line(flatly(np.concatenate([line, line[:1]])), fill=index, width=round(item.style.width))
    return np.asarray(mask)
