"""Drawings as other programs make them: 14 shapes, filled and outlined, on many papers, by two renderers."""

import random

from model.training.drawing.asks import MAKERS
from model.training.drawing.scene import CLASSES, drawn
from model.training.language import caption
from model.training.parts import Part
from model.training.questions import ask as ask_all
from model.training.sample import QA, Facts, Sample, Size, Split
from model.training.world import randomness

SKILLS = {
    "caption": 3.0,
    "brief": 0.8,
    "detail": 0.8,
    "list": 0.6,
    "shape": 1.0,
    "colour": 2.0,
    "count": 4.0,
    "position": 1.6,
    "relation": 2.2,
    "exists": 1.6,
    "amount": 1.6,
    "background": 0.3,
    "filling": 2.2,
    "size": 1.6,
}


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture."""
    rng = randomness(seed, "drawings", split)
    sample = drawn(rng, seed, size, difficulty, split)
    sample.questions = ask(sample.facts, rng, split)
    return sample


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return ask_all(facts, rng, split, MAKERS)


PART = Part("drawings", "image", make, ask, caption, SKILLS, CLASSES)
