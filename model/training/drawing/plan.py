"""Plans a drawing: which things, in which colours and styles, how large, and where."""

import math
import random
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from model.training import colours
from model.training.drawing.forms import SHAPES, Form, Line, form, turn
from model.training.drawing.look import DRAWN, PROGRAMS, SEEN, Style, distance, filled, outlined, paint, program_of
from model.training.placing import PLACES, Box, Wish, allowed_pair, apart, clear_of_lines, extent, place_of, settle
from model.training.sample import RGB, Size, Split
from model.training.things import Figure
from model.training.worn import Bend

LARGEST = {1: 0.94, 2: 0.52, 3: 0.44, 4: 0.38, 5: 0.34, 6: 0.32, 7: 0.3, 8: 0.29, 9: 0.28}
MODES = {"single": 0.2, "mixed": 0.36, "counting": 0.26, "rows": 0.18}
GRIDS = {(1, 2): 2, (2, 1): 2, (1, 3): 3, (3, 1): 2, (2, 2): 2, (2, 3): 2, (3, 2): 2, (3, 3): 2}  # rows, columns
SMALLEST = 20.5  # pixels
COPIED = 0.7  # share of the pictures in which equal things are copies of each other
THIN = ("ring", "cross", "crescent", "arrow")  # a wide line would leave nothing of their fill
COVERED = 40.0  # pixels, of a side: below, any line that shows leaves nothing of it
POINTED = ("star", "triangle", "diamond", "heart", "crescent", "arrow")


@dataclass(frozen=True)
class Item:
    """One thing of a drawing: its name, place and extent (`figure`), its form and its paint.

    `border` names the colour of a line around a fill where it is wide enough to be seen, "" elsewhere. `bend` is what
    became of the picture after it was drawn.
    """

    figure: Figure
    form: Form
    style: Style
    border: str = ""
    bend: Bend | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """Where its middle is, x and y, in the worn picture."""
        if self.bend is None:
            return self.figure.x, self.figure.y
        ((x, y),) = self.bend.points(np.array([[self.figure.x, self.figure.y]])).tolist()
        return x, y

    @property
    def kind(self) -> str:
        """Filled or outlined."""
        return "filled" if self.style.fill is not None else "outlined"

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The contours in pixels; the line that follows them stays within the thing's extent."""
        figure = self.figure
        angle = math.radians(figure.angle)
        rotate = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        inner = np.maximum(np.array([figure.width, figure.height]) - self.style.width, 1.0)
        placed = tuple((line * inner) @ rotate + np.array([figure.x, figure.y]) for line in self.form.contours)
        return placed if self.bend is None else tuple(self.bend.points(line) for line in placed)


def reach(item: Item) -> Box:
    """The box that just holds a thing and its line, wherever it is."""
    line, half = item.lines[0], item.style.width / 2
    (left, top), (right, bottom) = (line.min(axis=0) - half).tolist(), (line.max(axis=0) + half).tolist()
    return left, top, right, bottom


def bent(items: list[Item], bend: Bend, size: Size) -> list[Item] | None:
    """The things where a bend brings them; None where one would be cut or come near the line between two places."""
    moved = [replace(item, bend=bend) for item in items]
    for before, after in zip(items, moved, strict=True):
        stays = place_of(*before.centre, size) == place_of(*after.centre, size)
        if not stays or not clear_of_lines(*after.centre, size) or not inside(reach(after), size):
            return None
    return moved


def bounds(item: Item, size: Size) -> Box:
    """The box that just holds what is drawn: left, top, right, bottom, within the picture."""
    left, top, right, bottom = reach(item)
    return max(left, 0.0), max(top, 0.0), min(right, float(size[1])), min(bottom, float(size[0]))


def a_pair(rng: random.Random, names: list[str], split: Split) -> Wish:
    """A shape and a colour that training may show together."""
    while True:
        wish = Wish(rng.choice(SHAPES), rng.choice(names))
        if allowed_pair(wish.thing, wish.colour, split):
            return wish


