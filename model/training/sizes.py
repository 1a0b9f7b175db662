"""Questions about how large things are drawn: which of two is larger, which of all is the largest."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from model.training.asking import Ask
from model.training.picture_questions import YES, Maker, ids
from model.training.sample import Facts, Lang

CLEARLY = 1.3  # how many times larger one thing must be to be called larger


@dataclass(frozen=True)
class Naming:
    """How things of one sort are named where sizes are asked for.

    `ways` (fact, facts, language) name one thing so that no other can be meant, `noun` is how an answer calls it;
    `ending` is that of the keys of wordings which speak of things of this sort.
    """

    ways: Callable[[Facts, Facts, Lang], list[str]]
    noun: Callable[[Facts, Lang], str]
    ending: str = ""


def extent(fact: Facts) -> tuple[float, float]:
    """Width and height of a thing in pixels: as it was drawn where that is told, else those of its box."""
    if "extent" in fact:
        width, height = fact["extent"]
        return width, height
    left, top, right, bottom = fact["box"]
    return right - left, bottom - top


def larger(one: Facts, two: Facts) -> bool:
    """Whether the first is clearly larger, by its longer side and by its extent as a whole."""
    (w1, h1), (w2, h2) = extent(one), extent(two)
    return max(w1, h1) >= CLEARLY * max(w2, h2) and w1 * h1 >= CLEARLY**2 * w2 * h2


def largest(things: list[Facts], least: bool = False) -> Facts | None:
    """The thing that is clearly larger, or if `least` smaller, than every other; None where there is none."""
    for fact in things if len(things) > 1 else ():
        others = [other for other in things if other is not fact]
        if all(larger(other, fact) if least else larger(fact, other) for other in others):
            return fact
    return None


def sizes_of(naming: Naming) -> Maker:
    """The maker of all questions about sizes."""

    def sizes(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """Of two things, and of all."""
        return compared(facts, rng, lang, naming) + extremes(facts, lang, naming)

    return sizes


def compared(facts: Facts, rng: random.Random, lang: Lang, naming: Naming) -> list[Ask]:
    """Which of two things is larger or smaller, and whether one is larger than the other, as often yes as no."""
    called = [(fact, rng.choice(ways)) for fact in facts["things"] if (ways := naming.ways(fact, facts, lang))]
    found = []
    for one, name in called:
        for two, other in called:
            if not larger(one, two):
                continue
            big, small = (naming.noun(fact, lang) for fact in (one, two))
            first, second = rng.sample((name, other), 2)
            slots = {"it": first, "other": second}
            found.append(Ask("size", f"larger_which{naming.ending}", big, slots, ids(one), ids(two)))
            found.append(Ask("size", f"smaller_which{naming.ending}", small, slots, ids(two), ids(one)))
            truth = rng.random() < 0.5
            asked = {"it": name, "other": other} if truth else {"it": other, "other": name}
            about, rest = (ids(one), ids(two)) if truth else (ids(two), ids(one))
            found.append(Ask("size", "larger_is", YES["is"][lang][truth], asked, about, rest))
    return found


def extremes(facts: Facts, lang: Lang, naming: Naming) -> list[Ask]:
    """The largest and the smallest thing, where one clearly is."""
    found = []
    for key, least in (("largest", False), ("smallest", True)):
        if (fact := largest(facts["things"], least)) is not None:
            found += [Ask("size", f"{key}{naming.ending}", naming.noun(fact, lang), about=ids(fact))] * 2
    return found
