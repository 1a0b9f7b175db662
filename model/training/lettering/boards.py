"""Plans what stands in a picture: one or two boards (or bare text) with their colours, typeface, size and place."""

import math
import random
from bisect import bisect_left
from dataclasses import dataclass, replace

from model.training import colours
from model.training.lettering.faces import Face, faces, font, letter_heights, long
from model.training.lettering.strings import Sort, Writing, written
from model.training.paint import LETTER_NEEDS
from model.training.sample import RGB, Size, Split
from model.training.worn import Bend

BARE = "text"
KINDS = {BARE: 0.3, "sign": 0.29, "label": 0.18, "screen": 0.14, "price tag": 0.09}
SORTS: dict[str, dict[str, float]] = {
    BARE: {"word": 0.3, "words": 0.44, "number": 0.12, "price": 0.06, "time": 0.08},
    "sign": {"word": 0.27, "words": 0.57, "number": 0.1, "price": 0.03, "time": 0.03},
    "label": {"word": 0.28, "words": 0.4, "number": 0.14, "price": 0.12, "time": 0.06},
    "screen": {"word": 0.24, "words": 0.26, "number": 0.18, "price": 0.02, "time": 0.3},
    "price tag": {"word": 0.06, "number": 0.12, "price": 0.82},
}
EASY: dict[str, float] = {"word": 0.65, "number": 0.25, "price": 0.05, "time": 0.05}
TWO = 0.22  # share of full pictures with two boards
CHINESE_SHARE = 0.09
BUILT_IN_SHARE = 0.15  # of Pillow's own face where there are others
LONG = (5, 9, 14, 18, 24, 24)  # characters that a text may have
LEAST_CAPITAL, LEAST_SMALL, LEAST_CHINESE = 12.0, 9.4, 17.4  # pixels
CHINESE_NEEDS = 15.0  # pixels that a Chinese character needs to be read, however it is worn
CRISP = 0.25  # share of the pictures that are drawn at their own size, as screens show them
FINE = 2  # how many times larger the others are drawn
TILT = 8.0  # degrees
APART = 60.0  # of 255, in luminance, between letters and what they stand on
MARGIN = 2.0
SIZES = (*range(12, 21), *range(22, 33, 2), *range(35, 60, 4), *range(62, 200, 7))  # of fonts; few, to keep them open
TRIMS = ("black", "gray", "white", "brown")  # colours of frames and posts
Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class Board:
    """One board in its place: all lengths in pixels of the picture, `edges` from the text to the board's border.

    `scale` says how many times larger it is drawn; `size` is that of the font, `wide` the width of the longest line,
    `pitch` from line to line; the angle is in degrees, against the clock. Bare text is a board without a surface: its
    `colour` is that of the letters. `trim` colours a screen's frame or a sign's post, `loose` widens the padding.
    `bend` is what became of the picture after it was drawn.
    """

    kind: str
    colour: str
    rgb: RGB
    ink: str
    ink_rgb: RGB
    face: Face
    lines: tuple[tuple[str, ...], ...]
    sort: Sort
    scale: int = 2
    size: int = 0
    wide: float = 0.0
    pitch: float = 0.0
    edges: Edges = (0.0, 0.0, 0.0, 0.0)
    angle: float = 0.0
    x: float = 0.0
    y: float = 0.0
    trim: RGB = (40, 40, 42)
    stands: bool = False
    loose: float = 1.0
    bend: Bend | None = None

    @property
    def text(self) -> str:
        """The whole text, its lines joined by a space."""
        return " ".join(word for line in self.lines for word in line)

    @property
    def block(self) -> tuple[float, float]:
        """Width and height of the text, from the top of its capitals to its last base line."""
        return self.wide, capital(self.face) * self.size + (len(self.lines) - 1) * self.pitch

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the board before it is turned."""
        (wide, high), (left, top, right, bottom) = self.block, self.edges
        return left + wide + right, top + high + bottom

    @property
    def reach(self) -> tuple[float, float]:
        """Half the width and height that the turned board takes."""
        wide, high = self.extent
        cosine, sine = math.cos(math.radians(self.angle)), abs(math.sin(math.radians(self.angle)))
        return (wide * cosine + high * sine) / 2, (wide * sine + high * cosine) / 2


def capital(face: Face) -> float:
    """Height of a line's letters over the size of the font; Chinese characters fill nearly all of it."""
    return 0.92 if face.chinese else letter_heights(face.path)[0]


