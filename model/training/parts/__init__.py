"""The parts of the world: one file each, which draws from a seed and knows its facts exactly.

A part is found by looking into this folder for `PART`; adding one is adding one file (and its wordings under
`phrasings`). Which parts a run draws, and how often, is its plan's.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Protocol

from model.training.assets.pack import Packed
from model.training.sample import QA, Facts, Kind, Lang, Sample, Size, Split


class Make(Protocol):
    """Draws one sample: a pure function of its arguments."""

    def __call__(self, seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        """`size` is (height, width) in multiples of 28, `frames` is 1 for a picture, `difficulty` runs from 0 to 1."""


class AskAll(Protocol):
    """Words questions of every skill that the facts of one sample can answer."""

    def __call__(self, facts: Facts, rng: Random, split: Split) -> list[QA]:
        """The language is drawn for each question; `split` says whether wordings of training or held-out ones."""


class Caption(Protocol):
    """Says the one canonical caption of the facts."""

    def __call__(self, facts: Facts, lang: Lang) -> str:
        """In English or Chinese."""


@dataclass(frozen=True)
class Part:
    """One part of the world.

    `skills` weighs the skills of its questions against each other; `classes` names the classes of dense labels that
    only this part has, which the tower is told beside the common ones (`labels.class_names`); those in `late` the tower
    cannot know, and the middle of the decoder is told instead. `packed` says which packed assets it cannot do without.
    """

    name: str
    kind: Kind
    make: Make
    ask: AskAll
    caption: Caption
    skills: Mapping[str, float]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pictures: int = 1  # still pictures in a sample
    late: tuple[str, ...] = ()
    longest: int = 60  # tokens of an answer about one picture or clip
    packed: Packed = ""


@cache
def parts() -> dict[str, Part]:
    """Every part by name, in the order of their files."""
    modules = sorted(item.name for item in pkgutil.iter_modules(__path__))
    found: list[Part] = [importlib.import_module(f"{__name__}.{module}").PART for module in modules]
    return {part.name: part for part in found}
