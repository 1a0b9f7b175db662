"""A hundred everyday things in several drawing styles: what, where, how many, beside what."""

from random import Random

from model.training.parts import Part
from model.training.pictured import draw, item_names
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Sample, Size, Split
from model.training.thing_questions import MAKERS, SKILLS, caption
from model.training.world import randomness


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture and ask about it."""
    sample = draw(seed, size, difficulty, split, "cpu", "things")
    sample.questions = ask(sample.facts, randomness(seed, "things/questions", split), split)
    return sample


def ask(facts: Facts, rng: Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return word(facts, rng, split, MAKERS)


PART = Part("things", "image", make, ask, caption, SKILLS, {"item": ("none", *item_names("cpu"))})
