"""Boxes around the things of drawings: locate one, locate all of a kind, and say what is inside a box."""

import random

import numpy as np

from model.training import labels
from model.training.box_questions import FARTHEST, MOST, inside, locate, locate_all
from model.training.boxes import UNIT, snapped
from model.training.drawing.asks import exists
from model.training.drawing.scene import CLASSES, drawn
from model.training.language import caption
from model.training.parts import Part
from model.training.picture_questions import Maker, colour, count, position
from model.training.picture_questions import caption as ask_caption
from model.training.questions import ask as ask_all
from model.training.sample import CELL, QA, Facts, Sample, Size, Split
from model.training.world import randomness

SMALLEST = 36.5  # pixels
EDGES = ("left", "top", "right", "bottom")
STEP = CELL // UNIT  # units in a cell
FAR = 24  # units; an edge farther from a cell counts as this far
MAKERS: tuple[Maker, ...] = (locate, locate_all, inside, ask_caption, colour, count, position, exists)
SKILLS = {
    "locate": 2.6,
    "locate_all": 2.8,
    "inside": 2.0,
    "caption": 0.4,
    "colour": 0.6,
    "count": 1.4,
    "position": 0.8,
    "exists": 0.5,
}
AWAY = ("none", *map(str, range(-FAR, FAR + STEP + 1)))
LONGEST = 43 * MOST  # every box takes about forty tokens
UNITS = ("none", *map(str, range(FARTHEST + 1)))


def edge_maps(owner: labels.Map, facts: Facts) -> dict[str, labels.Map]:
    """Where the four edges of each cell's thing are, in units: `to_...` from the cell's corner, and in the picture.

    The tower can tell the first and the decoder the second, which are the numbers that answers spell; the one is the
    other less seven for every cell.
    """
    grid_rows, grid_columns = np.arange(owner.shape[1])[:, None], np.arange(owner.shape[2])[None, :]
    table = np.zeros((4, len(facts["things"]) + 1), dtype=np.int64)
    for fact in facts["things"]:
        table[:, fact["id"] + 1] = np.array(snapped(fact["box"], facts["size"])) // UNIT
    maps = {}
    for index, name in enumerate(EDGES):
        units = table[index][owner]
        away = units - STEP * (grid_rows if name in ("top", "bottom") else grid_columns)
        clipped = np.clip(away, -FAR, FAR + STEP) + FAR + 1
        maps[f"to_{name}"] = np.where(owner > 0, clipped, 0)
        maps[name] = np.where(owner > 0, np.minimum(units, FARTHEST) + 1, 0)
    return maps


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture."""
    rng = randomness(seed, "boxes", split)
    sample = drawn(rng, seed, size, difficulty, split, SMALLEST)
    sample.dense |= edge_maps(sample.dense["owner"], sample.facts)
    sample.questions = ask(sample.facts, rng, split)
    return sample


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return ask_all(facts, rng, split, MAKERS)


PART = Part(
    "boxes",
    "image",
    make,
    ask,
    caption,
    SKILLS,
    CLASSES | {f"to_{name}": AWAY for name in EDGES} | dict.fromkeys(EDGES, UNITS),
    late=EDGES,
    longest=LONGEST,
)
