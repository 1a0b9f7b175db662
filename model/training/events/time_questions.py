"""Questions about time and scenes: when something happens, what happens or is there at a moment, how long it all is."""

import math
import random
from typing import Any

from model.training import language
from model.training.asking import Ask
from model.training.events import calling, says
from model.training.events.facts import far, going_on, moments, there
from model.training.events.questions import name
from model.training.events.tokens import half_class
from model.training.picture_questions import YES, Maker, ids
from model.training.sample import TIMES, Facts, Lang, Number

RANKED: dict[Lang, tuple[str, ...]] = {"en": ("first", "second", "third"), "zh": ("第一个", "第二个", "第三个")}
LAST: dict[Lang, str] = {"en": "last", "zh": "最后一个"}
ONE_SCENE = 0.17  # share of the clips of one scene in which it is asked for, so that one is no better a guess than two
WRONG = 2  # steps that a false time is off at least


def length(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """How long the clip is."""
    told = (number(facts["seconds"]),)
    return [Ask("length", "clip_length", says.seconds(facts["seconds"], lang), numbers=told)]


def number(second: float) -> Number:
    """What the figures of a time say."""
    return f"{second:g}", None, TIMES + half_class(second)


def when_slots(facts: Facts, event: Facts, rng: random.Random, lang: Lang) -> dict[str, str] | None:
    """How to ask when an event happens: who does what; None where it has no time or nobody can be named."""
    it = name(facts, event, rng, lang)
    if event["at"] is None or it is None:
        return None
    if event["what"] != "meet":
        return {"it": it, "w": says.starting(event["what"], lang)}
    other = calling.noun(facts, facts["things"][event["other"]], lang)
    return {"it": it, "w": f"meet the {other}" if lang == "en" else f"碰到{other}"}


def moment(second: float, shown: Facts) -> dict[str, Any]:
    """What the figures of a time say, and where they are read: at the media tokens that show the beginning of an event
    or of a scene.
    """
    told, cells = number(second), tuple(shown.get("cells", ()))
    return {"spots": ((told[0], (cells,) * len(told[0])),), "numbers": (told,)}


def when(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """When an event happens, and whether it happens at a given time."""
    found: list[Ask] = []
    for event in facts["events"]:
        slots = when_slots(facts, event, rng, lang)
        if slots is None:
            continue
        about = (event["id"],)
        asked = Ask("when", "event_when", says.at(event["at"], lang), slots, about, **moment(event["at"], event))
        found += [asked, asked, asked]
        wrong = [n for n in facts["names"] if abs(n - event["at"]) >= WRONG * facts["step"]]
        truth = rng.random() < 0.5
        if wrong:
            second = event["at"] if truth else rng.choice(wrong)
            found.append(Ask("time", "when_is", YES["is"][lang][truth], slots | clocked(second, lang), about))
    return found


def clocked(second: float, lang: Lang) -> dict[str, str]:
    """The ways in which wordings name a moment."""
    return {"at": says.at(second, lang), "n": f"{second:g}", "t": says.seconds(second, lang)}


def at_second(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What happens at a moment: one event, or nothing (asked once)."""
    if len(facts["scenes"]) > 1:
        return []
    found, idle = list[Ask](), list[Ask]()
    for second in facts["names"]:
        going = going_on(facts, second)
        if going is None or len(going) > 1 or second >= facts["seconds"]:
            continue
        slots = clocked(second, lang)
        if going:
            about = (going[0]["id"],)
            found.append(Ask("time", "at_second", says.clause(facts, going[0], lang), slots, about))
        elif far(facts, second, moments(facts)):
            idle.append(Ask("time", "at_second", says.NOTHING_HAPPENS[lang], slots, ()))
    return found + rng.sample(idle, min(1, len(idle)))


def seen(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What is there at the start, at the end and at a moment between."""
    found: list[Ask] = []
    within = [("there_at", second) for second in facts["names"] if second < facts["seconds"]]
    for key, second in [("there_start", -math.inf), ("there_end", math.inf), *within]:
        things = there(facts, second)
        if things is not None:
            told = tuple((calling.one(facts, fact, lang), (fact["id"],)) for fact in things)
            answer = language.listed([phrase for phrase, _ in told], lang) if told else says.NOTHING[lang]
            slots = clocked(second, lang) if key == "there_at" else {}
            found.append(Ask("there", key, answer, slots, ids(*things), told=told))
    return found


def scenes(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """How many scenes there are, what each shows on which background, and when one follows the other."""
    count = len(facts["scenes"])
    found = [
        Ask("scene", "scenes", str(count)),
        Ask("scene", "scene_is", YES["exists"][lang][count > 1]),
    ]
    if count == 1:
        return [ask for ask in found if rng.random() < ONE_SCENE]
    for number, scene in enumerate(facts["scenes"]):
        nth = LAST[lang] if number == count - 1 and rng.random() < 0.5 else RANKED[lang][number]
        inside = ids(*(fact for fact in facts["things"] if fact["scene"] == number))
        found.append(Ask("scene", "scene_in", says.things_of(facts, lang, number), {"nth": nth}, inside))
        tint = language.colour(scene["background"], lang)
        found.append(Ask("scene", "scene_background", tint, {"nth": nth}))
    if count == 2 and facts["scenes"][1]["at"] is not None:
        second = facts["scenes"][1]["at"]
        asked = Ask("when", "scene_when", says.at(second, lang), **moment(second, facts["scenes"][1]))
        found += [asked, asked]
    return found


MAKERS: tuple[Maker, ...] = (length, when, at_second, seen, scenes)
