"""Which questions a picture of everyday things can answer: what, where, how many, beside what, which colour."""

import random
from functools import cache

from model.training import colours, language
from model.training.asking import Ask
from model.training.assets.names import Named, named_things
from model.training.assets.pack import Scope
from model.training.measures import measure_of
from model.training.picture_questions import OPPOSITE, RELATIONS, YES, alone, ids, located, related
from model.training.sample import Facts, Lang

NONE_ASKED = 0.3
KIN = 0.35  # share of the others that are of the same kind as something that is there
UNTAUGHT = 0.2  # share of the things asked about that are not there which may be any that has a name
MASS, PAIR = "some", "a pair of"  # articles of what has no plural, and of what comes in two


@cache
def _named() -> dict[str, Named]:
    return {thing.name: thing for thing in named_things()}


@cache
def taught(scope: Scope) -> tuple[Named, ...]:
    """The things of a scope: the hundred, or all that have a name."""
    return tuple(thing for thing in named_things() if scope == "all" or thing.scope == scope)


def noun(name: str, lang: Lang, many: bool = False) -> str:
    """What a thing is called: "dog", "dogs", "狗"."""
    thing = _named()[name]
    return thing.zh if lang == "zh" else thing.plural if many else thing.name


def article_of(name: str) -> str:
    """What stands before a name in English: "a", "an", "some", "a pair of" or nothing."""
    return _named()[name].article


def the(name: str, lang: Lang) -> str:
    """A thing with its article."""
    return f"the {noun(name, lang)}" if lang == "en" else noun(name, lang)


def a(name: str, lang: Lang) -> str:
    """A thing as one says it alone in English: "a dog", "some grapes"."""
    return _named()[name].alone() if lang == "en" else noun(name, lang)


def counted(name: str, count: int, lang: Lang) -> str:
    """How many of a thing: "a dog", "two dogs", "两个狗"; the measure word is always the common one."""
    if lang == "zh":
        return f"{language.NUMBERS['zh'][count]}个{noun(name, lang)}"
    if count == 1:
        return a(name, lang)
    paired = "pairs of " if article_of(name) == PAIR else ""
    return f"{language.NUMBERS['en'][count]} {paired}{noun(name, lang, many=True)}"


def grouped(things: list[Facts]) -> list[list[Facts]]:
    """Things of one name together, in the order in which the first of each stands."""
    found: dict[str, list[Facts]] = {}
    for fact in sorted(things, key=lambda fact: fact["place"]):
        found.setdefault(fact["thing"], []).append(fact)
    return list(found.values())


def phrases(group: list[Facts], lang: Lang) -> tuple[str, ...]:
    """What a caption tells of a group: how many of what, and where if it has a place; in Chinese the place first."""
    where = language.shared_place(group, lang)
    what = counted(group[0]["thing"], len(group), lang)
    if lang == "zh":
        return where, what
    return (what, language.at_place(where)) if where else (what,)


def caption(facts: Facts, lang: Lang) -> str:
    """The one canonical caption."""
    joint = "有" if lang == "zh" else " "
    parts = [joint.join(phrases(group, lang)) for group in grouped(facts["things"])]
    if lang == "zh":
        return f"{colours.CHINESE[facts['background']]}背景上，" + "，".join(parts) + "。"
    return language.sentence(f"{language.listed(parts, 'en')}, on {language.article(facts['background'])} background")


