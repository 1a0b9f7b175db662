"""Everyday things: worked answers, labels where the drawings are, and which drawings each split may see."""

import json
import random
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.training import measures, pictured, thing_questions
from model.training.asking import worded
from model.training.assets import pack as packs
from model.training.assets.blobs import AssetsMissing, AssetsWithheld
from model.training.assets.names import named_things
from model.training.data import held_out
from model.training.evaluate import EXAMS
from model.training.labels import colour_class
from model.training.parts import parts
from model.training.thing_parts import MAKERS
from model.training.thing_questions import caption


def thing(number: int, name: str, colour: str, *place: int) -> dict[str, Any]:
    left, top = 10.0 + 80 * place[1], 12.0 + 80 * place[0]
    box = [left, top, left + 50, top + 40]
    return {"id": number, "thing": name, "colour": colour, "place": list(place), "box": box}


FACTS = {
    "kind": "image",
    "scope": "cpu",
    "size": [252, 252],
    "background": "white",
    "things": [thing(0, "dog", "brown", 0, 0), thing(1, "car", "", 1, 1), thing(2, "dog", "brown", 0, 2)],
    "events": [],
}


def answers(facts: dict[str, Any], lang: str = "en") -> dict[tuple[str, ...], str]:
    every = [ask for seed in range(20) for make in MAKERS for ask in make(facts, random.Random(seed), lang)]  # type: ignore[arg-type]
    return {(ask.key, *ask.slots.values()): ask.answer for ask in every}


def test_worked_answers() -> None:
    found = answers(FACTS)
    assert found[("caption",)] == "Two dogs at the top and a car in the center, on a white background."
    assert found[("at_place", "at the top left")] == "dog"
    assert found[("count", "dogs")] == "2"
    assert found[("list_things",)] == "dog and car"
    assert found[("position", "the car")] == "center"
    assert ("position", "the dog") not in found  # there are two
    assert ("color_of", "car") not in found  # it has no one colour
    assert ("relation_what", "above", "the car") not in found  # two things are above it
    assert found[("exists", "a car")] == "yes"
    car = '[{"bbox_2d": [88, 92, 140, 132], "label": "car"}]'  # from 90, 92 to 140, 132
    assert found[("locate", "the car")] == found[("locate_all", "cars")] == car
    assert ("locate", "the dog") not in found
    dogs = json.loads(found[("locate_all", "dogs")])
    assert [(box["label"], box["bbox_2d"][:2]) for box in dogs] == [("dog", [8, 12]), ("dog", [168, 12])]
    assert [box["label"] for box in json.loads(found[("locate_all", "things")])] == ["dog", "dog", "car"]
    assert {found[key] for key in found if key[0] == "inside"} == {"dog", "car", "nothing"}
    assert {found[key] for key in found if key[0] == "locate" and key[1] != "the car"} == {"[]"}
    chinese = answers(FACTS, "zh")
    assert chinese[("locate", "汽车")] == car.replace("car", "汽车")
    assert chinese[("caption",)] == "白色背景上，上方有两个狗，中间有一个汽车。"
    assert chinese[("position", "汽车")] == "中间"


def test_chinese_counts_animals_by_their_measure_word_too() -> None:
    asks = [ask for seed in range(40) for ask in thing_questions.count(FACTS, random.Random(seed), "zh")]
    dogs = [worded(random.Random(seed), ask, "zh", "train").question for seed, ask in enumerate(asks) if ask.about]
    assert {"几个", "几只"} <= {word for text in dogs for word in ("几个", "几只") if word in text}
    assert not any("只" in text for text in dogs if "汽车" in text) and thing_questions.measure("cat") == "只"
    assert thing_questions.measure("car") == "辆" and thing_questions.measure("key") == "把"


def test_every_measure_word_counts_something_and_no_person_is_counted_as_a_thing() -> None:
    things = named_things()
    for measure, endings in measures.ENDINGS.items():
        for ending in endings.split():
            fitting = {measures.measure_of(thing.zh, thing.group) for thing in things if thing.zh.endswith(ending)}
            assert measure in fitting, ending
    assert {measures.measure_of(thing.zh, thing.group) for thing in things if thing.group == "person"} == {""}
    found = {thing.name: measures.measure_of(thing.zh, thing.group) for thing in things}
    assert [found[name] for name in ("umbrella", "snail", "mermaid", "book", "car")] == ["把", "只", "", "本", "辆"]


def test_some_things_have_no_article_of_one() -> None:
    grapes = FACTS | {"things": [thing(0, "grapes", "purple", 1, 1)]}
    assert caption(grapes, "en") == "Some grapes in the center, on a white background."
    assert answers(grapes)[("name_one",)] == "grapes"
    assert answers(grapes)[("color_of", "grapes")] == "purple"
    assert ("count", "grapes") not in answers(grapes)
    assert thing_questions.counted("glasses", 2, "en") == "two pairs of glasses"


def test_labels_stand_where_the_drawing_is() -> None:
    seen = 0
    for args in held_out(30, "things"):
        sample = args.make()
        names = parts()["things"].classes["item"]
        for fact in sample.facts["things"]:
            there = sample.dense["owner"] == fact["id"] + 1
            assert {names[i] for i in np.unique(sample.dense["item"][there])} <= {fact["thing"]}
            seen += bool(there.any())
            left, top, right, bottom = fact["box"]
            assert 0 <= left < right <= sample.frames.shape[2] and 0 <= top < bottom <= sample.frames.shape[1]
            middle = sample.frames[0, int((top + bottom) / 2), int((left + right) / 2)].astype(int)
            if fact["colour"] == "red":
                assert middle[0] > middle[1] + 60 and middle[0] > middle[2] + 60
    assert seen > 30


