"""Which questions a clip's facts can answer: what happens, which way, to what, and in which order."""

import random
from collections.abc import Sequence

from model.training import language
from model.training.asking import Ask
from model.training.clips import MOTIONS
from model.training.picture_questions import YES, Maker, background, colour, exists, references, shape
from model.training.sample import Facts, Lang

WAYS = {
    "en": {"left": "left", "right": "right", "up": "up", "down": "down", "still": "it does not move"},
    "zh": {"left": "向左", "right": "向右", "up": "向上", "down": "向下", "still": "没有移动"},
}
RANKS = {"en": ("first", "last"), "zh": ("先发生", "后发生")}
PLAIN = {
    "en": {
        "appear": "appear",
        "vanish": "disappear",
        "grow": "get bigger",
        "shrink": "get smaller",
        "recolour": "change color",
    },
    "zh": {"appear": "出现", "vanish": "消失", "grow": "变大", "shrink": "变小", "recolour": "变色"},
}
THIRD = {
    "en": {
        "appear": "appears",
        "vanish": "disappears",
        "grow": "gets bigger",
        "shrink": "gets smaller",
        "recolour": "changes color",
    },
    "zh": PLAIN["zh"],
}


def named(facts: Facts, event: Facts, lang: Lang) -> list[str]:
    """How a thing of an event can be named; one that changes colour only by its shape."""
    fact = facts["things"][event["id"]]
    names = references(fact, facts, lang)
    if event["what"] != "recolour":
        return names
    bare = language.shape(fact["thing"], lang)
    return [name for name in names if name.removeprefix("the ") == bare]


def caption(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption of a clip."""
    ordered, others = language.clip_parts(facts)
    told = tuple((language.told(facts, event, lang), (event["id"],)) for event in (*ordered, *others))
    return [Ask("caption", "clip", language.clip_caption(facts, lang), told=told)]


def motion(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Which way a thing moves, and whether it moves."""
    found = []
    for event in facts["events"]:
        if event["what"] not in (*MOTIONS, "still"):
            continue
        for name in rng.sample(names := named(facts, event, lang), min(1, len(names))):
            way = Ask("motion", "motion", WAYS[lang][event["what"]], {"it": name}, (event["id"],))
            moves = event["what"] != "still"
            asked = Ask("motion", "motion_is", YES["is"][lang][moves], {"it": name}, (event["id"],))
            found += [way, way, asked] if moves else [way, asked]
    return found


def happened(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What appears, disappears or changes; what a thing does; whether such a thing happens at all."""
    found: list[Ask] = []
    kinds = [event["what"] for event in facts["events"]]
    for event in facts["events"]:
        names, what, about = named(facts, event, lang), event["what"], (event["id"],)
        fact = facts["things"][event["id"]]
        if what in THIRD[lang] and kinds.count(what) == 1:
            answer = language.noun(fact, lang, tinted=what != "recolour")
            found += [Ask("event", "event_what", answer, {"v": THIRD[lang][what]}, about)] * 2
        if names:
            how = f"{_it(lang)}{language.verb(event, lang)}"
            found.append(Ask("event", "event_how", how, {"it": rng.choice(names)}, about))
        if what == "recolour" and names:
            tint = language.colour(event["to"], lang)
            found += [Ask("event", "becomes", tint, {"it": rng.choice(names)}, about)] * 2
    for truth in (True, False):
        choices = [what for what in THIRD[lang] if (what in kinds) == truth]
        if choices and any(what in THIRD[lang] for what in kinds):
            what = rng.choice(choices)
            slots = {"w": PLAIN[lang][what], "v": THIRD[lang][what]}
            having = tuple(event["id"] for event in facts["events"] if event["what"] == what)
            found.append(Ask("event", "event_is", YES["exists"][lang][truth], slots, having))
    return found


def _it(lang: Lang) -> str:
    return "it " if lang == "en" else "它"


def order(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Which of two events comes first or last, what comes before and after one, whether a stated order is true."""
    ordered = sorted((e for e in facts["events"] if e["order"] is not None), key=lambda event: event["order"])
    if len(ordered) != 2:
        return []
    first, last = (_the(language.clause(facts, event, lang), lang) for event in ordered)
    return two_in_order((first, last), [(event["id"],) for event in ordered], rng, lang)


def two_in_order(
    clauses: tuple[str, str], things: Sequence[tuple[int, ...]], rng: random.Random, lang: Lang
) -> list[Ask]:
    """What can be asked of two events in their order, from what each says and whom it is about."""
    (first, last), (one, two) = clauses, things
    return [
        Ask("order", "order_first", first, about=one, other=two),
        Ask("order", "order_last", last, about=two, other=one),
        Ask("order", "order_before", first, {"one": last}, two, one),
        Ask("order", "order_after", last, {"one": first}, one, two),
        rng.choice((
            Ask("order", "order_when", RANKS[lang][0], {"one": first}, one, two),
            Ask("order", "order_when", RANKS[lang][1], {"one": last}, two, one),
        )),
        Ask("order", "order_is", YES["is"][lang][True], {"one": first, "two": last}, one, two),
        Ask("order", "order_is", YES["is"][lang][False], {"one": last, "two": first}, two, one),
    ]  # fmt: skip


def _the(text: str, lang: Lang) -> str:
    return f"the {text}" if lang == "en" else text


def steady(facts: Facts) -> Facts:
    """The facts without things whose look or presence changes, and none of the places, which change."""
    lasting = {e["id"] for e in facts["events"] if e["what"] in (*MOTIONS, "still")}
    return facts | {"things": [fact for fact in facts["things"] if fact["id"] in lasting]}


def look(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Shape, colour and existence in a clip where nothing comes, goes or changes its look."""
    kept = steady(facts)
    if len(kept["things"]) != len(facts["things"]):
        return []
    found = shape(facts, rng, lang) + colour(facts, rng, lang) + exists(facts, rng, lang)
    return [ask for ask in found if "p" not in ask.slots]


MAKERS: tuple[Maker, ...] = (caption, motion, happened, order, look, background)
