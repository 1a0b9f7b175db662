"""Which questions a clip with a clock can answer: what happens, which way, how fast, how often and in which order."""

import random

from model.training import language
from model.training.asking import Ask
from model.training.clip_questions import two_in_order
from model.training.events import calling, says
from model.training.events.acts import WAYS
from model.training.picture_questions import YES, Maker, alone, exists
from model.training.picture_questions import background as one_background
from model.training.picture_questions import colour as tints
from model.training.picture_questions import shape as forms
from model.training.sample import Facts, Lang

LOOKING = (*WAYS, "circle", "bounce", "spin", "still", "meet")  # what changes neither look nor presence

STAYING = 0.42  # share of the things that stay of which it is asked: there are more of them than of those that move
APART = 0.5  # share of the clips without a meeting in which one is asked for


def caption(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption."""
    return [Ask("caption", "clip", says.caption(facts, lang), told=says.phrases(facts, lang))]


def names(facts: Facts, event: Facts, lang: Lang) -> list[str]:
    """How a thing of an event can be named; one that changes colour only by its shape."""
    fact = facts["things"][event["id"]]
    if event["what"] != "recolour":
        return calling.references(fact, facts, lang)
    if not alone(fact, facts["things"], "thing"):
        return []
    bare = language.shape(fact["thing"], lang)
    return [f"the {bare}" if lang == "en" else bare]


def name(facts: Facts, event: Facts, rng: random.Random, lang: Lang) -> str | None:
    """One of the names, None where there is none."""
    every = names(facts, event, lang)
    return rng.choice(every) if every else None


def motion(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Which way a thing moves, whether it moves, and how fast."""
    found: list[Ask] = []
    for event in facts["events"]:
        it, what, about = name(facts, event, rng, lang), event["what"], (event["id"],)
        if it is None or what not in says.MOTION[lang]:
            continue
        way = Ask("motion", "motion", says.MOTION[lang][what], {"it": it}, about)
        asked = Ask("motion", "motion_is", YES["is"][lang][what != "still"], {"it": it}, about)
        if what == "still":
            found += [ask for ask in (way, asked) if rng.random() < STAYING]
        else:
            found += [way, way, asked]
        if "pace" in event:
            found += [Ask("motion", "pace", says.PACES[lang][event["pace"]], {"it": it}, about)] * 2
    return found


def happened(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What a thing does, which thing does it, how often it blinks, and whether anything does such a thing."""
    found: list[Ask] = []
    kinds = [event["what"] for event in facts["events"]]
    third, plain = says.THIRD[lang], says.PLAIN[lang]
    for event in facts["events"]:
        it, what, about = name(facts, event, rng, lang), event["what"], (event["id"],)
        if what in third and kinds.count(what) == 1:
            answer = calling.noun(facts, facts["things"][event["id"]], lang, tinted=what != "recolour")
            found += [Ask("event", "event_what", answer, {"v": third[what]}, about)] * 2
        if it and what != "meet" and len(facts["scenes"]) == 1:
            how = f"it {says.verb(event, lang)}" if lang == "en" else f"它{says.verb(event, lang)}"
            found.append(Ask("event", "event_how", how, {"it": it}, about))
        if it and what == "recolour":
            found += [Ask("event", "becomes", language.colour(event["to"], lang), {"it": it}, about)] * 2
        if it and what == "blink":
            found += [Ask("event", "blinks", str(event["times"]), {"it": it}, about)] * 3
    if not any(what in plain for what in kinds):
        return found
    for truth in (True, False):
        if choices := [what for what in plain if (what in kinds) == truth]:
            what = rng.choice(choices)
            slots = {"w": plain[what], "v": third[what]}
            having = tuple(event["id"] for event in facts["events"] if event["what"] == what)
            found.append(Ask("event", "event_is", YES["exists"][lang][truth], slots, having))
    return found


def meeting(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether two things meet, asked where two are there and one of them moves, and what a thing meets."""
    if len(facts["things"]) < 2 or len(facts["scenes"]) > 1:
        return []
    pair = [event for event in facts["events"] if event["what"] == "meet"]
    ids = tuple(event["id"] for event in pair)
    if not pair and not any(event["what"] in WAYS for event in facts["events"]):
        return []
    found = [Ask("event", "meet_is", YES["exists"][lang][bool(pair)], about=ids)]
    if not pair and rng.random() >= APART:
        return []
    for event in pair:
        if it := name(facts, event, rng, lang):
            other = facts["things"][event["other"]]
            found.append(
                Ask("event", "meets", calling.noun(facts, other, lang), {"it": it}, (event["id"],), (other["id"],))
            )
    return found


def order(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Which of two events comes first or last, what comes before and after one, whether a stated order is true."""
    ordered, _ = says.events_told(facts)
    if len(ordered) != 2:
        return []
    first, last = (says.clause(facts, event, lang) for event in ordered)
    return two_in_order((first, last), [(event["id"],) for event in ordered], rng, lang)


def looking(*makers: Maker) -> Maker:
    """What `makers` ask of a clip where nothing comes, goes or changes its look, and of any the background."""

    def look(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
        """Without what speaks of places, which change."""
        found = one_background(facts, rng, lang) if len(facts["scenes"]) == 1 else []
        if len(facts["scenes"]) > 1 or any(event["what"] not in LOOKING for event in facts["events"]):
            return found
        return found + [ask for maker in makers for ask in maker(facts, rng, lang) if "p" not in ask.slots]

    return look


HAPPENING: tuple[Maker, ...] = (caption, motion, happened, meeting, order)
MAKERS: tuple[Maker, ...] = (*HAPPENING, looking(forms, tints, exists))
