"""What can be asked of a drawing beside what is asked of the first pictures: filling, sizes, lists, descriptions."""

import random

from model.training import language
from model.training.amounts import amounts_of
from model.training.asking import Ask
from model.training.drawing import names
from model.training.drawing.forms import SHAPES
from model.training.picture_questions import (
    Maker,
    absent,
    all_colours,
    alone,
    asked_for,
    background,
    caption,
    colour,
    colour_is,
    count,
    ids,
    position,
    references,
    relation,
    shape,
    unlike,
)
from model.training.sample import Facts, Lang, Told
from model.training.sizes import Naming, sizes_of

FILLED_ASKED = 0.18  # share of the filled things that are asked about, so that both answers are about as frequent


def absent_shape(facts: Facts, rng: random.Random) -> str:
    """A shape of which there is none."""
    return rng.choice([name for name in SHAPES if all(fact["thing"] != name for fact in facts["things"])])


def exists(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether something is there: two that are, two that are not; by shape alone or with its colour."""
    things, found = facts["things"], []
    for truth in (True, False):
        for bare in (True, False):
            fact = rng.choice(things) if truth else absent(facts, rng, SHAPES)
            if not truth and bare:
                fact = fact | {"thing": absent_shape(facts, rng)}
            found.append(asked_for(facts, fact, bare, lang))
    return [unlike(ask, rng, lang) for ask in found]


def filling(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether a thing is filled or outlined, and the colour of a border that shows."""
    things, found = facts["things"], []
    for fact in things:
        answer = names.FILLINGS[lang][fact["kind"]]
        if len(things) == 1 and (fact["kind"] == "outlined" or rng.random() < FILLED_ASKED):
            found.append(Ask("filling", "filling_one", answer, about=ids(fact)))
        if not (called := references(fact, facts, lang)):
            continue
        asked = Ask("filling", "filling_of", answer, {"it": rng.choice(called)}, ids(fact))
        if fact["kind"] == "outlined" or rng.random() < FILLED_ASKED:
            found.append(asked)
        if "border" in fact:
            tint = language.colour(fact["border"], lang)
            found += [Ask("filling", "border_of", tint, {"it": rng.choice(called)}, ids(fact))] * 2
    return found


def told(parts: list[names.Part]) -> tuple[Told, ...]:
    """Phrases with the things that each is about."""
    return tuple((phrase, ids(*group)) for phrases, group in parts for phrase in phrases)


def described(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Briefly, in detail, and as a list."""
    short, long = told(names.counted_parts(facts, lang)), told(names.detailed_parts(facts, lang))
    return [
        Ask("brief", "brief", names.brief(facts, lang), told=short),
        Ask("detail", "detail", names.detailed(facts, lang), told=long),
        Ask("list", "list", names.enumerated(facts, lang), told=short),
    ]


def shape_by_style(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Which shape is the only outlined, or the only filled one."""
    things, found = facts["things"], []
    for fact in things if len(things) > 1 else ():
        if alone(fact, things, "kind"):
            slots = {"f": names.FILLINGS[lang][fact["kind"]]}
            found.append(Ask("filling", "filled_which", language.noun(fact, lang), slots, ids(fact)))
    return found


MAKERS: tuple[Maker, ...] = (
    caption, shape, colour, colour_is, all_colours, count, position, relation, exists, background, filling,
    shape_by_style, sizes_of(Naming(references, language.noun)), described, amounts_of(count),
)  # fmt: skip
