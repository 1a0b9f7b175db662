"""Draws one drawing: plans it, lays the paper, lets one of the renderers draw, and labels every token."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.training import colours, labels
from model.training.drawing import papers, pen, vector
from model.training.drawing.forms import SHAPES
from model.training.drawing.look import KINDS, paint
from model.training.drawing.plan import SMALLEST, Item, bent, bounds, plan_items
from model.training.paint import room_of
from model.training.placing import place_of
from model.training.sample import CELL, Facts, Sample, Size, Split
from model.training.worn import GENTLE, ROOM, WEIGHTS, bending, wear_more

BENT = 0.15  # share of the drawings that are seen in perspective or cropped, where nothing is lost by it
VECTOR = 0.4  # share of the drawings that the SVG renderer draws where there is one
COUNTS = tuple(map(str, range(1, 10)))
CLASSES = {
    "drawn": ("none", *SHAPES),
    "filling": ("none", *KINDS, "bordered"),
    "many": ("none", *COUNTS),
}
FINE = 2.0  # pixels; a thinner line loses its colour to lossy files, blur and resampling


@dataclass(frozen=True)
class Drawing:
    """What is drawn, on which paper, and the pixels (H, W, 3) before any wear."""

    items: list[Item]
    background: str
    texture: str
    pixels: NDArray[np.uint8]


def draw(rng: random.Random, size: Size, difficulty: float, split: Split, smallest: float = SMALLEST) -> Drawing:
    """One drawing, no thing of which is smaller than `smallest` pixels."""
    background = colours.background(rng)
    rgb = paint(rng, background)
    texture = papers.kind_of(rng, difficulty)
    items = plan_items(rng, size, background, rgb, difficulty, split, smallest)
    paper = papers.lay(rng, texture, rgb, size, split)
    renderer = vector if rng.random() < VECTOR and vector.available() else pen
    pixels = renderer.render(rng, items, paper)
    if rng.random() < BENT * difficulty:
        moved = bent(items, bend := bending(rng, size), size)
        if moved is not None:
            items, pixels = moved, bend.frames(pixels[None])[0]
    return Drawing(items, background, texture, pixels)


def thing_fact(number: int, item: Item, size: Size) -> Facts:
    """What is true of one thing; the box is left, top, right, bottom in pixels."""
    figure = item.figure
    fact: Facts = {
        "id": number,
        "thing": figure.thing,
        "colour": figure.colour,
        "place": list(place_of(*item.centre, size)),
        "box": [round(value, 1) for value in bounds(item, size)],
        "kind": item.kind,
        "extent": [round(figure.width, 1), round(figure.height, 1)],
    }
    return fact | {"border": item.border} if item.border else fact


def facts_of(drawing: Drawing, size: Size) -> Facts:
    """All that is true of a drawing."""
    things = [thing_fact(number, item, size) for number, item in enumerate(drawing.items)]
    return {
        "kind": "image",
        "size": list(size),
        "background": drawing.background,
        "texture": drawing.texture,
        "things": things,
        "events": [],
    }


def classes_of(items: Sequence[Item], index: int) -> dict[str, int]:
    """Classes of one thing under every map."""
    item = items[index]
    figure = item.figure
    column, row = labels.centre_classes(*item.centre)
    alike = sum((o.figure.thing, o.figure.colour) == (figure.thing, figure.colour) for o in items)
    return {
        "colour": labels.colour_class(figure.colour),
        "alike": min(alike, labels.MOST),
        "many": min(alike, len(COUNTS)),
        "drawn": SHAPES.index(figure.thing) + 1,
        "filling": 3 if item.border else KINDS.index(item.kind) + 1,
        "column": column,
        "row": row,
    }


def owners(items: Sequence[Item], size: Size) -> labels.Map:
    """(1, H/28, W/28): 1 + the index of the thing in each cell; one too small for any has the cell of its centre."""
    mask = pen.owned(items, size)
    who = labels.owners(np.stack([mask, mask]), len(items))
    for index, item in enumerate(items, start=1):
        if not (who == index).any():
            x, y = item.centre
            who[0, int(y) // CELL, int(x) // CELL] = index
    return who


def dense_maps(items: Sequence[Item], size: Size) -> dict[str, labels.Map]:
    """Label every cell; `owner` and `anchor` hold 1 + the id of a thing."""
    who = owners(items, size)
    every = [classes_of(items, index) for index in range(len(items))]
    maps = {name: np.array([0, *(classes[name] for classes in every)])[who] for name in every[0]}
    maps |= labels.offsets(maps["column"], maps["row"])
    return maps | {"owner": who, "anchor": labels.anchors(who, maps["across"], maps["down"])}


def room(items: Sequence[Item]) -> float:
    """How much room wear has, at least what full strength takes: thin lines are spared by its kind (GENTLE) instead.

    More where the smallest thing, and the thinnest line that has a colour to be told, leave more.
    """
    lines = [item.style.width for item in items if item.kind == "outlined" or item.border]
    return max(ROOM, min([room_of(item.figure for item in items), *lines]))


def drawn(
    rng: random.Random, seed: int, size: Size, difficulty: float, split: Split, smallest: float = SMALLEST
) -> Sample:
    """One drawing with its facts and labels, worn; questions are still missing."""
    drawing = draw(rng, size, difficulty, split, smallest)
    facts = facts_of(drawing, size)
    fine = any(item.kind == "outlined" and item.style.width < FINE for item in drawing.items)
    worn = wear_more(rng, drawing.pixels[None], difficulty, GENTLE if fine else WEIGHTS, room(drawing.items))
    return Sample(
        seed=seed,
        kind="image",
        frames=np.ascontiguousarray(worn),
        sampled_fps=1.0,
        dense=dense_maps(drawing.items, size),
        background=labels.colour_class(facts["background"]),
        facts=facts,
    )
