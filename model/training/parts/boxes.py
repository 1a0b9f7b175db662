"""Boxes around the things of drawings: locate one, locate all of a kind, and say what is inside a box."""

import random

from model.training.box_questions import LONGEST, inside, locate, locate_all
from model.training.drawing.asks import exists
from model.training.drawing.scene import CLASSES, drawn
from model.training.edges import EDGE_CLASSES, EDGES, edge_maps
from model.training.language import caption
from model.training.parts import Part
from model.training.picture_questions import Maker, colour, count, position
from model.training.picture_questions import caption as ask_caption
from model.training.questions import ask as ask_all
from model.training.sample import QA, Facts, Sample, Size, Split
from model.training.world import randomness

SMALLEST = 36.5  # pixels
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
    CLASSES | EDGE_CLASSES,
    late=EDGES,
    longest=LONGEST,
)
