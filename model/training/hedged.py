"""Photos and films of anything, asked about as people ask: their colours are told, and that the rest cannot be told.

A small network meets mostly what it was never taught; these teach it to say so instead of naming shapes.
"""

from random import Random

import numpy as np

from model.training.assets.pack import pack
from model.training.parts import Make, Part
from model.training.photo_questions import HEDGED, caption
from model.training.photographs import HEDGED as DRAWS
from model.training.photographs import cell_colours, filmed, main_colours, unknown
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Kind, Sample, Size, Split
from model.training.world import randomness
from model.training.worn import wear_more

SKILLS = {"caption": 2.5, "name": 0.7, "colour": 1.0, "exists": 1.0, "count": 0.8, "position": 0.4}


def ask(facts: Facts, rng: Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return word(facts, rng, split, HEDGED)


def maker(part: str, kind: Kind) -> Make:
    """The drawing of a part's photos, or of its films."""

    def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        rng = randomness(seed, part, split)
        shown = (
            filmed(rng, pack(), size, split, frames)
            if kind == "video"
            else unknown(rng, pack(), size, split, DRAWS)[None]
        )
        worn = np.ascontiguousarray(wear_more(rng, shown, 0.5 * difficulty))
        told: Facts = {"kind": kind, "size": list(size), "shown": "", "group": "", "things": [], "events": []}
        told["colours"] = main_colours(worn)
        colour = cell_colours(worn)
        nothing = np.zeros_like(colour)
        sample = Sample(seed, kind, worn, fps, {"owner": nothing, "anchor": nothing, "colour": colour}, 0, told)
        sample.questions = ask(told, randomness(seed, f"{part}/questions", split), split)
        return sample

    return make


def hedging(part: str, kind: Kind) -> Part:
    """A part of photos or of films that are not to be named."""
    return Part(part, kind, maker(part, kind), ask, caption, SKILLS, packed="photos")
