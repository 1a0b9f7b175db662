"""Questions about boxes: where is a thing, where are all things of a kind, what is inside a box."""

import random
from collections.abc import Callable

from model.training import language
from model.training.asking import Ask
from model.training.boxes import UNIT, overlap, snapped, written
from model.training.drawing.asks import absent_shape
from model.training.drawing.forms import SHAPES
from model.training.drawing.names import where_of
from model.training.picture_questions import absent, ids, references
from model.training.sample import Facts, Lang, Number, Told

MOST = 4  # boxes in one answer
LONGEST = 48 * MOST  # tokens of an answer: every box takes about forty, and its label some
FARTHEST = 112  # units along the longest side; a number beyond counts as this one
ABSENT = 0.5  # questions about what is not there, for each picture and wording
NOTHING = {"en": "nothing", "zh": "没有东西"}
Called = Callable[[Facts, Lang], str]  # what the box of a thing is labelled with


def answered(
    things: list[Facts], facts: Facts, lang: Lang, called: Called = language.noun
) -> tuple[str, tuple[Told, ...], tuple[Number, ...]]:
    """The boxes of some things row by row, and which thing each label and number is read from."""
    found, told, numbers = [], list[Told](), list[Number]()
    for fact in sorted(things, key=lambda fact: (fact["place"], fact["box"][0])):
        box, label = snapped(fact["box"], facts["size"]), called(fact, lang)
        found.append((box, label))
        told.append((label, ids(fact)))
        for value, ending in zip(box, ",,,]", strict=True):
            numbers.append((f"{value}{ending}", ids(fact), min(value // UNIT, FARTHEST) + 1))
    return written(found), tuple(told), tuple(numbers)


def the(name: str, lang: Lang) -> str:
    """A name as a question says it."""
    return f"the {name}" if lang == "en" else name


def locate(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The box of one thing that a name, a look or a place can mean; none of what is not there."""
    found = []
    for fact in facts["things"]:
        ways = references(fact, facts, lang)
        name = rng.choice(ways) if ways and rng.random() < 0.85 else where_of(fact, lang)
        answer, told, numbers = answered([fact], facts, lang)
        found.append(Ask("locate", "locate", answer, {"it": name}, ids(fact), told=told, numbers=numbers))
    if rng.random() < ABSENT:
        name = absent_name(facts, rng, lang, many=False)
        found.append(Ask("locate", "locate", "[]", {"it": the(name, lang)}, ()))
    return found


def absent_name(facts: Facts, rng: random.Random, lang: Lang, many: bool) -> str:
    """What is not there: a shape, or a shape in a colour."""
    if rng.random() < 0.4:
        return language.shape(absent_shape(facts, rng), lang, many)
    return language.noun(absent(facts, rng, SHAPES), lang, many)


def kinds(facts: Facts, lang: Lang) -> dict[str, list[Facts]]:
    """Things by the names that several can share: a shape, a colour, both, all."""
    found: dict[str, list[Facts]] = {"shapes" if lang == "en" else "图形": list(facts["things"])}
    for fact in facts["things"]:
        tint = f"{fact['colour']} shapes" if lang == "en" else f"{language.colour(fact['colour'], lang)}的图形"
        for name in (language.shape(fact["thing"], lang, True), tint, language.noun(fact, lang, True)):
            found.setdefault(name, []).append(fact)
    return found


def locate_all(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The boxes of all things of a kind: of at most two kinds with several, of one with a single thing, of none."""
    several, ones = [], []
    for name, things in kinds(facts, lang).items():
        answer, told, numbers = answered(things, facts, lang)
        asked = Ask("locate_all", "locate_all", answer, {"ns": name}, ids(*things), told=told, numbers=numbers)
        if len(things) == 1:
            ones.append(asked)
        elif len(things) <= MOST:
            several.append(asked)
    found = rng.sample(several, min(2, len(several))) + rng.sample(ones, min(1, len(ones)))
    if rng.random() < ABSENT:
        found.append(Ask("locate_all", "locate_all", "[]", {"ns": absent_name(facts, rng, lang, many=True)}, ()))
    return found


def shaken(rng: random.Random, box: tuple[int, int, int, int], facts: Facts) -> str:
    """A box as somebody draws it by hand: each side at most one unit off."""
    height, width = facts["size"]
    moved = [value + rng.choice((-UNIT, 0, 0, UNIT)) for value in box]
    return str([min(max(0, value), side) for value, side in zip(moved, (width, height, width, height), strict=True)])


def empty_box(facts: Facts, rng: random.Random) -> tuple[int, int, int, int] | None:
    """A box of 28 to 56 pixels a side that nothing reaches into; None where none was found."""
    height, width = facts["size"]
    for _ in range(12):
        across, down = (rng.randrange(28, 57, UNIT) for _ in range(2))
        left, top = rng.randrange(0, width - across + 1, UNIT), rng.randrange(0, height - down + 1, UNIT)
        box = (left, top, left + across, top + down)
        wide = (left - UNIT, top - UNIT, box[2] + UNIT, box[3] + UNIT)
        if all(overlap(wide, fact["box"]) == 0 for fact in facts["things"]):
            return box
    return None


def inside(facts: Facts, rng: random.Random, lang: Lang, called: Called = language.noun) -> list[Ask]:
    """What is in a box: the thing it was drawn around, or nothing."""
    found = []
    for fact in facts["things"]:
        box = shaken(rng, snapped(fact["box"], facts["size"]), facts)
        found.append(Ask("inside", "inside", called(fact, lang), {"b": box}, ids(fact)))
    if rng.random() < ABSENT and (empty := empty_box(facts, rng)) is not None:
        found.append(Ask("inside", "inside", NOTHING[lang], {"b": str(list(empty))}, ()))
    return found
