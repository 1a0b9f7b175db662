"""Boxes are written one way, read back, and measured."""

import json
import random

import pytest

from model.boxes import Found, read
from model.training.boxes import box_scores, matched, overlap, snapped, written

STAR = '[{"bbox_2d": [12, 20, 104, 88], "label": "red star"}]'
FOUND = [Found("red star", (12.0, 20.0, 104.0, 88.0))]


def test_the_canonical_answer() -> None:
    assert written([((12, 20, 104, 88), "red star")]) == STAR
    assert written([]) == "[]"
    two = written([((0, 4, 8, 12), "红色的星形"), ((4, 4, 8, 8), "x")])
    assert json.loads(two)[0] == {"bbox_2d": [0, 4, 8, 12], "label": "红色的星形"} and "红色" in two


def test_what_is_written_is_read() -> None:
    rng = random.Random(0)
    for _ in range(50):
        boxes = [tuple(sorted(rng.sample(range(0, 172, 4), 4))) for _ in range(rng.randrange(5))]
        found = read(written([((x1, y1, x2, y2), "blue oval") for x1, y1, x2, y2 in boxes]))
        assert found == [Found("blue oval", tuple(map(float, box))) for box in boxes]  # type: ignore[arg-type]


def test_overlap_and_rounding() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0.0 and overlap((5, 5, 5, 5), (5, 5, 5, 5)) == 0.0
    assert snapped((1.9, 2.1, 111.0, 83.0), (84, 112)) == (0, 4, 112, 84)
    assert snapped((-3.0, 0.0, 130.0, 90.0), (84, 112)) == (0, 0, 112, 84)
    rng = random.Random(1)
    for _ in range(300):  # things of 28 pixels lose little by the rounding
        left, top = rng.uniform(0, 80), rng.uniform(0, 80)
        box = (left, top, left + rng.uniform(28, 80), top + rng.uniform(14, 80))
        assert overlap(box, snapped(box, (168, 168))) > (0.7 if box[3] - box[1] >= 28 else 0.6)


def test_boxes_are_paired_one_to_one() -> None:
    wanted = [Found("a", (0, 0, 10, 10)), Found("b", (8, 0, 18, 10))]
    given = [Found("b", (7, 0, 17, 10)), Found("b", (7, 0, 17, 10))]
    pairs = matched(wanted, given)
    assert [(i, j) for i, j, _ in pairs] == [(1, 0), (0, 1)]
    assert pairs[0][2] == pytest.approx(90 / 110)


def test_scores() -> None:
    pairs = [
        (STAR, STAR),
        (STAR, '[{"bbox_2d": [12, 20, 104, 84], "label": "red ring"}]'),  # found, called wrong
        (STAR, '[{"bbox_2d": [100, 20, 164, 88], "label": "red star"}]'),  # elsewhere
        (STAR, "no idea"),
        ("[]", "[]"),
        ("[]", STAR),
        ("[]", "nothing"),
    ]
    scores = box_scores(pairs)
    assert (scores["recall"], scores["precision"], scores["labels"]) == (50.0, 50.0, 50.0)
    assert (scores["none_right"], scores["unread"], scores["boxes"]) == (33.3, 2, 4)
    assert scores["mean_iou"] == pytest.approx(
        (1 + 64 / 68 + overlap((12, 20, 104, 88), (100, 20, 164, 88))) / 4, abs=1e-3
    )
    assert box_scores([])["recall"] == 0.0