def luminance(rgb: RGB) -> float:
    """How bright a colour is, 0..255."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def inks(surface: str) -> list[str]:
    """The colours of which every shade can be read on a surface of another colour, but for the nearest shades."""
    middle = {name: luminance(colours.ANCHORS[name][0]) for name in colours.NAMES}
    return [name for name in colours.contrasting(surface) if abs(middle[name] - middle[surface]) >= APART]


def ink_shade(rng: random.Random, name: str, surface: RGB) -> RGB:
    """A shade of the letters' colour; one that can hardly be told from the surface is drawn again."""
    tries = [colours.shade(rng, name) for _ in range(6)]
    clear = [rgb for rgb in tries if abs(luminance(rgb) - luminance(surface)) >= APART]
    return clear[0] if clear else max(tries, key=lambda rgb: abs(luminance(rgb) - luminance(surface)))


def a_face(rng: random.Random) -> Face:
    """Pick a face: now and then a Chinese one or Pillow's own, else any of the others."""
    own, *others = faces()
    chinese, plain = [face for face in others if face.chinese], [face for face in others if not face.chinese]
    roll, pick = rng.random(), rng.random()
    if chinese and roll < CHINESE_SHARE:
        return chinese[int(pick * len(chinese))]
    return plain[int(pick * len(plain))] if plain and roll < 1 - BUILT_IN_SHARE else own


def least(face: Face, text: str, difficulty: float) -> float:
    """The smallest size of font at which a text can be read; easy texts are larger."""
    if face.chinese:
        return LEAST_CHINESE / capital(face) * (1.6 - 0.6 * difficulty)
    big, small = letter_heights(face.path)
    size = LEAST_CAPITAL / big
    if any(char.islower() for char in text):
        size = max(size, LEAST_SMALL / small)
    return size * (1.6 - 0.6 * difficulty)


def room(board: Board) -> float:
    """How many times larger its smallest letters are than they must be to be read: the room that wear has."""
    if board.face.chinese:
        return capital(board.face) * board.size / CHINESE_NEEDS
    big, small = letter_heights(board.face.path)
    return board.size * (small if any(char.islower() for char in board.text) else big) / LETTER_NEEDS


def edges_of(board: Board, over: Edges) -> Edges:
    """What a board needs around its text at its size: padding, frame, post or stand, the point of a price tag.

    `over` is how far ink goes beyond the text's box: descenders, accents, slanted ends.
    """
    size, pad = board.size, (0.35 * board.size + 2) * board.loose
    left, top, right, bottom = over
    if board.kind == BARE:
        return 1 + left, 1 + top, 1 + right, 1 + bottom
    if board.kind == "sign":
        pad += 0.12 * size + 2
    elif board.kind == "screen":
        pad += 0.12 * size + 3
    foot = 0.35 * size + 4 if board.stands else 0.0
    point = 0.45 * (board.block[1] + 2 * pad) if board.kind == "price tag" else 0.0
    return pad + point + left / 2, pad + top / 2, pad + right / 2, pad + bottom / 2 + foot


def measured(board: Board) -> tuple[float, Edges]:
    """Width of the longest line at the board's own size of font, and how far its ink goes beyond the text's box."""
    pen, texts = font(board.face.path, board.size * board.scale), [" ".join(line) for line in board.lines]
    lengths, boxes = [pen.getlength(text) for text in texts], [pen.getbbox(text, anchor="ls") for text in texts]
    beyond = (
        max(-box[0] for box in boxes),
        -boxes[0][1] - capital(board.face) * board.size * board.scale,
        max(box[2] - length for box, length in zip(boxes, lengths, strict=True)),
        boxes[-1][3],
    )
    left, top, right, bottom = (max(0.0, over) / board.scale for over in beyond)
    return max(lengths) / board.scale, (left, top, right, bottom)


