"""The first renderer: Pillow, at one to four times the size, brought down with different filters; and who owns what."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from model.training.drawing.forms import Line
from model.training.drawing.look import Style
from model.training.drawing.plan import Item
from model.training.sample import RGB, Size

SCALES = {1: 0.12, 2: 0.4, 3: 0.36, 4: 0.12}
FILTERS = (Image.Resampling.BOX, Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)


def flatly(line: Line, scale: float = 1.0) -> list[float]:
    """x, y, x, y, ... as Pillow takes them."""
    return list((line * scale).ravel().tolist())


def dashes_of(line: Line, dash: float, gap: float) -> list[Line]:
    """The dashes of a closed line (N, 2), each with the corners that it goes around (M, 2)."""
    closed = np.concatenate([line, line[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    found = []
    for start in np.arange(0.0, along[-1], dash + gap):
        end = min(start + dash, float(along[-1]))
        at = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
        found.append(np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1))
    return found


def capped(line: Line, width: float) -> Line:
    """An open line that is longer by half its width at either end, as square caps make it."""
    ways = [line[0] - line[1], line[-1] - line[-2]]
    first, last = (way / max(float(np.hypot(*way)), 1e-6) * width / 2 for way in ways)
    return np.concatenate([line[:1] + first, line[1:-1], line[-1:] + last])


def stroke(draw: ImageDraw.ImageDraw, line: Line, style: Style, scale: int) -> None:
    """A closed line in one piece or in dashes, with cut or else round joins."""
    joint = None if style.join == "bevel" else "curve"
    width = max(1, round(style.width * scale))
    for piece in dashes_of(line, *style.dashes) if style.cap else [np.concatenate([line, line[:2]])]:
        ended = capped(piece, style.width) if style.cap == "square" else piece
        draw.line(flatly(ended, scale), fill=style.line, width=width, joint=joint)
        for x, y in (piece[0] * scale, piece[-1] * scale) if style.cap == "round" else ():
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=style.line)


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
            stroke(draw, line, style, scale)


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
