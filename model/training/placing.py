"""Where things go: nine clear places, no touching, nothing on a borderline."""

import math
import random
from dataclasses import dataclass, replace

from model.training import colours
from model.training.sample import RGB, Size, Split
from model.training.things import Figure, catalogue, words

PLACES = tuple((row, column) for row in range(3) for column in range(3))
CLEAR = 0.055  # share of the side that a centre keeps from the line between two places
GAP = 3.0  # pixels between the boxes of two things
SMALLEST = 22.0  # pixels
HELD_PAIRS = frozenset(
    {("star", "purple"), ("ring", "green"), ("heart", "blue"), ("cross", "orange"), ("square", "pink")}
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Wish:
    """A thing that a scene wants, before it has a place."""

    thing: str
    colour: str
    text: str = ""


def extent(figure: Figure) -> Box:
    """The box around a turned figure: left, top, right, bottom."""
    turn = math.radians(figure.angle)
    cosine, sine = abs(math.cos(turn)), abs(math.sin(turn))
    half_x = (figure.width * cosine + figure.height * sine) / 2
    half_y = (figure.width * sine + figure.height * cosine) / 2
    return figure.x - half_x, figure.y - half_y, figure.x + half_x, figure.y + half_y


def apart(one: Box, two: Box, gap: float = GAP) -> bool:
    """Say whether two boxes keep `gap` pixels between them."""
    return one[2] + gap <= two[0] or two[2] + gap <= one[0] or one[3] + gap <= two[1] or two[3] + gap <= one[1]


def place_of(x: float, y: float, size: Size) -> tuple[int, int]:
    """The (row, column) of the nine places that a centre lies in."""
    return min(2, int(3 * y / size[0])), min(2, int(3 * x / size[1]))


def clear_of_lines(x: float, y: float, size: Size) -> bool:
    """Whether a centre keeps away from the lines between the nine places."""
    shares = (x / size[1], y / size[0])
    return all(abs(share - third) > CLEAR / 2 for share in shares for third in (1 / 3, 2 / 3))


def allowed_pair(thing: str, colour: str, split: Split) -> bool:
    """Some pairs of thing and colour are kept from training, so that evaluation can ask for them."""
    return split == "held" or (thing, colour) not in HELD_PAIRS


def shape_figure(rng: random.Random, wish: Wish, share: float, size: Size) -> Figure:
    """Turn a wish into a figure of about `share` of the short side, still without a place."""
    thing = catalogue()[wish.thing]
    side = max(SMALLEST, share * min(size))
    variant = rng.random()
    if thing.is_text:
        long = words.aspect_of(wish.text, variant)
        height = min(side, 0.92 * size[1] / long)
        width = long * height
        return Figure(
            wish.thing, wish.colour, colours.shade(rng, wish.colour), 0, 0, width, height, 0, variant, None, wish.text
        )
    aspect = rng.uniform(*thing.aspect)
    width, height = (side, side / aspect) if aspect > 1 else (side * aspect, side)
    if not thing.upright and rng.random() < 0.35:
        width, height = height, width
    angle = rng.uniform(-thing.turn, thing.turn) if rng.random() < 0.6 else 0.0
    outline: RGB | None = None
    if rng.random() < 0.15:
        outline = (0, 0, 0) if wish.colour != "black" else (110, 110, 110)
    return Figure(
        wish.thing, wish.colour, colours.shade(rng, wish.colour), 0, 0, width, height, angle, variant, outline
    )


def _range(index: int, side: int, half: float) -> tuple[float, float]:
    """Where a centre may lie so that it is clearly in third `index` and the thing is whole."""
    low = 0.0 if index == 0 else index / 3 + CLEAR
    high = 1.0 if index == 2 else (index + 1) / 3 - CLEAR
    return max(low * side, half + 1.5), min(high * side, side - half - 1.5)


def settle(
    rng: random.Random, figure: Figure, taken: list[Box], size: Size, free: list[tuple[int, int]]
) -> Figure | None:
    """Give `figure` a place from `free` (shrinking it when it must); None when there is no room."""
    for _ in range(8):
        box = extent(replace(figure, x=0, y=0))
        for row, column in rng.sample(free, len(free)):
            low_y, high_y = _range(row, size[0], box[3])
            low_x, high_x = _range(column, size[1], box[2])
            if low_x > high_x or low_y > high_y:
                continue
            put = replace(figure, x=rng.uniform(low_x, high_x), y=rng.uniform(low_y, high_y))
            if all(apart(extent(put), other) for other in taken):
                return put
        if max(figure.width, figure.height) <= SMALLEST:
            return None
        shrink = max(0.82, SMALLEST / max(figure.width, figure.height))
        figure = replace(figure, width=figure.width * shrink, height=figure.height * shrink)
    return None
