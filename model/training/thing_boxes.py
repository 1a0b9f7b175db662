"""Questions about the boxes of everyday things: where one is, where all of a kind are, what is in a box."""

import random

from model.training import box_questions
from model.training.asking import Ask
from model.training.box_questions import ABSENT, MOST, answered
from model.training.picture_questions import ids
from model.training.sample import Facts, Lang
from model.training.thing_questions import MASS, article_of, grouped, noun, stranger, the

ALL = {"en": ("things", "objects"), "zh": ("东西", "物体")}


def called(fact: Facts, lang: Lang) -> str:
    """What the box of a thing is labelled with."""
    return noun(fact["thing"], lang)


def locate(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The box of a thing that is there once; none of what is not there."""
    found = []
    for group in grouped(facts["things"]):
        if len(group) == 1:
            answer, told, numbers = answered(group, facts, lang, called)
            slots = {"it": the(group[0]["thing"], lang)}
            found.append(Ask("locate", "locate", answer, slots, ids(*group), told=told, numbers=numbers))
    if rng.random() < ABSENT:
        found.append(Ask("locate", "locate", "[]", {"it": the(stranger(facts, rng), lang)}, ()))
    return found


def locate_all(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The boxes of all things of a name, and of all there are; none of what is not there."""
    named = [
        (noun(group[0]["thing"], lang, many=True), group)
        for group in grouped(facts["things"])
        if article_of(group[0]["thing"]) != MASS
    ]
    found = []
    for name, things in [*named, (rng.choice(ALL[lang]), list(facts["things"]))]:
        if len(things) <= MOST:
            answer, told, numbers = answered(things, facts, lang, called)
            found.append(
                Ask("locate_all", "locate_all", answer, {"ns": name}, ids(*things), told=told, numbers=numbers)
            )
    if rng.random() < ABSENT:
        slots = {"ns": noun(stranger(facts, rng), lang, many=True)}
        found.append(Ask("locate_all", "locate_all", "[]", slots, ()))
    return found


def inside(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What is in a box: the thing it was drawn around, or nothing."""
    return box_questions.inside(facts, rng, lang, called)
