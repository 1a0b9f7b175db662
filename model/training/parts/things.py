"""A hundred everyday things in several drawing styles: what, where, how many, beside what, in which box."""

from random import Random

from model.training import thing_boxes, thing_questions
from model.training.amounts import amounts_of
from model.training.box_questions import LONGEST
from model.training.edges import EDGE_CLASSES, EDGES
from model.training.parts import Part
from model.training.picture_questions import Maker, background
from model.training.pictured import draw, item_names
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Sample, Size, Split
from model.training.thing_questions import caption
from model.training.world import randomness

MAKERS: tuple[Maker, ...] = (
    thing_questions.captions,
    thing_questions.name,
    thing_questions.listing,
    thing_questions.count,
    thing_questions.position,
    thing_questions.tint,
    thing_questions.exists,
    thing_questions.relation,
    background,
    amounts_of(thing_questions.count),
    thing_boxes.locate,
    thing_boxes.locate_all,
    thing_boxes.inside,
)
SKILLS = {
    "caption": 2.8,
    "name": 2.4,
    "list": 1.0,
    "count": 3.2,
    "position": 1.2,
    "colour": 0.8,
    "exists": 3.0,
    "amount": 1.6,
    "relation": 1.2,
    "background": 0.1,
    "locate": 1.8,
    "locate_all": 1.8,
    "inside": 0.6,
}


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture and ask about it."""
    sample = draw(seed, size, difficulty, split, "cpu", "things")
    sample.questions = ask(sample.facts, randomness(seed, "things/questions", split), split)
    return sample


def ask(facts: Facts, rng: Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return word(facts, rng, split, MAKERS)


CLASSES = {"item": ("none", *item_names("cpu")), **EDGE_CLASSES}
PART = Part("things", "image", make, ask, caption, SKILLS, CLASSES, late=EDGES, longest=LONGEST)
