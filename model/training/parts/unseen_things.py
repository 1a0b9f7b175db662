"""The hundred everyday things in drawing styles that training never meets: only for examination."""

from random import Random

from model.training.assets.blobs import AssetsWithheld
from model.training.parts import Part
from model.training.parts.things import ask
from model.training.pictured import draw
from model.training.sample import Sample, Size, Split
from model.training.thing_questions import SKILLS, caption
from model.training.world import randomness


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture and ask about it; refuses to draw for training."""
    if split == "train":
        raise AssetsWithheld("unseen_things is kept from training", "train on things, examine on unseen_things")
    rng: Random = randomness(seed, "unseen_things/questions", split)
    sample = draw(seed, size, difficulty, split, "cpu", "unseen_things")
    sample.questions = ask(sample.facts, rng, split)
    return sample


PART = Part("unseen_things", "image", make, ask, caption, SKILLS)