def several(rng: random.Random, count: int, names: list[str], split: Split, used: list[Wish]) -> list[Wish]:
    """`count` things whose shapes and colours mostly differ from each other and from `used`."""
    chosen = list(used)
    shared = [rng.random() < 0.3, rng.random() < 0.3]
    while len(chosen) < len(used) + count:
        for _ in range(20):
            wish = a_pair(rng, names, split)
            same_shape = not shared[0] and any(other.thing == wish.thing for other in chosen)
            same_colour = not shared[1] and any(other.colour == wish.colour for other in chosen)
            if not same_shape and not same_colour and wish not in chosen:
                break
        chosen.append(wish)
    return chosen[len(used) :]


def alike(rng: random.Random, many: int, names: list[str], split: Split) -> list[Wish]:
    """`many` of one look, or of one shape in several colours."""
    base = a_pair(rng, names, split)
    if rng.random() < 0.7:
        return [base] * many
    tints = [name for name in names if allowed_pair(base.thing, name, split)]
    return [Wish(base.thing, tint) for tint in rng.choices(tints, k=many)]


def wishes_for(rng: random.Random, mode: str, names: list[str], split: Split) -> list[Wish]:
    """The things of one scene; those in rows are counted by the caller."""
    if mode == "single":
        return [a_pair(rng, names, split)]
    if mode == "mixed":
        return several(rng, rng.choice((2, 2, 3, 3, 4, 4, 5, 6)), names, split, [])
    same = alike(rng, rng.choice((2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9)), names, split)
    room = 9 - len(same)
    others = several(rng, rng.randint(1, min(room, 4)), names, split, same[:1]) if room and rng.random() < 0.5 else []
    mixed = same + others
    rng.shuffle(mixed)
    return mixed


def tinted(rng: random.Random, name: str, paper: RGB, least: float) -> RGB | None:
    """Paint of that name that stands out from the paper, if there is any."""
    for _ in range(6):
        if distance(rgb := paint(rng, name), paper) >= least:
            return rgb
    return None


def item_of(
    rng: random.Random, wish: Wish, side: float, size: Size, paper: RGB, program: str, difficulty: float
) -> Item | None:
    """A thing of about `side` pixels, still without a place; None where its colour would not be seen."""
    program = program_of(rng, program, difficulty)
    lined = program == "line"
    rgb = tinted(rng, wish.colour, paper, DRAWN if lined else SEEN)
    if rgb is None:
        return None
    made = form(rng, wish.thing)
    side = max(SMALLEST, side)
    width, height = (side, side / made.aspect) if made.aspect > 1 else (side * made.aspect, side)
    style, border = (outlined(rng, rgb, side, difficulty), "") if lined else filled(rng, rgb, side, program, paper)
    if border and wish.thing in THIN:
        seen = side >= COVERED
        style = replace(style, width=max(1.5, 0.6 * style.width)) if seen else replace(style, line=None, width=0.0)
        border = border if seen else ""
    if wish.thing in POINTED and style.width > 2:  # mitres would reach far out of the thing's box
        style = replace(style, join="round")
    angle = turn(rng, wish.thing, difficulty)
    figure = Figure(wish.thing, wish.colour, rgb, 0.0, 0.0, width, height, angle)
    return Item(figure, made, style, border)


def sides(rng: random.Random, count: int, difficulty: float, size: Size) -> list[float]:
    """How large each of `count` things is wished to be: often all about alike, else each on its own."""
    top = LARGEST[count] * min(size)
    low = max(SMALLEST, top * (0.75 - 0.5 * difficulty))
    if count > 2 and rng.random() < 0.5:
        one = rng.uniform(low, top)
        return [one * rng.uniform(0.94, 1.06) for _ in range(count)]
    return [rng.uniform(low, top) for _ in range(count)]


def scattered(rng: random.Random, items: list[Item], size: Size) -> list[Item]:
    """Give every thing one of the nine places to itself; one that finds no room is left out."""
    placed: list[Item] = []
    taken: list[Box] = []
    free = list(PLACES)
    for item in sorted(items, key=lambda item: -item.figure.width * item.figure.height):
        put = settle(rng, item.figure, taken, size, free)
        if put is None:
            continue
        ratio = put.width / item.figure.width  # settling may shrink
        placed.append(replace(item, figure=put, style=replace(item.style, width=item.style.width * min(1.0, ratio))))
        taken.append(extent(put))
        free.remove(place_of(put.x, put.y, size))
    return placed


