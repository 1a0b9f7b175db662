"""Which questions a picture's facts can answer: shape, colour, count, place, relation, existence, background, text."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from model.training import colours, language, strangers
from model.training.asking import Ask
from model.training.sample import Facts, Lang
from model.training.things import shapes

RELATIONS = {
    "left": ("to the left of", "左边"),
    "right": ("to the right of", "右边"),
    "above": ("above", "上方"),
    "below": ("below", "下方"),
}
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
YES = {
    "exists": {"en": ("no", "yes"), "zh": ("没有", "有")},
    "is": {"en": ("no", "yes"), "zh": ("不是", "是")},
}
NONE_ASKED = 0.2  # share of pictures in which something is counted that is not there
Maker = Callable[[Facts, random.Random, Lang], list[Ask]]


def shape_facts(facts: Facts) -> list[Facts]:
    """The things that are shapes, without words."""
    return [fact for fact in facts["things"] if "text" not in fact]


def ids(*facts: Facts) -> tuple[int, ...]:
    """The numbers of things, in order."""
    return tuple(sorted(fact["id"] for fact in facts))


def alone(fact: Facts, things: list[Facts], *keys: str) -> bool:
    """Say whether no other thing has the same values under `keys`."""
    return sum(all(other[key] == fact[key] for key in keys) for other in things) == 1


def references(fact: Facts, facts: Facts, lang: Lang) -> list[str]:
    """The ways to name one thing so that no other can be meant; empty when there is none."""
    things = facts["things"]
    if "text" in fact:
        if sum("text" in other for other in things) > 1:
            return []
        kind = "number" if fact["text"].isdigit() else "word"
        return [f"the {kind}"] if lang == "en" else ["数字" if kind == "number" else "文字"]
    found = []
    if alone(fact, things, "thing"):
        found.append(language.shape(fact["thing"], lang))
    if alone(fact, things, "colour"):
        found.append(f"{fact['colour']} thing" if lang == "en" else f"{colours.CHINESE[fact['colour']]}的图形")
    if alone(fact, things, "thing", "colour"):
        found.append(language.noun(fact, lang))
    return [f"the {name}" if lang == "en" else name for name in found]


def located(fact: Facts, lang: Lang) -> str:
    """A place as questions say it: "at the top left", "左上角"."""
    name = language.place(fact["place"], lang)
    return language.at_place(name) if lang == "en" else name


def caption(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption."""
    parts = language.caption_parts(facts, lang)
    told = tuple((phrase, ids(*group)) for phrases, group in parts for phrase in phrases if phrase)
    return [Ask("caption", "caption", language.caption(facts, lang), told=told)]


