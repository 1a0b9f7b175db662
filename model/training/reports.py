"""Sums up what a model answered: exact answers by part of the world, skill and language, and what `metrics` tells.

A report is plain JSON: `evaluate` makes it, `export` keeps it beside the weights, the card and `compare` read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from model.training import metrics
from model.training.boxes import box_scores

Report = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """One question asked: under which name it is counted, and what came back."""

    name: str
    part: str
    skill: str
    lang: str
    question: str
    wanted: str
    answer: str
    probability: float
    new_pair: bool
    new_wording: bool
    seed: int
    group: str = ""  # of photos: which kind of thing it shows, "unknown" where that cannot be told
    ground: str = ""  # of drawings: what they stand on, "plain" where that is one colour

    @property
    def exact(self) -> bool:
        """Whether the answer is the canonical one, to the letter."""
        return self.answer.strip() == self.wanted


def share(outcomes: Sequence[Outcome]) -> dict[str, float | int]:
    """How many were asked, and what percentage was exact."""
    right = sum(outcome.exact for outcome in outcomes)
    return {"n": len(outcomes), "exact": round(100 * right / len(outcomes), 1) if outcomes else 0.0}


def row(outcomes: Sequence[Outcome]) -> Report:
    """A row of a table: in wordings of training, of these in each language, and in wordings held out of it."""
    known = [outcome for outcome in outcomes if not outcome.new_wording]
    langs = {lang: share([outcome for outcome in known if outcome.lang == lang]) for lang in ("en", "zh")}
    return share(known) | langs | {"new_wording": share([outcome for outcome in outcomes if outcome.new_wording])}


def report(outcomes: Sequence[Outcome]) -> Report:
    """Count by part, skill and language, for unseen pairs, and how sure right and wrong answers were."""
    by_part: dict[str, list[Outcome]] = {}
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_part.setdefault(outcome.part, []).append(outcome)
        by_name.setdefault(outcome.name, []).append(outcome)
    known = [outcome for outcome in outcomes if not outcome.new_wording]
    look = [outcome for outcome in known if outcome.name in ("shape", "colour")]
    sure = {
        word: round(median([o.probability for o in known if o.exact is exact] or [0.0]), 3)
        for word, exact in (("right", True), ("wrong", False))
    }
    return {
        "parts": {part: row(own) for part, own in by_part.items()},
        "skills": {name: row(own) for name, own in sorted(by_name.items())},
        "known_wordings": share(known),
        "new_wordings": share([outcome for outcome in outcomes if outcome.new_wording]),
        "seen_pairs": share([outcome for outcome in look if not outcome.new_pair]),
        "new_pairs": share([outcome for outcome in look if outcome.new_pair]),
        "median_probability": sure,
        **details(known),
    }


def groups(outcomes: Sequence[Outcome]) -> dict[str, dict[str, dict[str, float | int]]]:
    """Of names of photos, how many are exact by what the photo shows: row -> group -> share."""
    named = [outcome for outcome in outcomes if outcome.skill == "name" and outcome.group]
    found: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in named:
        found.setdefault(outcome.name, {}).setdefault(outcome.group, []).append(outcome)
    return {name: {group: share(rows) for group, rows in sorted(own.items())} for name, own in found.items()}


def by_ground(outcomes: Sequence[Outcome]) -> dict[str, dict[str, dict[str, float | int]]]:
    """How many answers are exact where things stand on one flat colour and elsewhere: part -> ground -> share."""
    found: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        if outcome.ground:
            where = "plain" if outcome.ground == "plain" else "other"
            found.setdefault(outcome.part, {"plain": [], "other": []})[where].append(outcome)
    return {part: {where: share(rows) for where, rows in own.items()} for part, own in found.items()}


def details(outcomes: Sequence[Outcome]) -> Report:
    """What an exact answer does not tell: facts of captions, size of errors, language, whether sureness is earned."""
    told: dict[str, list[tuple[str, str]]] = {}
    for outcome in outcomes:
        told.setdefault(outcome.name, []).append((outcome.wanted, outcome.answer))
    by_skill = {outcome.name: outcome.skill for outcome in outcomes}
    every = {**told, "all parts": [pair for pairs in told.values() for pair in pairs]}
    return {
        "caption_facts": {
            name: metrics.facts_kept(pairs) for name, pairs in told.items() if by_skill[name] in ("caption", "default")
        },
        "any_order": {
            name: metrics.any_order(pairs) for name, pairs in told.items() if by_skill[name] in ("list", "there")
        },
        "number_error": {
            name: metrics.number_error(pairs) for name, pairs in told.items() if by_skill[name] == "count"
        },
        "time_error": {
            name: metrics.time_error(pairs) for name, pairs in told.items() if by_skill[name] in ("when", "length")
        },
        "character_error": {
            name: metrics.character_error(pairs)
            for name, pairs in told.items()
            if by_skill[name] in ("read", "line", "word", "value")
        },
        "reading": {name: metrics.reading(pairs) for name, pairs in told.items() if by_skill[name] == "read"},
        "abstention": {
            name: metrics.abstention(pairs)
            for name, pairs in every.items()
            if any(metrics.unsure(wanted) for wanted, _ in pairs)
        },
        "groups": groups(outcomes),
        "grounds": by_ground(outcomes),
        "boxes": {name: box_scores(pairs) for name, pairs in told.items() if by_skill[name].startswith("locate")},
        "language_kept": metrics.language_kept((o.lang, o.wanted, o.answer) for o in outcomes),
        "calibration": metrics.calibration((outcome.probability, outcome.exact) for outcome in outcomes),
    }
