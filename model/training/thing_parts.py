"""Parts of everyday things in several drawing styles: what they ask, those that teach and those that examine."""

from random import Random

from model.training import thing_boxes, thing_questions, thing_talk
from model.training.amounts import amounts_of
from model.training.assets.blobs import AssetsWithheld
from model.training.assets.pack import Scope
from model.training.box_questions import LONGEST
from model.training.edges import EDGE_CLASSES, EDGES
from model.training.parts import Part
from model.training.picture_questions import Maker, background
from model.training.pictured import ITEM, draw, item_names
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
    thing_talk.described,
    thing_talk.sizes,
)
SKILLS: dict[Scope, dict[str, float]] = {
    "cpu": {
        "caption": 2.8,
        "brief": 0.8,
        "detail": 0.8,
        "name": 2.4,
        "list": 1.0,
        "count": 3.2,
        "position": 1.2,
        "colour": 0.8,
        "exists": 3.0,
        "amount": 1.6,
        "relation": 1.2,
        "size": 1.2,
        "background": 0.1,
        "locate": 1.8,
        "locate_all": 1.8,
        "inside": 0.6,
    },
    # What a hundred things teach of counting and placing holds for all: here it is the names that are many.
    "all": {
        "caption": 3.0,
        "brief": 0.8,
        "detail": 0.6,
        "name": 5.0,
        "list": 1.5,
        "count": 1.5,
        "position": 0.6,
        "colour": 0.4,
        "exists": 4.0,
        "amount": 0.2,
        "relation": 0.6,
        "size": 0.5,
        "background": 0.1,
        "locate": 1.2,
        "locate_all": 0.6,
        "inside": 0.4,
    },
}


def ask(facts: Facts, rng: Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return word(facts, rng, split, MAKERS)


def _drawn(name: str, scope: Scope, seed: int, size: Size, difficulty: float, split: Split) -> Sample:
    sample = draw(seed, size, difficulty, split, scope, name)
    sample.questions = ask(sample.facts, randomness(seed, f"{name}/questions", split), split)
    return sample


def teaching(name: str, scope: Scope) -> Part:
    """The part of that name, which teaches the things of a scope."""

    def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        """Draw one picture and ask about it."""
        return _drawn(name, scope, seed, size, difficulty, split)

    classes = {ITEM[scope]: ("none", *item_names(scope)), **EDGE_CLASSES}
    return Part(name, "image", make, ask, caption, SKILLS[scope], classes, late=EDGES, longest=LONGEST, packed="things")


def examining(name: str, scope: Scope) -> Part:
    """A part of that name, which says to `draw` which drawings are meant; it refuses to draw for training."""

    def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        """Draw one picture and ask about it."""
        if split == "train":
            raise AssetsWithheld(f"{name} is kept from training", f"train on things, examine on {name}")
        return _drawn(name, scope, seed, size, difficulty, split)

    return Part(name, "image", make, ask, caption, SKILLS[scope], longest=LONGEST, packed="things")
