"""Pairs of pictures of everyday things: the same, or one thing another, gone, new, or moved, or unrelated ones."""

import random
from collections.abc import Callable
from dataclasses import replace

from model.training import language, pairing, thing_questions
from model.training.asking import Ask
from model.training.assets.pack import AssetSplit, Scope
from model.training.edges import EDGE_CLASSES, EDGES
from model.training.pairing import (
    SKILLS,
    WHICH,
    Ids,
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
from model.training.pictured import ITEM, Piece, choice, composed, item_names, piece, placed, under, wished
from model.training.placing import PLACES, extent, place_of, settle
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Lang, Sample, Size, Split
from model.training.thing_boxes import ALL
from model.training.thing_questions import MASS, PAIR, a, article_of, noun, stranger, the
from model.training.thing_talk import several
from model.training.things import Figure
from model.training.world import randomness

KINDS, MOST = 3, 6  # kinds of things, and things, in one of the pictures; more would make long captions
SEEN: AssetSplit = "train"  # the drawings that all pairs are made of
CHANGES = {"same": 0.25, "exchanged": 0.2, "moved": 0.15, "gone": 0.14, "new": 0.14, "other": 0.12}
Pieces = list[tuple[Piece, Figure]]


class Planner:
    """Plans the pieces of two pictures of one size from things of a scope."""

    def __init__(self, rng: random.Random, size: Size, difficulty: float, scope: Scope, vary: bool) -> None:
        self.rng, self.size, self.difficulty, self.scope, self.vary = rng, size, difficulty, scope, vary

    def picture(self) -> Pieces:
        """The pieces of one picture."""
        while True:
            some = wished(self.rng, SEEN, self.scope, self.difficulty, self.vary)
            few = len(some) <= MOST and len({one.thing.name for one in some}) <= KINDS
            if few and (put := placed(self.rng, some, self.size, self.difficulty)):
                return put

    def changed(self, pieces: Pieces, how: str) -> Pieces | None:
        """The pieces with one of them gone, or another thing or elsewhere instead; None where that cannot be."""
        chosen = self.rng.randrange(len(pieces))
        (one, figure), rest = pieces[chosen], pieces[:chosen] + pieces[chosen + 1 :]
        if how == "gone":
            return rest or None
        if any(other.thing.name == one.thing.name for other, _ in rest):
            return None  # "the dog" must mean one dog
        here = place_of(figure.x, figure.y, self.size)
        if how == "exchanged":
            return self.put(self.another(pieces, figure), rest, [here])
        kept = [here, *(place_of(other.x, other.y, self.size) for _, other in rest)]
        return self.put((one, figure), rest, [place for place in PLACES if place not in kept])

    def another(self, pieces: Pieces, figure: Figure) -> tuple[Piece, Figure]:
        """A thing that is not there, as large as a figure on its longer side."""
        there = {one.thing.name for one, _ in pieces}
        others = [thing for thing in choice(SEEN, self.scope) if thing.name not in there]
        new = piece(self.rng, self.rng.choice(others), SEEN, self.vary)
        height, width = new.pixels.shape[:2]
        share = max(figure.width, figure.height) / max(height, width)
        drawn = replace(figure, thing=new.thing.name, colour=new.tint, width=width * share, height=height * share)
        return new, drawn

    def put(self, moved: tuple[Piece, Figure], rest: Pieces, places: list[tuple[int, int]]) -> Pieces | None:
        """The others with one more piece at one of some places, in the order of rows; None where it has no room."""
        one, figure = moved
        taken = [extent(other) for _, other in rest]
        settled = settle(self.rng, figure, taken, self.size, places) if places else None
        if settled is None or settled.width < figure.width:
            return None
        return sorted([*rest, (one, settled)], key=lambda pair: place_of(pair[1].x, pair[1].y, self.size))

    def both(self) -> tuple[str, Pieces, Pieces]:
        """How the second picture differs, and both."""
        while True:
            how = self.rng.choices(list(CHANGES), list(CHANGES.values()))[0]
            first = self.picture()
            if how in ("same", "other"):
                return how, first, first if how == "same" else self.picture()
            second = self.changed(first, "gone" if how == "new" else how)
            if second is not None:
                return (how, second, first) if how == "new" else (how, first, second)


def drawn(rng: random.Random, seed: int, size: Size, difficulty: float, split: Split, scope: Scope) -> Sample:
    """Draw two pictures, on one ground unless they are unrelated."""
    how, *pictures = Planner(rng, size, difficulty, scope, split == "train").both()
    shown = [[one for one, _ in pieces] for pieces in pictures]
    grounds = [under(rng, [*shown[0], *shown[1]], size, difficulty, split)] * 2
    if how == "other":
        grounds = [under(rng, one, size, difficulty, split) for one in shown]
    samples = []
    for pieces, (told, paper) in zip(pictures, grounds, strict=True):
        samples.append(composed(rng, seed, pieces, paper, {**told, "drawings": SEEN, "scope": scope}, difficulty))
    sample = joined(seed, how, samples)
    sample.facts["scope"] = scope
    return sample


def caption(facts: Facts, lang: Lang) -> str:
    """Both captions, each with the number of its picture before it."""
    one, two = (thing_questions.caption(picture, lang) for picture in facts["pictures"])
    return pairing.caption(one, two, lang)


def thinned(found: list[Named], rng: random.Random, alike: Callable[[Ids, Ids], bool]) -> list[Named]:
    """Of those names with which both pictures are alike, one: most are, and answers should be about as frequent."""
    kept = [name for name in found if not alike(*name[1:])]
    equal = [name for name in found if alike(*name[1:])]
    return kept + rng.sample(equal, min(1, len(equal)))


def named(facts: Facts, rng: random.Random, lang: Lang) -> list[Named]:
    """Each thing that there is, and one that is in neither; not "some grapes" in English, where "is" is asked."""
    every = dict.fromkeys([*(fact["thing"] for fact in facts["things"]), stranger(facts, rng)])
    names = [name for name in every if lang == "zh" or not (several(name) and article_of(name) == MASS)]
    found = [(a(name, lang), *fitting(facts, {"thing": name}, "thing")) for name in names]
    return thinned(found, rng, lambda one, two: bool(one and two))


def counted(facts: Facts, rng: random.Random, lang: Lang) -> list[Named]:
    """All things, and those of every name that can be counted."""
    names = dict.fromkeys(fact["thing"] for fact in facts["things"] if article_of(fact["thing"]) != MASS)
    kinds = [(noun(name, lang, many=True), *fitting(facts, {"thing": name}, "thing")) for name in names]
    every = (rng.choice(ALL[lang]), *all_of(facts))
    return [every, *thinned(kinds, rng, lambda one, two: len(one) == len(two))]


def change(facts: Facts, lang: Lang) -> Ask:
    """What is different: a thing that only one picture has, that has become another, or that has moved."""
    how, (one, two) = facts["how"], (picture["things"] for picture in facts["pictures"])
    if how in ("gone", "new"):
        fact = lost(facts)
        name, first = fact["thing"], how == "gone"
        others = all(fitting(facts, fact, "thing"))
        answer = one_more_of(name, first, lang) if others else only(name, first, lang)
        return Ask("difference", "pair_difference", answer, about=ids(fact))
    (before,), (after,) = (
        [fact for fact in these if all((fact["thing"], fact["place"]) != (o["thing"], o["place"]) for o in those)]
        for these, those in ((one, two), (two, one))
    )
    answer = moved(before, after, lang) if how == "moved" else exchanged(before, after, lang)
    return Ask("difference", "pair_difference", answer, about=ids(before), other=ids(after))


def one_more_of(name: str, first: bool, lang: Lang) -> str:
    """That one of the pictures has more of what both have: "the first has one more dog"."""
    kind = article_of(name)
    if lang == "en" and kind == MASS:
        return f"{WHICH[lang][not first]} has more {noun(name, lang)}"
    return pairing.one_more(
        f"pair of {noun(name, lang)}" if lang == "en" and kind == PAIR else noun(name, lang), first, lang
    )


def only(name: str, first: bool, lang: Lang) -> str:
    """A thing that one of the pictures lacks: "the dog is only in the first"."""
    which = WHICH[lang][not first]
    if lang == "zh":
        return f"只有{which}有{noun(name, lang)}"
    return f"{the(name, lang)} {'are' if several(name) else 'is'} only in {which}"


def exchanged(before: Facts, after: Facts, lang: Lang) -> str:
    """A thing in the place of another: "a dog in the first and a cat in the second"."""
    if lang == "zh":
        return f"第一张是{noun(before['thing'], lang)}，第二张是{noun(after['thing'], lang)}"
    return f"{a(before['thing'], lang)} in the first and {a(after['thing'], lang)} in the second"


def moved(before: Facts, after: Facts, lang: Lang) -> str:
    """A thing in another place: "the dog is at the top in the first and on the left in the second"."""
    one, two = (language.place(fact["place"], lang) for fact in (before, after))
    name = before["thing"]
    if lang == "zh":
        return f"{noun(name, lang)}在第一张的{one}，在第二张的{two}"
    verb = "are" if several(name) else "is"
    return f"{the(name, lang)} {verb} {language.at_place(one)} in the first and {language.at_place(two)} in the second"


MAKERS: tuple[Maker, ...] = (
    captions_of(thing_questions.captions), same, where_of(named), more_of(counted), difference_of(change),
)  # fmt: skip


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word the questions about two pictures."""
    return word(facts, rng, split, MAKERS)


def pairs_of(name: str, scope: Scope) -> Part:
    """The part of that name, which shows pairs of pictures of the things of a scope."""

    def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        """Draw two pictures and ask about them."""
        sample = drawn(randomness(seed, name, split), seed, size, difficulty, split, scope)
        sample.questions = ask(sample.facts, randomness(seed, f"{name}/questions", split), split)
        return sample

    classes = {ITEM[scope]: ("none", *item_names(scope)), **EDGE_CLASSES}
    return Part(name, "image", make, ask, caption, SKILLS, classes, pictures=2, late=EDGES, packed="things")