def resized(board: Board, size: int, exact: bool = True) -> Board:
    """The board with its text at another size of font; measured at that size, or roughly, which is quicker."""
    board = replace(board, size=size, pitch=max(1.28 * size, size + 5))
    if exact:
        wide, over = measured(board)
    else:
        wide = max(long(board.face.path, " ".join(line)) for line in board.lines) * size
        over = (0.0, 0.08 * size, 0.0, 0.2 * size)
    board = replace(board, wide=wide)
    return replace(board, edges=edges_of(board, over))


def fits(board: Board, room: tuple[float, float]) -> bool:
    """Whether the turned board fits a room (width, height)."""
    half_wide, half_high = board.reach
    return 2 * half_wide <= room[0] and 2 * half_high <= room[1]


def largest(board: Board, room: tuple[float, float]) -> int:
    """How many of the `SIZES` are such that the turned board fits a room, counted from 0; those are the first ones."""
    low, high = 0, len(SIZES)
    while low < high:
        middle = (low + high) // 2
        if fits(resized(board, SIZES[middle], exact=False), room):
            low = middle + 1
        else:
            high = middle
    return low


def broken(rng: random.Random, writing: Writing) -> tuple[tuple[str, ...], ...]:
    """One line, or two of about equal length."""
    words = writing.words
    if len(words) < 2 or rng.random() < (0.55 if len(writing.text) < 12 else 0.15):
        return (words,)
    cuts = range(1, len(words))
    cut = min(cuts, key=lambda cut: abs(len(" ".join(words[:cut])) - len(" ".join(words[cut:]))))
    return words[:cut], words[cut:]


def surface(rng: random.Random, kind: str, background: str, taken: list[str]) -> tuple[str, str]:
    """Colours of a board and of its letters; two boards of a picture differ in colour."""
    if kind == BARE:
        ink = rng.choice(inks(background))
        return ink, ink
    fit = [name for name in colours.contrasting(background) if name not in taken and inks(name)]
    colour = rng.choice(fit)
    return colour, rng.choice(inks(colour))


def sized(rng: random.Random, board: Board, room: tuple[float, float], difficulty: float, easy: bool) -> Board | None:
    """Give a board a size at which it fits the room, or None."""
    low, high = bisect_left(SIZES, least(board.face, board.text, difficulty)), largest(board, room) - 1
    if high < low:
        return None
    share = rng.uniform(0.7, 1.0) if easy else rng.random()
    size = SIZES[low] + (SIZES[high] - SIZES[low]) * share
    found = resized(board, SIZES[bisect_left(SIZES, size)])
    return found if fits(found, room) else None


def a_board(
    rng: random.Random, kind: str, looks: tuple[str, str], background: str, behind: RGB, room: tuple[float, float],
    difficulty: float, split: Split, easy: bool, limit: int, scale: int,
) -> Board:  # fmt: skip
    """A board that fits a room; a text that does not is replaced by a shorter one."""
    face = a_face(rng)
    tilted = not easy and scale == FINE and rng.random() < 0.6
    weights = EASY if easy and kind != "price tag" else SORTS[kind]
    rgb = behind if kind == BARE else colours.shade(rng, looks[0])
    ink_rgb = ink_shade(rng, looks[1], rgb)
    trims = [name for name in TRIMS if name not in looks and name != background]
    trim = ink_shade(rng, rng.choice(trims), rgb)
    for _ in range(40):
        writing = written(rng, face, split, limit, weights)
        angle = rng.uniform(-TILT, TILT) * (0.5 + difficulty / 2) if tilted else 0.0
        lines = broken(rng, writing)
        stands = not easy and kind in ("sign", "screen") and rng.random() < 0.3
        loose = 1.0 if rng.random() < 0.5 else rng.uniform(1.0, 2.2)
        board = Board(kind, looks[0], rgb, looks[1], ink_rgb, face, lines, writing.sort, scale)
        found = sized(rng, replace(board, angle=angle, trim=trim, stands=stands, loose=loose), room, difficulty, easy)
        if found is not None:
            return found
        limit = max(3, limit - 1)
    return resized(replace(board, lines=(("OK",),), sort="words", face=faces()[0]), SIZES[0])


