"""Two pictures of everyday things: worked answers, truth of every change, labels of both pictures."""

import random
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from model.training import pictured, thing_pairs
from model.training.asking import Ask
from model.training.assets.names import named_things
from model.training.data import WIDE, dense_classes, held_out
from model.training.pairing import AS_MANY, WHICH
from model.training.parts import parts
from model.training.sample import Sample


def thing(number: int, name: str, *place: int) -> dict[str, Any]:
    left, top = 10.0 + 80 * place[1], 12.0 + 80 * place[0]
    return {"id": number, "thing": name, "colour": "", "place": list(place), "box": [left, top, left + 50, top + 40]}


def pair(how: str, one: list[dict[str, Any]], two: list[dict[str, Any]]) -> dict[str, Any]:
    pictures = [
        {"kind": "image", "scope": "cpu", "background": "white", "things": things, "events": []}
        for things in (one, two)
    ]
    return {"kind": "image", "scope": "cpu", "how": how, "pictures": pictures, "things": [*one, *two]}


DOG, CAR = thing(0, "dog", 0, 0), thing(1, "car", 1, 1)
EXCHANGED = pair("exchanged", [DOG, CAR], [thing(2, "dog", 0, 0), thing(3, "grapes", 1, 1)])
MOVED = pair("moved", [DOG, CAR], [thing(2, "car", 1, 1), thing(3, "dog", 2, 2)])
GONE = pair("gone", [DOG, CAR], [thing(2, "car", 1, 1)])
NEW = pair("new", [DOG], [thing(1, "dog", 0, 0), thing(2, "dog", 1, 1)])


def asks(facts: dict[str, Any], lang: str = "en") -> dict[tuple[str, ...], Ask]:
    every = [ask for seed in range(40) for make in thing_pairs.MAKERS for ask in make(facts, random.Random(seed), lang)]  # type: ignore[arg-type]
    return {(ask.key, *ask.slots.values()): ask for ask in every}


def answers(facts: dict[str, Any], lang: str = "en") -> dict[tuple[str, ...], str]:
    return {key: ask.answer for key, ask in asks(facts, lang).items()}


@cache
def many() -> list[Sample]:
    return [args.make() for args in held_out(120, "thing_pairs")]


def test_worked_differences() -> None:
    difference = ("pair_difference",)
    assert answers(EXCHANGED)[difference] == "a car in the first and some grapes in the second"
    assert answers(EXCHANGED, "zh")[difference] == "第一张是汽车，第二张是葡萄"
    assert answers(MOVED)[difference] == "the dog is at the top left in the first and at the bottom right in the second"
    assert answers(MOVED, "zh")[difference] == "狗在第一张的左上角，在第二张的右下角"
    assert answers(GONE)[difference] == "the dog is only in the first"
    assert answers(GONE, "zh")[difference] == "只有第一张有狗"
    assert answers(NEW)[difference] == "the second has one more dog"
    assert answers(NEW, "zh")[difference] == "第二张多一个狗"
    assert answers(pair("same", [DOG], [thing(1, "dog", 0, 0)]))[difference] == "nothing"
    assert difference not in answers(pair("other", [DOG], [thing(1, "cat", 0, 0)]))
    fries = pair("gone", [thing(0, "fries", 0, 0), CAR], [thing(2, "car", 1, 1)])
    assert answers(fries)[difference] == "the fries are only in the first"
    glasses = [thing(0, "glasses", 0, 0), thing(1, "glasses", 1, 1)]
    fewer = answers(pair("gone", glasses, [thing(2, "glasses", 1, 1)]))
    assert fewer[difference] == "the first has one more pair of glasses"
    bread = [thing(0, "bread", 0, 0), thing(1, "bread", 1, 1)]
    assert answers(pair("new", [thing(2, "bread", 1, 1)], bread))[difference] == "the second has more bread"


def test_worked_answers() -> None:
    found = answers(EXCHANGED)
    assert found[("pair_same",)] == "no" and found[("pair_where", "a dog")] == "both"
    assert found[("pair_where", "a car")] == "the first"
    assert ("pair_where", "some grapes") not in found  # "is some grapes"?
    assert answers(EXCHANGED, "zh")[("pair_where", "葡萄")] == "第二张"
    strange = {key[1]: answer for key, answer in found.items() if key[0] == "pair_where"}
    assert [strange.pop(name) for name in ("a dog", "a car")] == ["both", "the first"]
    assert set(strange.values()) == {"neither"}
    assert found[("pair_more", "cars")] == "the first" and found[("pair_more", "dogs")] == "both have the same number"
    assert found[("pair_more", "things")] == found[("pair_more", "objects")] == "both have the same number"
    assert ("pair_more", "grapes") not in found  # who can say how many there are?
    assert answers(NEW)[("pair_more", "dogs")] == answers(NEW)[("pair_more", "things")] == "the second"
    assert answers(NEW, "zh")[("pair_more", "狗")] == "第二张" and answers(MOVED, "zh")[("pair_same",)] == "不是"
    caption = asks(GONE)[("pair",)]
    assert caption.answer == (
        "First: A dog at the top left and a car in the center, on a white background. "
        "Second: A car in the center, on a white background."
    )
    assert caption.told == (
        ("a dog", (0,)), ("at the top left", (0,)), ("a car", (1,)), ("in the center", (1,)),
        ("a car", (2,)), ("in the center", (2,)),
    )  # fmt: skip
    assert (
        answers(GONE, "zh")[("pair",)]
        == "第一张：白色背景上，左上角有一个狗，中间有一个汽车。第二张：白色背景上，中间有一个汽车。"
    )
    moved = asks(MOVED)[("pair_difference",)]
    assert (moved.about, moved.other) == ((0,), (3,))


