"""Boxes as answers: how they are written, and how well given ones fit the wanted ones.

An answer is `[{"bbox_2d": [x1, y1, x2, y2], "label": "red star"}]` in pixels of the resized picture, as the published
checkpoints write it. The numbers are multiples of `UNIT`, so that a small network has few of them to learn.
"""

import json
from collections.abc import Iterable, Sequence

from model.boxes import Found, read
from model.training.sample import Size

UNIT = 4  # pixels
HIT = 0.5  # overlap from which a box counts as found


def snapped(box: Sequence[float], size: Size) -> tuple[int, int, int, int]:
    """Round to multiples of `UNIT` within a picture of `size` (height, width)."""
    height, width = size
    sides = (width, height, width, height)
    left, top, right, bottom = (
        min(max(0, round(value / UNIT) * UNIT), side) for value, side in zip(box, sides, strict=True)
    )
    return left, top, right, bottom


def written(found: Iterable[tuple[Sequence[int], str]]) -> str:
    """The canonical answer for (box, label) in their order; `[]` for none."""
    items = ({"bbox_2d": list(box), "label": label} for box, label in found)
    return json.dumps(list(items), ensure_ascii=False)


def overlap(one: Sequence[float], two: Sequence[float]) -> float:
    """Intersection over union; boxes without area overlap nothing.

    >>> overlap((0, 0, 10, 10), (5, 0, 15, 10))
    0.3333333333333333
    """
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    shared = max(0.0, width) * max(0.0, height)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)) - shared
    return shared / union if union > 0 else 0.0


def matched(wanted: Sequence[Found], given: Sequence[Found]) -> list[tuple[int, int, float]]:
    """Pair boxes one to one, the best overlap first: (index of wanted, index of given, overlap)."""
    every = [(overlap(w.box, g.box), i, j) for i, w in enumerate(wanted) for j, g in enumerate(given)]
    pairs, left, right = list[tuple[int, int, float]](), set[int](), set[int]()
    for shared, i, j in sorted(every, key=lambda item: (-item[0], item[1], item[2])):
        if shared > 0 and i not in left and j not in right:
            pairs.append((i, j, shared))
            left.add(i)
            right.add(j)
    return pairs


def box_scores(pairs: Iterable[tuple[str, str]]) -> dict[str, float | int]:
    """From (wanted, given) answers to percentages and counts.

    `recall` is how many wanted boxes were found at `HIT`, `precision` how many given ones are such finds, `mean_iou`
    the mean best overlap of wanted boxes (none is 0), `labels` how many of the finds are called right, `none_right` how
    many of the questions about what is not there were answered with no box, `unread` how many answers hold no list.
    """
    sums = dict.fromkeys(("wanted", "given", "hit", "called", "none", "none_right", "unread"), 0)
    total = 0.0
    for want, gave in pairs:
        wanted, given = read(want) or [], read(gave)
        sums["unread"] += given is None
        sums["none"] += not wanted
        sums["none_right"] += not wanted and given == []
        sums["wanted"], sums["given"] = sums["wanted"] + len(wanted), sums["given"] + len(given or [])
        for i, j, shared in matched(wanted, given or []):
            total += shared
            hit = shared >= HIT
            sums["hit"] += hit
            sums["called"] += hit and wanted[i].label == (given or [])[j].label
    return {
        "recall": _percent(sums["hit"], sums["wanted"]),
        "precision": _percent(sums["hit"], sums["given"]),
        "mean_iou": round(total / sums["wanted"], 3) if sums["wanted"] else 0.0,
        "labels": _percent(sums["called"], sums["hit"]),
        "none_right": _percent(sums["none_right"], sums["none"]),
        "unread": sums["unread"],
        "boxes": sums["wanted"],
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
