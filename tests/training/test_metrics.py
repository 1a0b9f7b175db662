"""Measures beside exact answers, on worked numbers."""

import pytest

from model.training.metrics import (
    Bins,
    abstention,
    any_order,
    calibration,
    character_error,
    clauses,
    edits,
    facts_kept,
    language_kept,
    low_confidence,
    number_error,
    number_in,
    reading,
    time_error,
)


def test_captions_fall_into_facts() -> None:
    assert set(clauses("Two red stars at the top and a blue circle, on a white background.")) == {
        "two red stars at the top", "blue circle", "white background",
    }  # fmt: skip
    assert set(clauses("First a red circle appears, then a blue star turns green, on a black background.")) == {
        "red circle appears", "blue star turns green", "black background",
    }  # fmt: skip
    assert set(clauses("白色背景上，上方有两个红色的星形，中间有一个圆形。")) == {
        "白色背景上", "上方有两个红色的星形", "中间有一个圆形",
    }  # fmt: skip


def test_facts_stated_and_facts_true() -> None:
    wanted = "A red star and a blue circle, on a white background."
    assert facts_kept([(wanted, wanted)]) == {"precision": 100.0, "recall": 100.0}
    assert facts_kept([(wanted, "A red star, on a white background.")]) == {"precision": 100.0, "recall": 66.7}
    assert facts_kept([(wanted, "A red star, a red star, a ring and a blue circle.")]) == {
        "precision": 50.0, "recall": 66.7,
    }  # fmt: skip
    assert facts_kept([]) == {"precision": 0.0, "recall": 0.0}


def test_lists_are_right_in_any_order() -> None:
    assert any_order([("a dog and a cat", "a cat and a dog"), ("a dog", "a cat")]) == 50.0
    assert any_order([("狗、猫和鱼", "鱼、狗和猫"), ("red star and blue ring", "blue star and red ring")]) == 50.0
    assert any_order([("a dog and a dog", "a dog")]) == any_order([]) == 0.0


@pytest.mark.parametrize(
    ("one", "two", "distance"),
    [("stop", "stop", 0), ("", "abc", 3), ("stop", "shop", 1), ("kitten", "sitting", 3), ("10:45", "10:5", 1)],
)
def test_edits_are_levenshteins(one: str, two: str, distance: int) -> None:
    assert edits(one, two) == edits(two, one) == distance


def test_character_error_is_by_wanted_characters() -> None:
    assert character_error([("stop", "shop"), ("cafe", "cafe")]) == 12.5
    assert character_error([]) == 0.0


def test_readings_are_told_by_what_is_read() -> None:
    pairs = [("42", "42"), ("4 20", "42"), ("Stop!", "Stop! "), ("no way", "no way"), ("$4.50", "$4.5")]
    assert reading([*pairs, ("出口", "出口"), ("3 号", "3"), ("中国", "中 国")]) == {
        "Chinese": {"n": 3, "exact": 33.3},
        "digits": {"n": 2, "exact": 50.0},
        "letters": {"n": 2, "exact": 100.0},
        "other signs too": {"n": 1, "exact": 0.0},
    }
    assert reading([]) == {}


def test_numbers_are_compared_as_numbers() -> None:
    assert (number_in("at 3.5 seconds"), number_in("在第2秒"), number_in("never")) == (3.5, 2.0, None)
    assert number_error([("3", "4"), ("2", "2"), ("5", "many"), ("none", "1")]) == {"mean": 0.5, "no_number": 1, "n": 3}


def test_times_are_near_within_half_a_second() -> None:
    """An answer without a number is not near; a question that wants no number is not counted."""
    pairs = [
        ("at 3.5 seconds", "at 3 seconds"),
        ("2 seconds", "3 seconds"),
        ("在第2秒", "在第2秒"),
        ("5", "never"),
        ("no", "1"),
    ]
    assert time_error(pairs) == {"mean": 0.5, "no_number": 1, "n": 4, "within": 50.0}
    assert time_error([]) == {"mean": 0.0, "no_number": 0, "n": 0, "within": 0.0}


def test_abstention_counts_names_and_doubts() -> None:
    pairs = [("I cannot tell", "apple"), ("看不出来", "看不出来"), ("apple", "I cannot tell"), ("rose", "tulip")]
    assert abstention(pairs) == {"false_names": 50.0, "needless_doubt": 50.0, "unknown": 2, "known": 2}
    assert abstention([]) == {"false_names": 0.0, "needless_doubt": 0.0, "unknown": 0, "known": 0}


def test_the_language_is_that_of_the_wanted_answer() -> None:
    assert language_kept([("en", "red", "red"), ("zh", "红色", "red"), ("zh", "3", "3")]) == pytest.approx(66.7)


def test_calibration_counts_every_answer_once() -> None:
    bins = calibration([(0.3, False), (0.97, True), (0.96, False), (1.0, True), (0.99, True)])
    assert [(row["from"], row["n"], row["exact"]) for row in bins] == [(0.0, 1, 0.0), (0.95, 2, 50.0), (0.99, 2, 100.0)]


def curve(*bands: tuple[float, int, float]) -> Bins:
    return [{"from": low, "to": low + 0.01, "n": n, "exact": exact} for low, n, exact in bands]


@pytest.mark.parametrize(
    ("bands", "line"),
    [
        (curve((0.5, 10, 20.0), (0.9, 10, 80.0), (0.99, 10, 100.0)), 0.9),  # 90 % of all from 0.9 on
        (curve((0.5, 10, 20.0), (0.9, 11, 80.0), (0.99, 10, 100.0)), 0.99),
        (curve((0.5, 3, 0.0), (0.9, 10, 100.0), (0.98, 10, 89.0)), 0.9),  # bands above count as one
        (curve((0.9, 10, 95.0), (0.99, 10, 85.0)), 0.9),
        (curve((0.8, 5, 100.0)), 0.8),  # of what lies below nothing was measured
        (curve((0.0, 5, 90.0)), 0.0),
        (curve((0.5, 10, 20.0), (0.99, 10, 89.9)), 1.0),  # never reached: every answer is uncertain but one of 1
        ([], None),
    ],
)
def test_the_line_of_low_confidence_is_where_answers_above_are_right(bands: Bins, line: float | None) -> None:
    assert low_confidence(bands) == line
