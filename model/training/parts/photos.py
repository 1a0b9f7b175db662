"""Photos: the few kinds that are taught are named; of every other the answer is that it cannot be told."""

import random

import numpy as np

from model.training import language, metrics
from model.training.asking import Ask
from model.training.assets.photos import photo_names
from model.training.parts import Part
from model.training.photographs import known, main_colours, unknown
from model.training.picture_questions import YES
from model.training.pictured import pack
from model.training.questions import ask as word
from model.training.sample import CELL, QA, Facts, Lang, Sample, Size, Split
from model.training.world import randomness
from model.training.worn import wear_more

KNOWN = 0.55  # share of photos that show something known
UNSURE: dict[Lang, str] = {"en": metrics.UNSURE[0], "zh": metrics.UNSURE[1]}
GROUPS = ("none", "grocery", "clothing", "flowers", "unknown")


def names() -> dict[str, dict[str, str]]:
    """Names of the known kinds by English name, with article and Chinese."""
    return {row["name"]: row for row in photo_names().values()}


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


def mostly(facts: Facts, lang: Lang) -> str:
    """The main colours: "green and brown"."""
    return language.listed([language.colour(name, lang) for name in facts["colours"]], lang)


def caption(facts: Facts, lang: Lang) -> str:
    """What a photo shows, and its colours; or that it cannot be told."""
    row = names().get(facts["shown"])
    if lang == "zh":
        what = (
            f"一张{row['zh']}的照片，主要是{mostly(facts, lang)}"
            if row
            else f"一张照片，主要是{mostly(facts, lang)}，{UNSURE['zh']}是什么"
        )
        return f"{what}。"
    if row:
        return f"A photo of {row['article']} {row['name']}, mostly {mostly(facts, lang)}.".replace("of  ", "of ")
    return f"A photo, mostly {mostly(facts, lang)}; {UNSURE['en']} what it shows."


def captions(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption."""
    return [Ask("caption", "caption", caption(facts, lang))]


def called(name: str, lang: Lang) -> str:
    """A known kind's name."""
    return names()[name]["name" if lang == "en" else "zh"]


def name(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What it is."""
    return [Ask("name", "name_one", called(facts["shown"], lang) if facts["shown"] else UNSURE[lang])]


def colour(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The main colour."""
    return [Ask("colour", "main_color", language.colour(facts["colours"][0], lang))]


def exists(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether it shows a known kind; of an unknown picture that cannot be told."""
    others = [other for other in names() if other != facts["shown"] and names()[other]["zh"] != called_zh(facts)]
    other = rng.choice(others)
    found = [Ask("exists", "exists", YES["exists"][lang][False] if facts["shown"] else UNSURE[lang], slot(other, lang))]
    if facts["shown"]:
        found.append(Ask("exists", "exists", YES["exists"][lang][True], slot(facts["shown"], lang)))
    return found


def called_zh(facts: Facts) -> str:
    """The Chinese name of what is shown, which two kinds may share."""
    return called(facts["shown"], "zh") if facts["shown"] else ""


def slot(kind: str, lang: Lang) -> dict[str, str]:
    """How a question names a kind."""
    row = names()[kind]
    return {"a": f"{row['article']} {row['name']}".strip() if lang == "en" else row["zh"]}


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word questions of every skill."""
    return word(facts, rng, split, (captions, name, colour, exists))


SKILLS = {"caption": 2.0, "name": 2.0, "colour": 1.0, "exists": 1.0}
PART = Part("photos", "image", make, ask, caption, SKILLS, classes())
