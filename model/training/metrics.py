"""What is measured beside exact answers: facts of captions, errors of counts, letters and times, language, calibration.

Everything here is a function of (question, wanted answer, given answer, probability), free of models and of drawing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

Bins = list[dict[str, float | int]]
NEAR = 0.5  # seconds by which a time may be off
SURE = 90.0  # percent of answers that must be exact where they are not to be called uncertain
UNSURE = ("I cannot tell", "看不出来")
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
_JOINTS = re.compile(r",? and |, then |, |、|，|和|。|\.$")
_OPENERS = re.compile(r"^(first |先是|然后|on |a |an |一个)+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def clauses(caption: str) -> Counter[str]:
    """The facts that a caption states, each a clause without its article: "red star at the top", "white background"."""
    parts = (_OPENERS.sub("", part.strip().lower()) for part in _JOINTS.split(caption.strip()))
    return Counter(part for part in parts if part)


def facts_kept(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """From (wanted, given) captions to precision (stated facts that are true) and recall (true facts stated), in %."""
    right = stated = true = 0
    for wanted, given in pairs:
        one, two = clauses(wanted), clauses(given)
        right += sum((one & two).values())
        true, stated = true + sum(one.values()), stated + sum(two.values())
    return {
        "precision": round(100 * right / stated, 1) if stated else 0.0,
        "recall": round(100 * right / true, 1) if true else 0.0,
    }


def any_order(pairs: Iterable[tuple[str, str]]) -> float:
    """From (wanted, given) lists: percentage that hold the right items, in whatever order."""
    right = [clauses(wanted) == clauses(given) for wanted, given in pairs]
    return round(100 * sum(right) / len(right), 1) if right else 0.0


def edits(one: Sequence[str], two: Sequence[str]) -> int:
    """Levenshtein distance: insertions, deletions and replacements that turn `one` into `two`."""
    row = list(range(len(two) + 1))
    for i, left in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(two, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def character_error(pairs: Iterable[tuple[str, str]]) -> float:
    """Edits between (wanted, given) texts in percent of the wanted characters."""
    wrong = length = 0
    for wanted, given in pairs:
        wrong, length = wrong + edits(wanted, given), length + len(wanted)
    return round(100 * wrong / length, 1) if length else 0.0


def sort_of(text: str) -> str:
    """What a text consists of.

    >>> [sort_of(text) for text in ("出口", "出口 2", "4 20", "No way!", "$4.50")]
    ['Chinese', 'Chinese', 'digits', 'letters', 'other signs too']
    """
    bare = text.replace(" ", "")
    if _CHINESE.search(bare):
        return "Chinese"
    return "digits" if bare.isdigit() else "letters" if bare.rstrip("!?").isalpha() else "other signs too"


def reading(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, float | int]]:
    """From (wanted, given) texts: how many of each sort (`sort_of`) are exact, in %."""
    sorts: dict[str, list[bool]] = {}
    for wanted, given in pairs:
        sorts.setdefault(sort_of(wanted), []).append(wanted == given.strip())
    return {
        sort: {"n": len(right), "exact": round(100 * sum(right) / len(right), 1)}
        for sort, right in sorted(sorts.items())
    }


def number_in(text: str) -> float | None:
    """The first number of an answer: "at 3.5 seconds" is 3.5; None where there is none."""
    found = re.search(r"\d+(?:\.\d+)?", text)
    return float(found.group()) if found else None


def distances(pairs: Iterable[tuple[str, str]]) -> list[float | None]:
    """How far apart the numbers in (wanted, given) answers are, where one is wanted; None where none was given."""
    both = [(number_in(wanted), number_in(given)) for wanted, given in pairs]
    return [None if two is None else abs(one - two) for one, two in both if one is not None]


def number_error(pairs: Iterable[tuple[str, str]]) -> dict[str, float | int]:
    """Mean distance between the numbers in (wanted, given) answers, and how many answers held none."""
    every = distances(pairs)
    off = [distance for distance in every if distance is not None]
    mean = sum(off) / len(off) if off else 0.0
    return {"mean": round(mean, 3), "no_number": len(every) - len(off), "n": len(every)}


def time_error(pairs: Sequence[tuple[str, str]]) -> dict[str, float | int]:
    """`number_error` of answers in seconds, and of all that are asked for how many are `within` NEAR, in %."""
    every = distances(pairs)
    near = sum(distance is not None and distance <= NEAR for distance in every)
    return number_error(pairs) | {"within": round(100 * near / len(every), 1) if every else 0.0}


def unsure(answer: str) -> bool:
    """Whether an answer says that it cannot be told."""
    return any(words in answer for words in UNSURE)


def abstention(pairs: Iterable[tuple[str, str]]) -> dict[str, float | int]:
    """From (wanted, given): names given per hundred of what cannot be told, doubts per hundred of what can."""
    named, doubted = list[bool](), list[bool]()
    for wanted, given in pairs:
        (named if unsure(wanted) else doubted).append(unsure(wanted) != unsure(given))
    return {
        "false_names": round(100 * sum(named) / len(named), 1) if named else 0.0,
        "needless_doubt": round(100 * sum(doubted) / len(doubted), 1) if doubted else 0.0,
        "unknown": len(named),
        "known": len(doubted),
    }


def language_kept(rows: Iterable[tuple[str, str, str]]) -> float:
    """From (language of the question, wanted, given): percentage answered in the language of the wanted answer."""
    kept = [bool(_CHINESE.search(wanted)) == bool(_CHINESE.search(given)) for _, wanted, given in rows if given]
    return round(100 * sum(kept) / len(kept), 1) if kept else 0.0


def calibration(rows: Iterable[tuple[float, bool]]) -> Bins:
    """From (mean token probability, exact) to how often answers of each band of probability are right."""
    every = list(rows)
    bins: Bins = []
    for low, high in pairwise(EDGES):
        band = [right for sure, right in every if low <= sure < high or sure == high == EDGES[-1]]
        if band:
            bins.append({"from": low, "to": high, "n": len(band), "exact": round(100 * sum(band) / len(band), 1)})
    return bins


def exact_in(bins: Bins) -> float:
    """How many answers of these bands are exact together, in %."""
    asked = sum(band["n"] for band in bins)
    return sum(band["n"] * band["exact"] for band in bins) / asked if asked else 0.0


def low_confidence(bins: Bins) -> float | None:
    """The mean token probability below which answers are to be called uncertain, by a curve of `calibration`.

    It is the lowest edge of a band from which on SURE percent of all answers, those of the bands above taken together,
    are exact. It is never below the lowest band that holds answers; it is 1 where not even those of the highest band
    are exact so often, and None where nothing was measured.

    >>> low_confidence(calibration([(0.92, False), (0.96, True), (0.985, True)]))
    0.95
    """
    reached = (float(band["from"]) for at, band in enumerate(bins) if exact_in(bins[at:]) >= SURE)
    return next(reached, EDGES[-1]) if bins else None
