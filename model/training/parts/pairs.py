"""Two pictures of shapes in one prompt: the same, or one thing in another colour, gone, or new, or unrelated ones."""

import random
from dataclasses import replace

from model.training import colours, language, pairing
from model.training.asking import Ask
from model.training.pairing import (
    SKILLS,
    WHICH,
    Named,
    all_of,
    captions_of,
    difference_of,
    fitting,
    joined,
    lost,
    more_of,
    same,
    where_of,
)
from model.training.parts import Part
from model.training.picture_questions import Maker, ids
from model.training.picture_questions import caption as ask_caption
from model.training.placing import allowed_pair
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Lang, Sample, Size, Split
from model.training.scene import plan_scene
from model.training.things import Figure
from model.training.world import finish, randomness, thing_fact

MOST = 3  # things in one of the pictures; more would make long captions
ALTERED = {"same": 0.25, "recolour": 0.3, "gone": 0.15, "new": 0.15, "other": 0.15}
Scene = tuple[str, list[Figure]]


def scene(rng: random.Random, size: Size, difficulty: float, split: Split) -> Scene:
    """Plan one picture of few shapes, without words."""
    while True:
        background, figures = plan_scene(rng, size, difficulty, split)
        if len(figures) <= MOST and all(not figure.text for figure in figures):
            return background, figures


def altered(rng: random.Random, first: Scene, how: str, split: Split) -> Scene | None:
    """The second picture as the first with one thing in another colour or gone; None where that cannot be."""
    background, figures = first
    chosen = rng.randrange(len(figures))
    if how == "gone":
        return (background, [f for i, f in enumerate(figures) if i != chosen]) if len(figures) > 1 else None
    old = figures[chosen]
    tints = [
        name
        for name in colours.contrasting(background)
        if name != old.colour and frozenset((name, old.colour)) not in colours.ALIKE
        if allowed_pair(old.thing, name, split)
    ]
    looks = {(figure.thing, figure.colour) for figure in figures}
    tints = [name for name in tints if (old.thing, name) not in looks]
    if not tints or sum(figure.thing == old.thing for figure in figures) > 1:
        return None  # "the star" must mean one star
    tint = rng.choice(tints)
    changed = replace(old, colour=tint, rgb=colours.shade(rng, tint))
    return background, [changed if i == chosen else figure for i, figure in enumerate(figures)]


def plan(rng: random.Random, size: Size, difficulty: float, split: Split) -> tuple[str, Scene, Scene]:
    """How the second picture differs, and both of them."""
    while True:
        how = rng.choices(list(ALTERED), list(ALTERED.values()))[0]
        first = scene(rng, size, difficulty, split)
        if how == "other":
            return how, first, scene(rng, size, difficulty, split)
        second = first if how == "same" else altered(rng, first, "gone" if how == "new" else how, split)
        if second is not None:
            return (how, second, first) if how == "new" else (how, first, second)


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw two pictures; ids of the second's things go on from those of the first."""
    rng = randomness(seed, "pairs", split)
    how, *scenes = plan(rng, size, difficulty, split)
    drawn = list[Sample]()
    shades = {background: colours.shade(rng, background) for background, _ in scenes}  # two greens are not the same
    for background, figures in scenes:
        things = [thing_fact(i, figure, size) for i, figure in enumerate(figures)]
        facts = {"kind": "image", "size": list(size), "background": background, "things": things, "events": []}
        drawn.append(finish(rng, [list(figures)], facts, size, difficulty, shades[background]))
    return joined(seed, how, drawn)


def made(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw two pictures and ask about them."""
    sample = make(seed, size, frames, fps, difficulty, split)
    sample.questions = ask(sample.facts, randomness(seed, "pairs/questions", split), split)
    return sample


def caption(facts: Facts, lang: Lang) -> str:
    """Both captions, each with the number of its picture before it."""
    one, two = (language.caption(picture, lang) for picture in facts["pictures"])
    return pairing.caption(one, two, lang)


def named(facts: Facts, rng: random.Random, lang: Lang) -> list[Named]:
    """Each shape that there is, and one that may be in neither picture."""
    strange = {"thing": rng.choice([f["thing"] for f in facts["things"]]), "colour": rng.choice(colours.NAMES)}
    found = []
    for fact in (*facts["things"], strange):
        name = language.noun(fact, lang)
        slot = language.article(name) if lang == "en" else name
        found.append((slot, *fitting(facts, fact, "thing", "colour")))
    return found


def counted(facts: Facts, rng: random.Random, lang: Lang) -> list[Named]:
    """All shapes, and those of one kind."""
    fact = rng.choice(facts["things"])
    every = "shapes" if lang == "en" else "图形"
    return [(every, *all_of(facts)), (language.shape(fact["thing"], lang, True), *fitting(facts, fact, "thing"))]


def change(facts: Facts, lang: Lang) -> Ask:
    """What is different: a thing that one of the pictures lacks, or one with another colour."""
    how, (one, two) = facts["how"], (picture["things"] for picture in facts["pictures"])
    if how in ("gone", "new"):
        fact = lost(facts)
        others = all(fitting(facts, fact, "thing", "colour"))
        answer = pairing.one_more(language.noun(fact, lang), how == "gone", lang) if others else ""
        return Ask("difference", "pair_difference", answer or only(fact, how == "gone", lang), about=ids(fact))
    before, after = next((a, b) for a, b in zip(one, two, strict=True) if a["colour"] != b["colour"])
    return Ask("difference", "pair_difference", turned(before, after, lang), about=ids(before), other=ids(after))


def only(fact: Facts, first: bool, lang: Lang) -> str:
    """A thing that one of the pictures lacks: "the red star is only in the first"."""
    name = language.noun(fact, lang)
    which = WHICH[lang][not first]
    return f"the {name} is only in {which}" if lang == "en" else f"只有{which}有{name}"


def turned(before: Facts, after: Facts, lang: Lang) -> str:
    """A thing with another colour: "the star is red in the first and blue in the second"."""
    name, one, two = (
        language.shape(before["thing"], lang),
        language.colour(before["colour"], lang),
        language.colour(after["colour"], lang),
    )
    if lang == "zh":
        return f"{name}在第一张是{one}，在第二张是{two}"
    return f"the {name} is {one} in the first and {two} in the second"


MAKERS: tuple[Maker, ...] = (
    captions_of(ask_caption), same, where_of(named), more_of(counted), difference_of(change),
)  # fmt: skip


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word the questions about two pictures."""
    return word(facts, rng, split, MAKERS)


PART = Part("pairs", "image", made, ask, caption, SKILLS, pictures=2)
