"""Plans pages: one board full of short lines, so that the tower meets dozens of letters in a picture, not five."""

import random
from dataclasses import replace

from model.training import colours
from model.training.lettering.boards import (
    BARE,
    CRISP,
    FINE,
    MARGIN,
    SIZES,
    TILT,
    Board,
    a_face,
    capital,
    fits,
    ink_shade,
    least,
    put,
    resized,
    surface,
)  # fmt: skip
from model.training.lettering.faces import Face, capitals_only, long
from model.training.lettering.strings import cased, code, digits, one_word, price, time
from model.training.sample import RGB, Size, Split

KINDS = {BARE: 0.7, "label": 0.2, "screen": 0.1}
TALLEST = 34.0  # pixels of a capital letter
LINES = 9
LONGEST = 7  # letters of a word


def page_face(rng: random.Random) -> Face:
    """A face that writes English; Chinese characters are no matter of short lines."""
    while (face := a_face(rng)).chinese:
        pass
    return face


def piece(rng: random.Random, face: Face, split: Split) -> str:
    """One word, number, price, time or some letters without order, of at most seven characters."""
    roll = rng.random()
    if roll < 0.2:
        return digits(rng, 5)
    if roll < 0.26:
        return price(rng, face)
    if roll < 0.32:
        return time(rng)
    return cased(rng, [code(rng) if roll < 0.45 else one_word(rng, split, LONGEST)], face)[0]


def a_line(rng: random.Random, face: Face, size: int, room: float, split: Split) -> tuple[str, ...]:
    """Words for one line of `room` pixels: as many as it holds, or fewer."""
    words, most = list[str](), rng.choice((1, 2, 3, 4))
    for _ in range(8):
        word = piece(rng, face, split)
        if len(words) < most and long(face.path, " ".join([*words, word])) * size <= room:
            words.append(word)
    return tuple(words)


def lines_of(rng: random.Random, board: Board, room: tuple[float, float], split: Split) -> tuple[tuple[str, ...], ...]:
    """As many lines as a room (width, height) holds at the board's size of font."""
    high = capital(board.face) * board.size
    count = min(LINES, 1 + max(0, int((room[1] - high - 0.2 * board.size) / board.pitch)))
    found = [a_line(rng, board.face, board.size, room[0], split) for _ in range(count)]
    return tuple(line for line in found if line) or (("A",),)


def filled(rng: random.Random, board: Board, room: tuple[float, float], split: Split) -> Board:
    """The board at a size between the least and the largest, full of lines; what does not fit loses its last line."""
    low = least(board.face, "H" if capitals_only(board.face) else "Hx", 0.7)
    high = max(low, TALLEST / capital(board.face))
    wanted = low * (high / low) ** rng.random()
    board = resized(board, min(SIZES, key=lambda size: abs(size - wanted)))
    inner = (room[0] - board.edges[0] - board.edges[2], room[1] - board.edges[1] - board.edges[3])
    board = resized(replace(board, lines=lines_of(rng, board, inner, split)), board.size)
    while not fits(board, room) and len(board.lines) > 1:
        board = resized(replace(board, lines=board.lines[:-1]), board.size)
    return board


def page(rng: random.Random, size: Size, difficulty: float, split: Split) -> tuple[str, RGB, list[Board]]:
    """The background's name and shade, and the page."""
    background = colours.background(rng)
    behind = colours.shade(rng, background)
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    colour, ink = surface(rng, kind, background, [])
    rgb = behind if kind == BARE else colours.shade(rng, colour)
    scale = 1 if rng.random() < CRISP else FINE
    angle = rng.uniform(-TILT, TILT) * difficulty / 2 if scale == FINE and rng.random() < 0.5 else 0.0
    trim = ink_shade(rng, rng.choice([name for name in ("black", "gray", "white") if name != background]), rgb)
    face = page_face(rng)
    board = Board(kind, colour, rgb, ink, ink_shade(rng, ink, rgb), face, (("A",),), "words", scale)
    room = (size[1] - 2 * MARGIN, size[0] - 2 * MARGIN)
    board = filled(rng, replace(board, angle=angle, trim=trim), room, split)
    return background, behind, [put(rng, board, (0, 0), (size[1], size[0]))]
