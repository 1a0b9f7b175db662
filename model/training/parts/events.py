"""Clips in which things happen at a time: diagonal and round ways, blinking, meetings, scene cuts, and when it was."""

import random

from model.training.events import questions, time_questions
from model.training.events.clip import draw
from model.training.events.says import caption
from model.training.events.tokens import CLASSES, TOLD
from model.training.events.troupe import SHAPES
from model.training.parts import Part
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Sample, Size, Split
from model.training.world import randomness

SKILLS = {
    "caption": 3.0,
    "motion": 1.2,
    "event": 2.0,
    "order": 2.6,
    "when": 2.4,
    "time": 3.0,
    "length": 0.8,
    "there": 2.6,
    "scene": 1.4,
    "shape": 0.2,
    "colour": 0.5,
    "exists": 0.5,
    "background": 0.2,
}


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one clip of shapes and ask about it; see `draw` for `fps`."""
    rng = randomness(seed, "events", split)
    sample = draw(rng, size, frames, fps, difficulty, split, SHAPES)
    sample.seed, sample.questions = seed, ask(sample.facts, rng, split)
    return sample


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word the questions about a clip."""
    return word(facts, rng, split, (*questions.MAKERS, *time_questions.MAKERS))


PART = Part("events", "video", make, ask, caption, SKILLS, CLASSES | TOLD, late=tuple(TOLD))
