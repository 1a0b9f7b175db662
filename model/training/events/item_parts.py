"""Parts of clips of everyday things: what they ask, the one that teaches and those that examine."""

from dataclasses import replace
from random import Random

from model.training import thing_questions
from model.training.asking import Ask
from model.training.assets.blobs import AssetsWithheld
from model.training.assets.pack import AssetSplit
from model.training.events import questions, time_questions
from model.training.events.clip import draw
from model.training.events.items import SCOPE, troupe
from model.training.events.says import caption
from model.training.events.tokens import CLASSES, TOLD
from model.training.parts import Part
from model.training.phrasings.thing_events import OF_THINGS
from model.training.picture_questions import Maker
from model.training.pictured import ITEM, item_names
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Lang, Sample, Size, Split
from model.training.world import randomness

SKILLS = {
    "caption": 3.0,
    "name": 0.8,
    "motion": 1.2,
    "event": 2.4,
    "order": 2.2,
    "when": 2.6,
    "time": 3.0,
    "length": 0.5,
    "there": 3.0,
    "scene": 1.4,
    "colour": 0.3,
    "exists": 1.0,
    "background": 0.1,
}
LOOKS = questions.looking(thing_questions.name, thing_questions.tint, thing_questions.exists)


def of_things(maker: Maker) -> Maker:
    """What `maker` asks, in wordings that do not speak of shapes."""

    def asks(facts: Facts, rng: Random, lang: Lang) -> list[Ask]:
        """The same questions under the keys of those wordings."""
        return [replace(ask, key=OF_THINGS.get(ask.key, ask.key)) for ask in maker(facts, rng, lang)]

    return asks


MAKERS = tuple(of_things(maker) for maker in (*questions.HAPPENING, LOOKS, *time_questions.MAKERS))


def ask(facts: Facts, rng: Random, split: Split) -> list[QA]:
    """Word the questions about a clip."""
    return word(facts, rng, split, MAKERS)


def acting(name: str, drawings: AssetSplit = "train") -> Part:
    """The part of that name; any drawings but those of training only examine, and are refused to training."""

    def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        """Draw one clip and ask about it; see `draw` for `fps`."""
        if split == "train" and drawings != "train":
            raise AssetsWithheld(f"{name} is kept from training", f"train on thing_events, examine on {name}")
        rng = randomness(seed, name, split)
        sample = draw(rng, size, frames, fps, difficulty, split, troupe(drawings))
        sample.facts |= {"drawings": drawings, "scope": SCOPE}
        sample.seed, sample.questions = seed, ask(sample.facts, rng, split)
        return sample

    classes = {ITEM[SCOPE]: ("none", *item_names(SCOPE)), **CLASSES, **TOLD}
    return Part(name, "video", make, ask, caption, SKILLS, classes, late=tuple(TOLD), packed="things")
