"""Two pictures in one prompt: the same or not, what is different, in which of them a thing is, which holds more."""

import random
from dataclasses import replace

import numpy as np

from model.training import colours, language
from model.training.asking import Ask
from model.training.parts import Part
from model.training.picture_questions import YES, ids, shape_facts
from model.training.placing import allowed_pair
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Lang, Sample, Size, Split
from model.training.scene import plan_scene
from model.training.things import Figure
from model.training.world import finish, randomness, thing_fact

MOST = 3  # things in one of the pictures; more would make long captions
ALTERED = {"same": 0.25, "recolour": 0.3, "gone": 0.15, "new": 0.15, "other": 0.15}
WHICH = {
    "en": ("the first", "the second", "both", "neither"),
    "zh": ("第一张", "第二张", "两张都有", "两张都没有"),
}
AS_MANY = {"en": "both have the same number", "zh": "一样多"}
NOTHING = {"en": "nothing", "zh": "没有不同"}
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
    drawn, number = list[Sample](), 0
    shades = {background: colours.shade(rng, background) for background, _ in scenes}  # two greens are not the same
    for background, figures in scenes:
        things = [thing_fact(i, figure, size) for i, figure in enumerate(figures)]
        facts = {"kind": "image", "size": list(size), "background": background, "things": things, "events": []}
        sample = finish(rng, [list(figures)], facts, size, shades[background])
        for name in ("owner", "anchor"):
            sample.dense[name] = np.where(sample.dense[name] > 0, sample.dense[name] + number, 0)
        facts["things"] = [fact | {"id": fact["id"] + number} for fact in things]
        number += len(things)
        drawn.append(sample)
    pictures = [sample.facts for sample in drawn]
    together = {"kind": "image", "size": list(size), "how": how, "pictures": pictures}
    return Sample(
        seed=seed,
        kind="image",
        frames=np.concatenate([sample.frames for sample in drawn]),
        sampled_fps=1.0,
        dense={name: np.concatenate([sample.dense[name] for sample in drawn]) for name in drawn[0].dense},
        background=drawn[0].background,
        facts=together | {"things": [fact for facts in pictures for fact in facts["things"]]},
        questions=[],
    )


def made(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw two pictures and ask about them."""
    sample = make(seed, size, frames, fps, difficulty, split)
    sample.questions = ask(sample.facts, randomness(seed, "pairs/questions", split), split)
    return sample


def caption(facts: Facts, lang: Lang) -> str:
    """Both captions, each with the number of its picture before it."""
    one, two = (language.caption(picture, lang) for picture in facts["pictures"])
    return f"First: {one} Second: {two}" if lang == "en" else f"第一张：{one}第二张：{two}"


def captions(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption of both."""
    return [Ask("caption", "pair", caption(facts, lang))]


def same(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether both pictures show the same."""
    return [Ask("same", "pair_same", YES["is"][lang][facts["how"] == "same"])]


def counted(facts: Facts, fact: Facts, keys: tuple[str, ...]) -> list[tuple[int, ...]]:
    """The things in each picture that are like `fact` under `keys`."""
    return [
        ids(*(other for other in shape_facts(picture) if all(other[key] == fact[key] for key in keys)))
        for picture in facts["pictures"]
    ]


def where(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """In which picture a thing is: of each there is, and of one that is in neither."""
    found = []
    strange = {"thing": rng.choice([f["thing"] for f in facts["things"]]), "colour": rng.choice(colours.NAMES)}
    for fact in (*facts["things"], strange):
        kept = counted(facts, fact, ("thing", "colour"))
        which = 2 if all(kept) else 0 if kept[0] else 1 if kept[1] else 3
        name = language.noun(fact, lang)
        slots = {"a": language.article(name) if lang == "en" else name}
        found.append(Ask("where", "pair_where", WHICH[lang][which], slots, (*kept[0], *kept[1])))
    return found


def more(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Which picture has more things, in all or of one kind."""
    every = [ids(*shape_facts(picture)) for picture in facts["pictures"]]
    asked = [("shapes" if lang == "en" else "图形", every)]
    fact = rng.choice(facts["things"])
    asked.append((language.shape(fact["thing"], lang, True), counted(facts, fact, ("thing",))))
    found = []
    for name, (one, two) in asked:
        answer = AS_MANY[lang] if len(one) == len(two) else WHICH[lang][len(two) > len(one)]
        found.append(Ask("more", "pair_more", answer, {"ns": name}, one, two))
    return found


def difference(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What one change made different; of two unrelated pictures that is not asked."""
    how, (one, two) = facts["how"], (picture["things"] for picture in facts["pictures"])
    if how == "other":
        return []
    if how == "same":
        return [Ask("difference", "pair_difference", NOTHING[lang])]
    if how in ("gone", "new"):
        full, other = (one, two) if how == "gone" else (two, one)
        left = [fact["place"] for fact in other]
        (lost,) = (fact for fact in full if fact["place"] not in left)
        return [Ask("difference", "pair_difference", only(lost, how == "gone", lang), about=ids(lost))]
    before, after = next((a, b) for a, b in zip(one, two, strict=True) if a["colour"] != b["colour"])
    return [Ask("difference", "pair_difference", turned(before, after, lang), about=ids(before), other=ids(after))]


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


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word the questions about two pictures."""
    return word(facts, rng, split, (captions, same, where, more, difference))


SKILLS = {"caption": 1.2, "same": 1.5, "where": 2.0, "more": 2.0, "difference": 2.5}
PART = Part("pairs", "image", made, ask, caption, SKILLS, pictures=2)
