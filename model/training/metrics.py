"""What is measured beside exact answers: facts of captions, errors of counts, letters and times, language, calibration.

Everything here is a function of (question, wanted answer, given answer, probability), free of models and of drawing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

Bins = list[dict[str, float | int]]
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


def reading(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, float | int]]:
    """From (wanted, given) texts: how many are exact, in %, of those of digits, of letters, and of other signs too."""
    sorts: dict[str, list[bool]] = {}
    for wanted, given in pairs:
        bare = wanted.replace(" ", "")
        sort = "digits" if bare.isdigit() else "letters" if bare.rstrip("!?").isalpha() else "other signs too"
        sorts.setdefault(sort, []).append(wanted == given.strip())
    return {
        sort: {"n": len(right), "exact": round(100 * sum(right) / len(right), 1)}
        for sort, right in sorted(sorts.items())
    }


def number_in(text: str) -> float | None:
    """The first number of an answer: "at 3.5 seconds" is 3.5; None where there is none."""
    found = re.search(r"\d+(?:\.\d+)?", text)
    return float(found.group()) if found else None


def number_error(pairs: Iterable[tuple[str, str]]) -> dict[str, float | int]:
    """Mean distance between the numbers in (wanted, given) answers, and how many answers held none."""
    distances, missing = list[float](), 0
    for wanted, given in pairs:
        one, two = number_in(wanted), number_in(given)
        if one is None:
            continue
        if two is None:
            missing += 1
        else:
            distances.append(abs(one - two))
    mean = sum(distances) / len(distances) if distances else 0.0
    return {"mean": round(mean, 3), "no_number": missing, "n": len(distances) + missing}


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