def captions(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption, told phrase by phrase which things each is about."""
    groups = grouped(facts["things"])
    told = tuple((phrase, ids(*group)) for group in groups for phrase in phrases(group, lang) if phrase)
    return [Ask("caption", "caption", caption(facts, lang), told=told)]


def name(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What the only thing is, and what there is at a place."""
    things = facts["things"]
    found = [
        Ask("name", "at_place", noun(fact["thing"], lang), {"p": located(fact, lang)}, ids(fact)) for fact in things
    ]
    if len(things) == 1:
        found += [Ask("name", "name_one", noun(things[0]["thing"], lang), about=ids(things[0]))] * 2
    return found


def listing(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Everything that is there, without numbers and places."""
    groups = grouped(facts["things"])
    names = [noun(group[0]["thing"], lang) for group in groups]
    told = tuple((name, ids(*group)) for name, group in zip(names, groups, strict=True))
    return [Ask("list", "list_things", language.listed(names, lang), told=told)]


def stranger(facts: Facts, rng: random.Random) -> str:
    """The name of a thing that is not there, at times of one like a thing that is: a cat beside a dog."""
    there = {fact["thing"] for fact in facts["things"]}
    untaught = rng.random() < UNTAUGHT
    away = [thing for thing in taught("all" if untaught else facts["scope"]) if thing.name not in there]
    kinds = {_named()[name].group for name in there} if rng.random() < KIN else set[str]()
    return rng.choice([thing for thing in away if thing.group in kinds] or away).name


def count(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """How many there are of each thing, and sometimes of one that is not there."""
    found = []
    for group in grouped(facts["things"]):
        if article_of(group[0]["thing"]) == MASS:
            continue
        name = group[0]["thing"]
        slots = {"ns": noun(name, lang, many=True)}
        found.append(Ask("count", "count", str(len(group)), slots, ids(*group), measure=measure(name)))
    if rng.random() < NONE_ASKED:
        name = stranger(facts, rng)
        found.append(Ask("count", "count", "0", {"ns": noun(name, lang, many=True)}, (), measure=measure(name)))
    return found


def measure(name: str) -> str:
    """What Chinese counts a thing by where that is not 个."""
    thing = _named()[name]
    return measure_of(thing.zh, thing.group)


def position(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Where a thing is that is there once."""
    things = facts["things"]
    return [
        Ask("position", "position", language.place(fact["place"], lang), {"it": the(fact["thing"], lang)}, ids(fact))
        for fact in things
        if alone(fact, things, "thing")
    ]


def tint(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The colour of a thing that has one."""
    return [
        Ask("colour", "color_of", language.colour(fact["colour"], lang), {"s": noun(fact["thing"], lang)}, ids(fact))
        for fact in facts["things"]
        if fact["colour"] not in ("", fact["thing"]) and alone(fact, facts["things"], "thing")
    ]


def exists(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether something is there: one that is, one that is not."""
    there = rng.choice(facts["things"])["thing"]
    same = ids(*(fact for fact in facts["things"] if fact["thing"] == there))
    yes = Ask("exists", "exists", YES["exists"][lang][True], {"a": a(there, lang)}, same)
    return [yes, Ask("exists", "exists", YES["exists"][lang][False], {"a": a(stranger(facts, rng), lang)}, ())]


def relation(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What is beside a thing, and yes or no for a pair, as often yes as no."""
    things = facts["things"]
    single, found = [fact for fact in things if alone(fact, things, "thing")], []
    for fact in single:
        for key, words in RELATIONS.items():
            side = [other for other in things if other is not fact and related(other, key, fact)]
            if len(side) == 1:
                slots, answer = {"r": words[lang == "zh"], "it": the(fact["thing"], lang)}, noun(side[0]["thing"], lang)
                found.append(Ask("relation", "relation_what", answer, slots, ids(fact), ids(side[0])))
    for one in single:
        for two in single:
            sides = [key for key in RELATIONS if related(one, key, two)]
            if one is two or not sides:
                continue
            truth, key = rng.random() < 0.5, rng.choice(sides)
            words = RELATIONS[key if truth else OPPOSITE[key]]
            slots = {"r": words[lang == "zh"], "it": the(one["thing"], lang), "other": the(two["thing"], lang)}
            found.append(Ask("relation", "relation_is", YES["is"][lang][truth], slots, ids(one), ids(two)))
    return found
