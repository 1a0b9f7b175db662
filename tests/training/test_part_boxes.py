"""Locating: boxes of answers are those of the pixels, labels of edges spell the same numbers, nothing is made up."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import model
from model.boxes import read
from model.tokenizer import Tokenizer
from model.training.box_questions import FARTHEST, answered, empty_box, inside, locate, locate_all
from model.training.boxes import UNIT, overlap
from model.training.data import PICTURE_SIZES, dense_classes, held_out
from model.training.edges import EDGES, FAR, STEP, edge_maps
from model.training.pointing import answer_tokens, askers_of
from model.training.sample import CELL, Sample

STAR = {"id": 0, "thing": "star", "colour": "red", "place": [0, 0], "box": [11.0, 9.2, 50.9, 49.0]}
OVAL = {"id": 1, "thing": "oval", "colour": "blue", "place": [1, 1], "box": [58.0, 60.0, 103.0, 88.0]}
OTHER = {"id": 2, "thing": "star", "colour": "blue", "place": [2, 2], "box": [110.0, 110.0, 140.0, 139.5]}
FACTS: dict[str, Any] = {"kind": "image", "size": [140, 140], "background": "white", "things": [STAR, OVAL, OTHER]}
RED_STAR = '[{"bbox_2d": [12, 8, 52, 48], "label": "red star"}]'


@cache
def many(count: int) -> list[Sample]:
    return [args.make() for args in held_out(count, "boxes", seed=3)]


def asked(maker: Any, lang: Any = "en", rounds: int = 60) -> dict[str, str]:
    every = [ask for seed in range(rounds) for ask in maker(FACTS, random.Random(seed), lang)]
    return {next(iter(ask.slots.values())): ask.answer for ask in every}


def test_worked_answers() -> None:
    english = asked(locate)
    assert english["the red star"] == english["the red thing"] == english["the shape at the top left"] == RED_STAR
    assert english["the oval"] == '[{"bbox_2d": [56, 60, 104, 88], "label": "blue oval"}]'
    assert "the star" not in english and "[]" in english.values()
    assert asked(locate, "zh")["红色的星形"] == '[{"bbox_2d": [12, 8, 52, 48], "label": "红色的星形"}]'
    every = asked(locate_all)
    assert every["stars"] == (
        '[{"bbox_2d": [12, 8, 52, 48], "label": "red star"}, {"bbox_2d": [112, 112, 140, 140], "label": "blue star"}]'
    )
    assert every["red shapes"] == RED_STAR and len(read(every["shapes"]) or []) == 3
    assert "[]" in every.values()
    contents = asked(inside)
    assert contents["[12, 8, 52, 48]"] == "red star" and "nothing" in contents.values()
    assert "没有东西" in asked(inside, "zh").values()


def test_what_is_not_there_has_no_box() -> None:
    for name, answer in (asked(locate) | asked(locate_all)).items():
        if answer == "[]":
            assert not any(fact["colour"] in name and fact["thing"] in name for fact in FACTS["things"])
            assert name not in ("the oval", "ovals", "stars", "shapes")
    for seed in range(40):
        empty = empty_box(FACTS, random.Random(seed))
        assert empty is None or all(overlap(empty, fact["box"]) == 0 for fact in FACTS["things"])


def test_answers_stand_row_by_row_and_say_what_they_are_read_from() -> None:
    answer, told, numbers = answered([OTHER, STAR], FACTS, "en")
    assert [one.label for one in read(answer) or []] == ["red star", "blue star"]
    assert told == (("red star", (0,)), ("blue star", (2,)))
    assert numbers[:4] == (("12,", (0,), 4), ("8,", (0,), 3), ("52,", (0,), 14), ("48]", (0,), 13))
    assert [ids for _, ids, _ in numbers] == [(0,)] * 4 + [(2,)] * 4


def test_every_figure_points_at_its_thing_and_knows_its_number() -> None:
    tokenizer = Tokenizer.from_file(Path(model.__file__).parent / "small" / "tokenizer.json")
    seen = 0
    for qa in (qa for sample in many(12) for qa in sample.questions if qa.skill in ("locate", "locate_all")):
        tokens, starts = answer_tokens(qa, tokenizer)
        askers = [asker for asker in askers_of(qa, 100, starts) if asker.number]
        figures = [index for index, token in enumerate(tokens) if tokenizer.decode([token]).isdigit()]
        wanted = [(number, ids) for phrase, ids, number in qa.numbers for _ in phrase[:-1]]
        places = [index for index in figures if not qa.answer[starts[index] :].startswith("2d")]  # of "bbox_2d"
        assert [asker.column - 100 for asker in askers] == places
        assert [(asker.number, asker.about) for asker in askers] == wanted
        read_again = [int(phrase[:-1]) // UNIT + 1 for phrase, _, _ in qa.numbers]
        assert read_again == [number for _, _, number in qa.numbers]
        seen += len(askers)
    assert seen > 200


def test_every_edge_of_the_largest_pictures_has_a_class_of_its_own() -> None:
    assert max(side for size in PICTURE_SIZES for side in size) == FARTHEST * UNIT


def test_edges_of_labels_are_those_of_answers() -> None:
    owner = np.zeros((1, 5, 5), dtype=np.int64)
    owner[0, 0, :2] = owner[0, 1, :2] = 1
    owner[0, 2, 3] = 2
    maps = edge_maps(owner, FACTS)
    assert [int(maps[name][0, 1, 1]) - 1 for name in EDGES] == [3, 2, 13, 12]  # 12, 8, 52 and 48 pixels
    assert all(maps[name][0, 4, 4] == 0 and maps[f"to_{name}"][0, 4, 4] == 0 for name in EDGES)
    for name, axis in (("left", 3), ("top", 2), ("right", 3), ("bottom", 2)):  # of the oval, seen from cell (2, 3)
        away = int(maps[f"to_{name}"][0, 2, 3]) - 1 - FAR
        assert 4 * (away + STEP * axis) == {"left": 56, "top": 60, "right": 104, "bottom": 88}[name]


def test_every_thing_is_large_enough_for_its_box() -> None:
    for sample in many(40):
        for fact in sample.facts["things"]:
            left, top, right, bottom = fact["box"]
            assert max(right - left, bottom - top) >= 24 and min(right - left, bottom - top) >= 10
        for qa in sample.questions:
            if qa.skill == "locate" and qa.about:
                (one,) = read(qa.answer) or []
                assert overlap(one.box, sample.facts["things"][qa.about[0]]["box"]) > 0.55
                assert all(value % 4 == 0 for value in one.box)


def test_the_decoder_is_told_what_the_tower_cannot_know() -> None:
    tower, decoder = dense_classes((("shapes", 0.5), ("boxes", 0.5)))
    assert {f"to_{name}" for name in EDGES} <= tower.keys() and not set(EDGES) & tower.keys()
    assert set(EDGES) <= decoder.keys() and decoder.keys() >= dense_classes()[1].keys()
    widest = 448 // CELL * STEP
    assert decoder["left"] >= min(widest, 72) + 1