def shape(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The shape of the only thing, of the one of some colour, of the one at some place."""
    things, found = shape_facts(facts), []
    for fact in things:
        answer = language.shape(fact["thing"], lang)
        if len(things) == 1:
            found.append(Ask("shape", "shape_one", answer, about=ids(fact)))
        if alone(fact, things, "colour"):
            found.append(Ask("shape", "shape_of", answer, {"c": language.colour(fact["colour"], lang)}, ids(fact)))
        found.append(Ask("shape", "shape_at", answer, {"p": located(fact, lang)}, ids(fact)))
    return found


def colour(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The colour of the only thing, of a named shape, of the word, of the thing at some place."""
    things, found = facts["things"], []
    for fact in things:
        answer = language.colour(fact["colour"], lang)
        if "text" in fact:
            if names := references(fact, facts, lang):
                found.append(Ask("colour", "color_of", answer, {"s": names[0].removeprefix("the ")}, ids(fact)))
            continue
        if len(things) == 1:
            found.append(Ask("colour", "color_one", answer, about=ids(fact)))
        if alone(fact, things, "thing"):
            found.append(Ask("colour", "color_of", answer, {"s": language.shape(fact["thing"], lang)}, ids(fact)))
        found.append(Ask("colour", "color_at", answer, {"p": located(fact, lang)}, ids(fact)))
    return found


def colour_is(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether a thing has a colour, as often yes as no; if not, often one that is in the picture."""
    things, found = shape_facts(facts), []
    for fact in things:
        if not alone(fact, things, "thing"):
            continue
        others = [name for name in colours.NAMES if name != fact["colour"]]
        near = [other["colour"] for other in things if other["colour"] != fact["colour"]]
        truth = rng.random() < 0.5
        tint = fact["colour"] if truth else rng.choice(near if near and rng.random() < 0.5 else others)
        name = language.shape(fact["thing"], lang)
        slots = {"it": f"the {name}" if lang == "en" else name, "c": language.colour(tint, lang)}
        found.append(Ask("colour", "color_is", YES["is"][lang][truth], slots, ids(fact)))
    return found


def all_colours(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Every colour that there is: those of the things as a caption tells them, then that of the background."""
    if any("border" in fact for fact in facts["things"]):
        return []  # its colour is there too, but no caption tells it
    groups: dict[str, list[Facts]] = {}
    for fact in sorted(facts["things"], key=lambda fact: fact["place"]):
        groups.setdefault(fact["colour"], []).append(fact)
    told = tuple((language.colour(name, lang), ids(*group)) for name, group in groups.items())
    names = [language.colour(name, lang) for name in dict.fromkeys((*groups, facts["background"]))]
    return [Ask("colour", "colors_all", language.listed(names, lang), told=told)]


def count(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """How many shapes in all, of a kind, of a colour, of a kind and colour; of a single one or of none asked once."""
    things = shape_facts(facts)
    if not things:
        return []
    every = "shapes" if lang == "en" else "图形"
    found = [Ask("count", "count", str(len(things)), {"ns": every}, ids(*things))]
    for fact in things:
        tint = f"{fact['colour']} {every}" if lang == "en" else f"{colours.CHINESE[fact['colour']]}的{every}"
        kinds = ((("thing",), language.shape(fact["thing"], lang, True)), (("colour",), tint))
        for keys, name in (*kinds, (("thing", "colour"), language.noun(fact, lang, True))):
            same = ids(*(other for other in things if all(other[key] == fact[key] for key in keys)))
            found.append(Ask("count", "count", str(len(same)), {"ns": name}, same))
    ones = [ask for ask in found if ask.answer == "1"]
    found = [ask for ask in found if ask.answer != "1"] + rng.sample(ones, min(1, len(ones)))
    if rng.random() < NONE_ASKED:
        found.append(Ask("count", "count", "0", {"ns": language.noun(absent(facts, rng), lang, True)}, ()))
    return found


def position(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Where a thing is, and what is at a place."""
    found = []
    for fact in facts["things"]:
        if names := references(fact, facts, lang):
            where = language.place(fact["place"], lang)
            found.append(Ask("position", "position", where, {"it": rng.choice(names)}, ids(fact)))
        found.append(Ask("position", "at_place", language.noun(fact, lang), {"p": located(fact, lang)}, ids(fact)))
    return found


def related(one: Facts, relation: str, two: Facts) -> bool:
    """Say whether `one` stands left of, right of, above or below `two`, by whole places."""
    axis = 1 if relation in ("left", "right") else 0
    step = one["place"][axis] - two["place"][axis]
    return bool(step < 0 if relation in ("left", "above") else step > 0)


def relation(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What is beside a thing, where only one can be meant; and yes or no for a pair, as often yes as no."""
    things, found = facts["things"], []
    named = [(fact, rng.choice(names)) for fact in things if (names := references(fact, facts, lang))]
    for fact, name in named:
        for key, words in RELATIONS.items():
            side = [other for other in things if other is not fact and related(other, key, fact)]
            if len(side) == 1:
                slots, answer = {"r": words[lang == "zh"], "it": name}, language.noun(side[0], lang)
                found.append(Ask("relation", "relation_what", answer, slots, ids(fact), ids(side[0])))
    for one, name in named:
        for two, other in named:
            sides = [key for key in RELATIONS if related(one, key, two)]
            if one is two or not sides:
                continue
            truth = rng.random() < 0.5
            key = rng.choice(sides)
            words = RELATIONS[key if truth else OPPOSITE[key]]
            slots = {"r": words[lang == "zh"], "it": name, "other": other}
            found.append(Ask("relation", "relation_is", YES["is"][lang][truth], slots, ids(one), ids(two)))
    return found


def absent(facts: Facts, rng: random.Random, names: Sequence[str] = ()) -> Facts:
    """A shape (one of `names`, where given) and colour that are not there together; mostly one half of it is."""
    things = shape_facts(facts)
    while True:
        thing, tint = rng.choice(names or shapes()), rng.choice(colours.NAMES)
        if things and rng.random() < 0.6:
            near = rng.choice(things)
            thing, tint = (near["thing"], tint) if rng.random() < 0.5 else (thing, near["colour"])
        if all(fact["thing"] != thing or fact["colour"] != tint for fact in things) and tint != facts["background"]:
            return {"thing": thing, "colour": tint}


def exists(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether something is there: two that are, two that are not; by shape alone or with its colour."""
    things, found = shape_facts(facts), []
    if not things:
        return []
    for truth in (True, False):
        for bare in (True, False):
            fact = rng.choice(things) if truth else absent(facts, rng)
            if not truth and bare and any(other["thing"] == fact["thing"] for other in things):
                fact = fact | {"thing": rng.choice([s for s in shapes() if all(o["thing"] != s for o in things)])}
            found.append(asked_for(facts, fact, bare, lang))
    return [unlike(ask, rng, lang) for ask in found]


def asked_for(facts: Facts, fact: Facts, bare: bool, lang: Lang) -> Ask:
    """Whether there is such a thing, by shape alone if `bare`."""
    name = language.noun(fact, lang, tinted=not bare)
    keys = ("thing",) if bare else ("thing", "colour")
    same = ids(*(other for other in facts["things"] if all(other.get(key) == fact[key] for key in keys)))
    slots = {"a": language.article(name) if lang == "en" else name}
    return Ask("exists", "exists", YES["exists"][lang][bool(same)], slots, same)


def unlike(ask: Ask, rng: random.Random, lang: Lang) -> Ask:
    """A question about what is not there, at times about something that is no shape at all."""
    if ask.about or rng.random() >= strangers.ASKED:
        return ask
    return replace(ask, slots={"a": strangers.stranger(rng, lang)})


def background(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The colour of the background."""
    return [Ask("background", "background", language.colour(facts["background"], lang))]


def read(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The text, as it is written."""
    texts = [fact for fact in facts["things"] if "text" in fact]
    return [Ask("read", "read", texts[0]["text"], about=ids(texts[0]))] if len(texts) == 1 else []


MAKERS: tuple[Maker, ...] = (
    caption, shape, colour, colour_is, all_colours, count, position, relation, exists, background, read,
)  # fmt: skip