def in_rows(rng: random.Random, items: list[Item], rows: int, columns: int, size: Size) -> list[Item]:
    """Stand the things in rows and columns as people lay them out; what does not fit is shrunk."""
    pitch = [size[1] / columns * rng.uniform(0.88, 1.0), size[0] / rows * rng.uniform(0.88, 1.0)]
    middle = (size[1] / 2, size[0] / 2)
    placed = []
    for index, item in enumerate(items):
        row, column = divmod(index, columns)
        x = middle[0] + (column - (columns - 1) / 2) * pitch[0]
        y = middle[1] + (row - (rows - 1) / 2) * pitch[1]
        left, top, right, bottom = extent(item.figure)
        shrink = min(1.0, 0.88 * pitch[0] / (right - left), 0.88 * pitch[1] / (bottom - top))
        figure = item.figure
        put = replace(figure, x=x, y=y, width=figure.width * shrink, height=figure.height * shrink)
        placed.append(replace(item, figure=put))
    return placed


def inside(box: Box, size: Size) -> bool:
    """Whether all of a box is in the picture."""
    left, top, right, bottom = box
    return left >= 0.5 and top >= 0.5 and right <= size[1] - 0.5 and bottom <= size[0] - 0.5


def made_items(
    rng: random.Random, wishes: list[Wish], wanted: list[float], size: Size, paper: RGB, program: str, difficulty: float
) -> list[Item | None]:
    """A thing for every wish; those of one look are often copies of one."""
    first: dict[Wish, Item | None] = {}
    copied = rng.random() < COPIED
    found = []
    for wish, side in zip(wishes, wanted, strict=True):
        copy = first.get(wish) if copied else None
        item = copy or item_of(rng, wish, side, size, paper, program, difficulty)
        first.setdefault(wish, item)
        found.append(item)
    return found


def try_items(
    rng: random.Random, size: Size, paper: RGB, names: list[str], difficulty: float, split: Split, smallest: float
) -> list[Item]:
    """One try at the things of a drawing, which may end with fewer things than it began, or none."""
    easy = rng.random() < 0.85 * (1 - difficulty)
    mode = "single" if easy else rng.choices(list(MODES), list(MODES.values()))[0]
    program = "flat" if easy and rng.random() < 0.5 else rng.choices(list(PROGRAMS), list(PROGRAMS.values()))[0]
    rows, columns = rng.choices(list(GRIDS), list(GRIDS.values()))[0] if mode == "rows" else (0, 0)
    if mode != "rows":
        wishes = wishes_for(rng, mode, names, split)
    elif rng.random() < 0.6:
        wishes = alike(rng, rows * columns, names, split)
    else:
        wishes = several(rng, rows * columns, names, split, [])
    wanted = [0.94 * min(size) * rng.uniform(0.5, 1.0)] if easy else sides(rng, len(wishes), difficulty, size)
    wanted = [max(side, smallest) for side in wanted]
    made = made_items(rng, wishes, wanted, size, paper, program, difficulty)
    seen = [item for item in made if item is not None]
    if mode != "rows":
        placed = scattered(rng, seen, size)
    else:
        placed = in_rows(rng, seen, rows, columns, size) if len(seen) == len(made) else []
    return [item for item in placed if clear_of_lines(*item.centre, size) and inside(extent(item.figure), size)]


def large_enough(figure: Figure, smallest: float) -> bool:
    """Whether the longer side has `smallest` pixels, and the shorter one half of that."""
    short, long = sorted((figure.width, figure.height))
    return long >= smallest and short >= smallest / 2


def plan_items(
    rng: random.Random, size: Size, background: str, paper: RGB, difficulty: float, split: Split, smallest: float
) -> list[Item]:
    """The things of a drawing row by row, none of which is smaller than `smallest` pixels."""
    names = [name for name in colours.NAMES if name != background]
    while True:
        items = try_items(rng, size, paper, names, difficulty, split, smallest)
        items = [item for item in items if large_enough(item.figure, smallest)]
        boxes = [extent(item.figure) for item in items]
        if items and all(apart(one, two, 1.0) for i, one in enumerate(boxes) for two in boxes[:i]):
            return sorted(items, key=lambda item: place_of(item.figure.x, item.figure.y, size))
