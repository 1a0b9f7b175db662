"""Draws boards and their letters: each board flat on a layer of its own, then turned and pasted into the picture."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from model.training.lettering.boards import BARE, Board, capital
from model.training.lettering.faces import font
from model.training.sample import RGB

Point = tuple[float, float]
Layer = tuple[Image.Image, Image.Image]  # what is seen, and where


@dataclass(frozen=True)
class Letter:
    """One drawn character: its board, its word among the board's words, its line, and its four corners in pixels."""

    char: str
    board: int
    word: int
    line: int
    corners: tuple[Point, ...]

    @property
    def centre(self) -> Point:
        """The middle of its corners."""
        return sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4


def line_places(board: Board) -> list[tuple[float, float, str]]:
    """Left end and base line of every line, from the board's left top corner, and what it says; lines are centred."""
    wide, _ = board.block
    left, top, _, _ = board.edges
    pen = font(board.face.path, board.size * board.scale)
    found = []
    for index, words in enumerate(board.lines):
        text = " ".join(words)
        start = left + (wide - pen.getlength(text) / board.scale) / 2
        found.append((start, top + capital(board.face) * board.size + index * board.pitch, text))
    return found


def turned(board: Board, x: float, y: float) -> Point:
    """From a place on the flat board (from its left top corner) to the picture."""
    wide, high = board.extent
    across, down = x - wide / 2, y - high / 2
    cosine, sine = math.cos(math.radians(board.angle)), math.sin(math.radians(board.angle))
    there = board.x + across * cosine + down * sine, board.y - across * sine + down * cosine
    if board.bend is None:
        return there
    ((x, y),) = board.bend.points(np.array([there])).tolist()
    return x, y


def corners(board: Board) -> list[Point]:
    """The corners of a board in the picture, clockwise from its left top."""
    wide, high = board.extent
    return [turned(board, x, y) for x, y in ((0, 0), (wide, 0), (wide, high), (0, high))]


def letters_of(board: Board, number: int) -> list[Letter]:
    """Every character but spaces with its corners in the picture, line by line."""
    pen, high = font(board.face.path, board.size * board.scale), capital(board.face) * board.size
    found, first = list[Letter](), 0
    for index, (start, base, text) in enumerate(line_places(board)):
        ends = [start, *(start + pen.getlength(text[: at + 1]) / board.scale for at in range(len(text)))]
        for at, char in enumerate(text):
            if char == " ":
                continue
            spots = ((ends[at], base - high), (ends[at + 1], base - high), (ends[at + 1], base), (ends[at], base))
            word = first + text[:at].count(" ")
            found.append(Letter(char, number, word, index, tuple(turned(board, x, y) for x, y in spots)))
        first += len(board.lines[index])
    return found


def write(pen: ImageDraw.ImageDraw, board: Board, fill: RGB | int) -> None:
    """Write the lines on a flat layer."""
    face, scale = font(board.face.path, board.size * board.scale), board.scale
    for start, base, text in line_places(board):
        if board.face.chinese:  # the anchor's base line lies under the characters' feet
            base -= 0.05 * board.size
        pen.text((start * scale, base * scale), text, fill=fill, font=face, anchor="ls")


def sign(board: Board, layer: Layer, width: float, height: float) -> None:
    """A rounded plate with a line along its border, perhaps on a post."""
    pen, mask, scale = ImageDraw.Draw(layer[0]), ImageDraw.Draw(layer[1]), board.scale
    foot = 0.35 * board.size + 4 if board.stands else 0.0
    low, line = height - foot * scale, max(1, round(board.size * 0.06 * scale))
    if board.stands:
        half = max(1.5 * scale, 0.03 * width)
        pen.rectangle((width / 2 - half, low, width / 2 + half, height), fill=board.trim)
        mask.rectangle((width / 2 - half, low - 2, width / 2 + half, height), fill=255)
    radius, inset = min(width, low) * 0.16, 0.05 * board.size * scale + line
    mask.rounded_rectangle((0, 0, width - 1, low - 1), radius, fill=255)
    box = (inset, inset, width - 1 - inset, low - 1 - inset)
    pen.rounded_rectangle(box, max(0.0, radius - inset), outline=board.ink_rgb, width=line)


def label(board: Board, layer: Layer, width: float, height: float) -> None:
    """A plain rectangle."""
    ImageDraw.Draw(layer[1]).rectangle((0, 0, width - 1, height - 1), fill=255)


def screen(board: Board, layer: Layer, width: float, height: float) -> None:
    """A rectangle in a frame of another colour, perhaps on a stand."""
    pen, mask, scale = ImageDraw.Draw(layer[0]), ImageDraw.Draw(layer[1]), board.scale
    foot = (0.35 * board.size + 4) * scale if board.stands else 0.0
    low, frame = height - foot, (0.12 * board.size + 2.5) * scale
    pen.rectangle((0, 0, width, height), fill=board.trim)
    pen.rectangle((frame, frame, width - 1 - frame, low - 1 - frame), fill=board.rgb)
    mask.rounded_rectangle((0, 0, width - 1, low - 1), 0.6 * frame, fill=255)
    if board.stands:
        mask.rectangle((0.45 * width, low - 2, 0.55 * width, height), fill=255)
        mask.rectangle((0.3 * width, height - 0.4 * foot, 0.7 * width, height), fill=255)


def tag(board: Board, layer: Layer, width: float, height: float) -> None:
    """A tag with a point and a hole at its left."""
    mask = ImageDraw.Draw(layer[1])
    point, middle = 0.4 * height, height / 2
    outline = [(0, middle), (point, 0), (width - 1, 0), (width - 1, height - 1), (point, height - 1)]
    mask.polygon(outline, fill=255)
    hole = 0.09 * height
    mask.ellipse((0.85 * point - hole, middle - hole, 0.85 * point + hole, middle + hole), fill=0)


PLATES = {"sign": sign, "label": label, "screen": screen, "price tag": tag}


def flat(board: Board) -> Layer:
    """The board before it is turned."""
    width, height = (max(2, round(side * board.scale)) for side in board.extent)
    mask = Image.new("L", (width, height), 0)
    if board.kind == BARE:
        write(ImageDraw.Draw(mask), board, 255)
        return Image.new("RGB", (1, 1), board.ink_rgb), mask
    seen = Image.new("RGB", (width, height), board.rgb)
    PLATES[board.kind](board, (seen, mask), width, height)
    write(ImageDraw.Draw(seen), board, board.ink_rgb)
    return seen, mask


def paste(picture: Image.Image, board: Board) -> None:
    """Turn a board and paste it at its place."""
    seen, mask = flat(board)
    if board.angle:
        edge = board.trim if board.kind == "screen" else board.rgb
        mask = mask.rotate(board.angle, Image.Resampling.BILINEAR, expand=True)
        if board.kind != BARE:
            seen = seen.rotate(board.angle, Image.Resampling.BILINEAR, expand=True, fillcolor=edge)
    corner = round(board.x * board.scale - mask.width / 2), round(board.y * board.scale - mask.height / 2)
    if board.kind == BARE:
        picture.paste(board.ink_rgb, (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)
    else:
        picture.paste(seen, corner, mask)


def draw(paper: NDArray[np.uint8], boards: list[Board]) -> NDArray[np.uint8]:
    """The picture on a paper (H, W, 3), before it is bent."""
    scale, (height, width) = boards[0].scale, paper.shape[:2]
    picture = Image.fromarray(paper).resize((width * scale, height * scale), Image.Resampling.NEAREST)
    for board in boards:
        paste(picture, board)
    return np.asarray(picture.reduce(scale) if scale > 1 else picture)