def put(rng: random.Random, board: Board, low: tuple[float, float], high: tuple[float, float]) -> Board:
    """Give a board a place: its centre between two corners as far as its reach allows."""
    half_wide, half_high = board.reach
    spots = []
    for begin, end, half in ((low[0], high[0], half_wide), (low[1], high[1], half_high)):
        first, last = begin + half + MARGIN, end - half - MARGIN
        spots.append(rng.uniform(first, last) if first < last else (begin + end) / 2)
    return replace(board, x=spots[0], y=spots[1])


def one(
    rng: random.Random, background: str, behind: RGB, size: Size, difficulty: float, split: Split, scale: int
) -> list[Board]:
    """One board anywhere."""
    easy = rng.random() < 0.85 * (1 - difficulty)
    names = [BARE, "sign", "label"] if easy else list(KINDS)
    kind = rng.choices(names, [KINDS[name] for name in names])[0]
    looks = surface(rng, kind, background, [])
    limit = 5 if easy else rng.choice(LONG[: 2 + round(4 * difficulty)])
    room = (size[1] - 2 * MARGIN, size[0] - 2 * MARGIN)
    board = a_board(rng, kind, looks, background, behind, room, difficulty, split, easy, limit, scale)
    return [put(rng, board, (0, 0), (size[1], size[0]))]


def beside(rng: random.Random, long_side: float, half: float, second: bool) -> float:
    """A centre in the first or second half of a side, clear of the lines between the nine places."""
    low = half + MARGIN
    spot = rng.uniform(low, max(low, min(0.28 * long_side, long_side / 2 - low)))
    return long_side - spot if second else spot


def midway(rng: random.Random, side: float, half: float) -> float:
    """A centre in the middle third of a side."""
    return min(max(rng.uniform(0.42, 0.58) * side, half + MARGIN), side - half - MARGIN)


def two(
    rng: random.Random, background: str, behind: RGB, size: Size, difficulty: float, split: Split, scale: int
) -> list[Board]:
    """Two boards, one above the other or side by side, which differ in colour."""
    height, width = size
    stacked = width < 1.4 * height or rng.random() < 0.3
    room = (width - 2 * MARGIN, height / 2 - 2 * MARGIN) if stacked else (width / 2 - 2 * MARGIN, height - 2 * MARGIN)
    names, taken, found = [name for name in KINDS if name != BARE], list[str](), list[Board]()
    for index in range(2):
        kind = rng.choices(names, [KINDS[name] for name in names])[0]
        looks = surface(rng, kind, background, taken)
        taken.append(looks[0])
        board = a_board(rng, kind, looks, background, behind, room, difficulty, split, False, 10, scale)
        half_wide, half_high = board.reach
        if stacked:
            x, y = midway(rng, width, half_wide), beside(rng, height, half_high, bool(index))
        else:
            x, y = beside(rng, width, half_wide, bool(index)), midway(rng, height, half_high)
        found.append(replace(board, x=x, y=y))
    return found


def plan(rng: random.Random, size: Size, difficulty: float, split: Split) -> tuple[str, RGB, list[Board]]:
    """The background's name and shade, and the boards in reading order."""
    background = colours.background(rng)
    behind = colours.shade(rng, background)
    make = two if rng.random() < TWO * difficulty else one
    scale = 1 if rng.random() < CRISP else FINE
    return background, behind, make(rng, background, behind, size, difficulty, split, scale)
