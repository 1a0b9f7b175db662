"""Plans a still picture: which things, how many, how large and where, from easy to full."""

import random

from model.training import colours
from model.training.placing import PLACES, Box, Wish, allowed_pair, extent, place_of, settle, shape_figure
from model.training.sample import Size, Split
from model.training.things import Figure, shapes, words

LARGEST = {1: 0.92, 2: 0.52, 3: 0.44, 4: 0.38, 5: 0.34, 6: 0.32}
ALIKE = 0.6  # share of the pictures for counting whose things have about one size
MODES = {"single": 0.14, "mixed": 0.4, "counting": 0.36, "words": 0.1}


def any_pair(rng: random.Random, names: list[str], split: Split) -> Wish:
    """Pick a shape and one of the colours in `names`."""
    while True:
        thing, colour = rng.choice(shapes()), rng.choice(names)
        if allowed_pair(thing, colour, split):
            return Wish(thing, colour)


def mixed(rng: random.Random, count: int, names: list[str], split: Split, used: list[Wish] | None = None) -> list[Wish]:
    """Pick `count` things; shapes and colours mostly differ, so that questions can name one thing among others."""
    chosen: list[Wish] = list(used or [])
    first = len(chosen)
    share_shape, share_colour = rng.random() < 0.3, rng.random() < 0.3
    while len(chosen) < first + count:
        wish = any_pair(rng, names, split)
        for _ in range(20):
            clash_shape = not share_shape and any(other.thing == wish.thing for other in chosen)
            clash_colour = not share_colour and any(other.colour == wish.colour for other in chosen)
            if not clash_shape and not clash_colour and wish not in chosen:
                break
            wish = any_pair(rng, names, split)
        chosen.append(wish)
    return chosen[first:]


def counting(rng: random.Random, names: list[str], split: Split) -> list[Wish]:
    """Several of one thing, often among others: sometimes the shape is shared, sometimes the whole look."""
    many = rng.choice((2, 3, 3, 4, 4, 5, 5, 6, 6))
    base = any_pair(rng, names, split)
    same = [base] * many
    if rng.random() < 0.3:  # same shape, several colours
        same = [
            Wish(base.thing, c) for c in rng.choices([n for n in names if allowed_pair(base.thing, n, split)], k=many)
        ]
    others = mixed(rng, rng.randint(0, 6 - many), names, split, used=[base]) if many < 6 and rng.random() < 0.6 else []
    wishes = same + others
    rng.shuffle(wishes)
    return wishes


def a_word(rng: random.Random, names: list[str]) -> Wish:
    """A word in one of three cases, or a number of one or two digits."""
    if rng.random() < 0.4:
        return Wish("text", rng.choice(names), str(rng.randrange(100)))
    case = rng.choice((str.upper, str.lower, str.capitalize))
    return Wish("text", rng.choice(names), case(rng.choice(words.WORDS)))


def wishes_for(rng: random.Random, names: list[str], difficulty: float, split: Split) -> tuple[str, list[Wish]]:
    """Pick the kind of scene; at difficulty 0 nearly every picture holds one large thing."""
    if rng.random() < 0.85 * (1 - difficulty):
        return "large", [any_pair(rng, names, split)]
    mode = rng.choices(list(MODES), list(MODES.values()))[0]
    if mode == "single":
        return mode, [any_pair(rng, names, split)]
    if mode == "counting":
        return mode, counting(rng, names, split)
    if mode == "words":
        # Never a word alone: that is a picture of text, and told as such.
        return mode, [a_word(rng, names), *mixed(rng, rng.choice((1, 1, 2)), names, split)]
    return mode, mixed(rng, rng.choice((2, 2, 3, 3, 4, 4, 5, 6)), names, split)


def share_of(rng: random.Random, mode: str, wish: Wish, count: int, difficulty: float) -> float:
    """How large a thing is wished to be, as a share of the short side."""
    if wish.thing == "text":
        return rng.uniform(0.24, 0.34)
    if mode == "large":
        return rng.uniform(0.5, 0.9)
    top = LARGEST[min(6, count)]
    low = max(0.18, top * (0.75 - 0.4 * difficulty))
    return rng.uniform(low, top)


def plan_scene(rng: random.Random, size: Size, difficulty: float, split: Split) -> tuple[str, list[Figure]]:
    """Return the background's name and the placed figures, row by row."""
    background = colours.background(rng)
    names = colours.contrasting(background)
    mode, wishes = wishes_for(rng, names, difficulty, split)
    figures = [shape_figure(rng, w, share_of(rng, mode, w, len(wishes), difficulty), size) for w in wishes]
    figures.sort(key=lambda figure: -figure.width * figure.height)
    if mode == "counting" and rng.random() < ALIKE:
        figures = _level(rng, figures)
    return background, _spread(rng, figures, size)


def _level(rng: random.Random, figures: list[Figure]) -> list[Figure]:
    """Give all figures nearly the same extent, that of any one of them."""
    side = rng.choice([max(figure.width, figure.height) for figure in figures])
    leveled = []
    for figure in figures:
        ratio = side / max(figure.width, figure.height) * rng.uniform(0.93, 1.07)
        data = figure.__dict__ | {"width": figure.width * ratio, "height": figure.height * ratio}
        leveled.append(Figure(**data))
    return leveled


def _spread(rng: random.Random, figures: list[Figure], size: Size) -> list[Figure]:
    """Settle every figure in a place of its own; one that finds no room is left out."""
    placed: list[Figure] = []
    taken: list[Box] = []
    free = list(PLACES)
    for figure in figures:
        put = settle(rng, figure, taken, size, free)
        if put is None:
            continue
        placed.append(put)
        taken.append(extent(put))
        free.remove(place_of(put.x, put.y, size))
    return sorted(placed, key=lambda figure: place_of(figure.x, figure.y, size))
