"""Photos: the few kinds that are taught are named; of every other the answer is that it cannot be told."""

from random import Random

import numpy as np

from model.training.assets.pack import pack
from model.training.parts import Part
from model.training.photo_questions import MAKERS, caption, names
from model.training.photographs import known, main_colours, unknown
from model.training.questions import ask as word
from model.training.sample import CELL, QA, Facts, Sample, Size, Split
from model.training.world import randomness
from model.training.worn import wear_more

KNOWN = 0.55  # share of photos that show something known
GROUPS = ("none", "grocery", "clothing", "flowers", "unknown")


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one photo and ask about it."""
    rng = randomness(seed, "photos", split)
    shown = group = ""
    if rng.random() < KNOWN:
        pixels, photo = known(rng, pack(), size, split)
        shown, group = photo.name, photo.group
    else:
        pixels = unknown(rng, pack(), size, split)
    worn = wear_more(rng, pixels[None], 0.5 * difficulty)
    grid = (1, size[0] // CELL, size[1] // CELL)
    facts = {
        "kind": "image",
        "size": list(size),
        "shown": shown,
        "group": group,
        "colours": main_colours(worn[0]),
        "things": [],
        "events": [],
    }
    nothing = np.zeros(grid, dtype=np.int64)
    number = list(classes()["photo"]).index(shown) if shown else 1
    dense = {
        "owner": nothing,
        "anchor": nothing,
        "photo": np.full(grid, number),
        "group": np.full(grid, GROUPS.index(group or "unknown")),
    }
    sample = Sample(seed, "image", np.ascontiguousarray(worn), 1.0, dense, 0, facts)
    sample.questions = ask(facts, randomness(seed, "photos/questions", split), split)
    return sample


def classes() -> dict[str, tuple[str, ...]]:
    """Classes of the labels that every token of a photo has alike."""
    return {"photo": ("none", "unknown", *sorted(names())), "group": GROUPS}


def ask(facts: Facts, rng: Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return word(facts, rng, split, MAKERS)


SKILLS = {"caption": 2.0, "name": 2.0, "colour": 1.0, "exists": 1.0}
PART = Part("photos", "image", make, ask, caption, SKILLS, classes(), packed="photos")