def test_each_part_draws_what_it_is_there_for() -> None:
    for name, split, drawings in (
        ("things", "train", "train"), ("things", "held", "train"),
        ("held_things", "held", "held"), ("unseen_things", "held", "unseen"),
        ("many_things", "train", "train"), ("held_many", "held", "held"), ("unseen_many", "held", "unseen"),
    ):  # fmt: skip
        assert parts()[name].make(3, (112, 112), 1, 1.0, 1.0, split).facts["drawings"] == drawings  # type: ignore[arg-type]
    pack = packs.pack()
    kept = {
        split: {drawing for thing in pictured.choice(split, "cpu") for drawing in pack.drawings(thing, split)}  # type: ignore[arg-type]
        for split in ("train", "held", "unseen")
    }
    assert kept["train"].isdisjoint(kept["held"]) and kept["train"].isdisjoint(kept["unseen"])


@pytest.mark.parametrize("name", [*chain(*EXAMS.values())])
def test_what_examines_is_refused_to_training(name: str) -> None:
    with pytest.raises(AssetsWithheld, match=name):
        parts()[name].make(3, (112, 112), 1, 1.0, 1.0, "train")


def test_a_drawing_is_varied_in_training_alone() -> None:
    thing = pictured.choice("train", "cpu")[0]
    shapes = {pictured.piece(random.Random(seed), thing, "train", False).pixels.shape for seed in range(40)}
    varied = [pictured.piece(random.Random(seed), thing, "train", True) for seed in range(40)]
    assert len({one.pixels.shape for one in varied}) > len(shapes)  # stretched
    image = Image.new("RGBA", (8, 8), (200, 40, 40, 128))
    turned = pictured.recoloured(image, 85, 1.0)
    assert turned.getpixel((0, 0))[1] > 150 and turned.getpixel((0, 0))[3] == 128  # red is green now, alpha as it was
    gray = pictured.recoloured(image, 0, 0.0).getpixel((0, 0))
    assert gray[0] == gray[1] == gray[2]


def test_a_thing_in_perspective_is_where_its_facts_say() -> None:
    size, bent = (140, 168), 0
    for seed in range(40):
        rng = random.Random(seed)
        found = pictured.placed(rng, pictured.wished(rng, "train", "cpu", 1.0, False), size, 1.0)
        pieces, figures = [one for one, _ in found], [figure for _, figure in found]
        paper = np.full((*size, 3), 128, dtype=np.uint8)
        picture, owners, moved = pictured.shown(rng, pieces, figures, paper, 1.0)
        bent += moved != figures
        facts = pictured.thing_facts(pieces, moved, owners, size)
        assert [fact["place"] for fact in facts] == [list(pictured.place_of(f.x, f.y, size)) for f in figures]
        for fact, one, figure in zip(facts, pieces, moved, strict=True):
            left, top, right, bottom = (round(side) for side in fact["box"])  # type: ignore[attr-defined]
            assert abs((left + right) / 2 - figure.x) < 4 and abs((top + bottom) / 2 - figure.y) < 4
            inner = picture[top:bottom, left:right].astype(int)
            assert (np.abs(inner - 128).max(axis=2) > 40).mean() > 0.6, one.thing.name  # discs fill their boxes
        ring = np.ones(size, dtype=bool)
        for fact in facts:
            left, top, right, bottom = (round(side) for side in fact["box"])  # type: ignore[attr-defined]
            ring[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = False
        assert np.abs(picture[ring].astype(int) - 128).max() < 20  # nothing lies outside of the boxes
    assert bent > 10


def test_no_pale_thing_stands_on_white() -> None:
    thing = pictured.choice("train", "cpu")[0]
    pale = np.full((96, 96, 4), 250, dtype=np.uint8)
    one = pictured.Piece(thing, pale, "")
    assert pictured.drowns(one, "white") and not pictured.drowns(one, "blue")
    pale[:40] = (20, 20, 20, 255)
    assert not pictured.drowns(one, "white")
    assert all(pictured.contrast(random.Random(seed), [one]) for seed in range(5))


def test_things_stand_on_all_sorts_of_grounds_and_are_told_alike() -> None:
    textures = set()
    for seed in range(120):
        sample = parts()["things"].make(seed, (112, 140), 1, 1.0, 1.0, "train")
        textures.add(sample.facts["texture"])
        assert sample.facts["background"] in caption(sample.facts, "en")
        assert sample.background == colour_class(sample.facts["background"])
    assert len(textures) > 8 and "plain" in textures


def test_a_missing_pack_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(packs.VARIABLE, str(tmp_path / "nowhere"))
    packs.pack.cache_clear()
    pictured.choice.cache_clear()
    with pytest.raises(AssetsMissing) as error:
        parts()["things"].make(1, (112, 112), 1, 1.0, 1.0, "train")
    assert "python -m model.training.assets" in str(error.value) + str(vars(error.value))
    packs.pack.cache_clear()


def test_what_is_not_there_is_not_named() -> None:
    rng = random.Random(1)
    assert all(thing_questions.stranger(FACTS, rng) not in ("dog", "car") for _ in range(200))
