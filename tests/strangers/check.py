"""Is an English description of a drawing true: every thing named is there, nothing is missing, nothing contradicts.

A description is read with a small grammar, wider than the canonical captions: things listed with their number, colour,
shape and, if it is told, place, and the background. What the grammar cannot read does not count as true.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAME = {
    "grey": "gray",
    "violet": "purple",
    "centre": "center",
    "middle": "center",
    "upper": "top",
    "lower": "bottom",
    "ellipse": "oval",
    "rhombus": "diamond",
    "plus": "cross",
    "moon": "crescent",
    "disc": "circle",
    "disk": "circle",
    "donut": "ring",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
SHAPES = ("circle", "ring", "heart", "crescent", "square", "rectangle", "triangle", "pentagon", "hexagon", "diamond")
SHAPES += ("star", "cross", "oval", "arrow", "ellipse", "rhombus", "plus", "moon", "disc", "disk", "donut")
TINT = rf"(?:dark |light |bright )?(?:{'|'.join((*COLOURS, 'grey', 'violet'))})"
COUNT = rf"(?:an?|the|\d|{'|'.join(NUMBERS)})"
KIND = rf"(?:{'|'.join(SHAPES)})"
WHERE = r"(?:(?:top|bottom|upper|lower|left|right|center|centre|middle)(?: |-)?)+"
SIDE = r"(?: (?:corner|side|part|edge|half))?(?: of (?:the|this) (?:picture|image|page|drawing))?"
BACKGROUND = re.compile(
    rf",? ?\b(?:and )?(?:(?:on|against|over) an? (?:plain |solid )?({TINT}) background|the background is ({TINT}))"
)
OPENING = re.compile(r"^(?:there (?:is|are)|(?:the|this|an?) (?:picture|image|drawing) (?:shows|has|contains)) ")
BREAK = re.compile(r"\s*(?:,? and |, |; |\. )\s*")
ITEM = re.compile(
    rf"({COUNT}) (?:(?:large|big|small|little) )?(?:solid |filled )?({TINT}) ({KIND})(?:s|es)?"
    rf"(?: (?:is |are )?(?:on|at|in|to|near) the ({WHERE}){SIDE})?"
)
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """What a description says of one kind of thing: how many, which colour and shape, and where, if it tells."""

    count: int
    colour: str
    shape: str
    place: frozenset[str]


@dataclass(frozen=True)
class Told:
    """A description that was understood."""

    claims: tuple[Claim, ...]
    background: str


def plain(word: str) -> str:
    """The usual name, without words like "dark" before it."""
    last = word.split()[-1]
    return SAME.get(last, last)


def number(word: str) -> int:
    """How many "a", "three" or "3" are."""
    if word.isdigit():
        return int(word)
    return NUMBERS.index(word) if word in NUMBERS else 1


def parse(text: str) -> Told | None:
    """Read a description, or nothing if any of it is not understood."""
    rest = OPENING.sub("", re.sub(r"\s+", " ", text).strip().rstrip(".").lower())
    grounds = {plain(one or other) for one, other in BACKGROUND.findall(rest)}
    rest = BACKGROUND.sub("", rest).strip(" ,.")
    found = [ITEM.fullmatch(item) for item in BREAK.split(rest)] if rest else []
    if not found or None in found or len(grounds) > 1:
        return None
    claims = []
    for count, colour, shape, where in (match.groups() for match in found if match):
        words = frozenset(plain(word) for word in re.split(r"[ -]", where or "") if word)
        claims.append(Claim(number(count), plain(colour), plain(shape), words))
    return Told(tuple(claims), next(iter(grounds), ""))


def kinds(facts: Facts) -> Counter[tuple[str, str]]:
    """How many of each colour and shape a drawing has."""
    return Counter((thing["colour"], thing["shape"]) for thing in facts["things"])


def lies(claimed: frozenset[str], place: str) -> bool:
    """Say whether a thing is where it is said to be; "top" is true of what is at the top left."""
    return claimed <= frozenset(place.split())


def matched(wanted: Sequence[frozenset[str]], places: Sequence[str]) -> bool:
    """Say whether each claimed thing can be another one of those that are there."""
    if not wanted:
        return True
    return any(
        lies(wanted[0], place) and matched(wanted[1:], [*places[:index], *places[index + 1 :]])
        for index, place in enumerate(places)
    )


def faults(text: str, facts: Facts) -> list[str]:
    """What is wrong with a description; an empty list is a true one."""
    told = parse(text)
    if told is None:
        return ["not understood"]
    found = []
    if told.background and told.background != facts["background"]:
        found.append(f"the background is {facts['background']}, not {told.background}")
    said: Counter[tuple[str, str]] = Counter()
    for claim in told.claims:
        said[claim.colour, claim.shape] += claim.count
    there = kinds(facts)
    for kind in sorted(said.keys() | there.keys()):
        if said[kind] != there[kind]:
            found.append(f"{' '.join(kind)}: there are {there[kind]}, said are {said[kind]}")
            continue
        wanted = [c.place for c in told.claims if (c.colour, c.shape) == kind for _ in range(c.count)]
        if not matched(wanted, [t["place"] for t in facts["things"] if (t["colour"], t["shape"]) == kind]):
            found.append(f"{' '.join(kind)}: not where it is said to be")
    return found