def looks(sample: Sample) -> list[Counter[tuple[str, tuple[int, ...]]]]:
    return [Counter((f["thing"], tuple(f["place"])) for f in picture["things"]) for picture in sample.facts["pictures"]]


def test_pictures_differ_exactly_where_they_are_said_to() -> None:
    seen = Counter(sample.facts["how"] for sample in many())
    assert set(seen) == set(thing_pairs.CHANGES)
    for sample in many():
        how, (one, two) = sample.facts["how"], looks(sample)
        less, more = one - two, two - one
        if how == "same":
            assert one == two
        elif how in ("gone", "new"):
            assert (less.total(), more.total()) == ((1, 0) if how == "gone" else (0, 1))
        elif how in ("moved", "exchanged"):
            ((thing_one, place_one),), ((thing_two, place_two),) = less, more
            assert (thing_one == thing_two) == (how == "moved") and (place_one == place_two) == (how == "exchanged")
        for picture in sample.facts["pictures"]:
            assert len(picture["things"]) <= thing_pairs.MOST
            assert len({fact["thing"] for fact in picture["things"]}) <= thing_pairs.KINDS


def test_answers_are_true_of_the_pictures() -> None:
    singles = {named.alone(): named.name for named in named_things()}
    plurals = {named.plural: named.name for named in named_things()}
    seen = set[str]()
    for sample in many():
        one, two = (Counter(fact["thing"] for fact in picture["things"]) for picture in sample.facts["pictures"])
        for key, ask in asks(sample.facts).items():
            if key[0] == "pair_where":
                there = bool(one[singles[key[1]]]), bool(two[singles[key[1]]])
                which = {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}[there]
                assert ask.answer == WHICH["en"][which]
            elif key[0] == "pair_more" and key[1] in plurals:
                first, second = one[plurals[key[1]]], two[plurals[key[1]]]
                assert ask.answer == (AS_MANY["en"] if first == second else WHICH["en"][second > first])
            seen.add(ask.answer)
    assert seen >= {*WHICH["en"], AS_MANY["en"]}


def test_what_is_the_same_looks_the_same_before_wear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictured, "wear_more", lambda rng, frames, difficulty, room: frames)
    every = [parts()["thing_pairs"].make(seed, (112, 112), 1, 1.0, 1.0, "train") for seed in range(40)]
    alike = [np.array_equal(*sample.frames) for sample in every if sample.facts["how"] == "same"]
    assert len(alike) > 3 and all(alike)
    changed = [sample for sample in every if sample.facts["how"] not in ("same", "other")]
    assert not any(np.array_equal(*sample.frames) for sample in changed)
    for sample in changed:  # and nothing but the change
        one, two = sample.facts["pictures"]
        assert one["background"] == two["background"]
        differs = (sample.frames[0] != sample.frames[1]).any(axis=-1).mean()
        assert 0 < differs < 0.75


def test_both_pictures_lie_on_one_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictured, "wear_more", lambda rng, frames, difficulty, room: frames)
    textures = set[str]()
    for seed in range(100):
        sample = parts()["thing_pairs"].make(seed, (112, 140), 1, 1.0, 1.0, "train")
        one, two = sample.facts["pictures"]
        if sample.facts["how"] == "other":
            continue
        textures.add(one["texture"])
        assert (one["background"], one["texture"]) == (two["background"], two["texture"])
        bare = np.ones((112, 140), dtype=bool)
        for fact in sample.facts["things"]:
            left, top, right, bottom = (round(side) for side in fact["box"])
            bare[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3] = False
        assert np.array_equal(*sample.frames[:, bare])
    assert len(textures) > 5 and "plain" in textures


def test_labels_stand_where_the_things_of_each_picture_are() -> None:
    names = parts()["thing_pairs"].classes["item"]
    for sample in many()[:40]:
        for number, picture in enumerate(sample.facts["pictures"]):
            owner, item = sample.dense["owner"][number], sample.dense["item"][number]
            own = {fact["id"] + 1: fact["thing"] for fact in picture["things"]}
            assert {*np.unique(owner)} <= {0, *own}
            for which, name in own.items():
                assert {names[i] for i in np.unique(item[owner == which])} <= {name}
    assert "rank" not in many()[0].dense and set(parts()["things"].classes) == set(parts()["thing_pairs"].classes)
    assert "item" in dense_classes(WIDE)[0]


def test_pairs_of_all_things_are_one_line_away() -> None:
    part = thing_pairs.pairs_of("pairs_of_all", "all")
    first, second = (part.make(4, (112, 140), 1, 1.0, 1.0, "train") for _ in range(2))
    assert first.facts["scope"] == "all" and "any_item" in first.dense and len(first.frames) == 2
    assert np.array_equal(first.frames, second.frames) and first.questions == second.questions
