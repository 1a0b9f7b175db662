"""Two pictures in one prompt: worked answers, truth of every change, and the layout of a batch."""

import random
from typing import Any

import numpy as np
import pytest

from model.config import model_config, preprocess_config
from model.tokenizer import Tokenizer
from model.training import world
from model.training.batches import BatchSource, media_of
from model.training.data import Plan, batch_samples, held_out
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.modeling import small_config
from model.training.pairing import difference_of, where_of
from model.training.parts import pairs, parts
from model.training.pointing import HEADS


def thing(number: int, name: str, colour: str, *place: int) -> dict[str, Any]:
    return {"id": number, "thing": name, "colour": colour, "place": list(place)}


def pair(how: str, one: list[dict[str, Any]], two: list[dict[str, Any]]) -> dict[str, Any]:
    pictures = [{"kind": "image", "background": "white", "things": things, "events": []} for things in (one, two)]
    return {"kind": "image", "how": how, "pictures": pictures, "things": [*one, *two]}


RECOLOURED = pair(
    "recolour",
    [thing(0, "star", "red", 0, 0), thing(1, "ring", "blue", 2, 2)],
    [thing(2, "star", "green", 0, 0), thing(3, "ring", "blue", 2, 2)],
)
NEW = pair("new", [thing(0, "star", "red", 0, 0)], [thing(1, "star", "red", 0, 0), thing(2, "ring", "blue", 1, 1)])


def answers(facts: dict[str, Any], lang: str = "en") -> dict[tuple[str, ...], str]:
    every = [ask for seed in range(5) for make in pairs.MAKERS for ask in make(facts, random.Random(seed), lang)]  # type: ignore[arg-type]
    return {(ask.key, *ask.slots.values()): ask.answer for ask in every}


def test_worked_answers() -> None:
    one = answers(RECOLOURED)
    assert one[("pair_difference",)] == "the star is red in the first and green in the second"
    assert one[("pair_same",)] == "no"
    assert one[("pair_where", "a red star")] == "the first"
    assert one[("pair_where", "a green star")] == "the second"
    assert one[("pair_where", "a blue ring")] == "both"
    assert one[("pair_more", "shapes")] == "both have the same number"
    two = answers(NEW)
    assert two[("pair_difference",)] == "the blue ring is only in the second"
    assert two[("pair_more", "shapes")] == "the second"
    assert two[("pair",)] == (
        "First: A red star at the top left, on a white background. "
        "Second: A red star at the top left and a blue ring in the center, on a white background."
    )
    assert answers(NEW, "zh")[("pair_difference",)] == "只有第二张有蓝色的圆环"
    assert answers(RECOLOURED, "zh")[("pair_difference",)] == "星形在第一张是红色，在第二张是绿色"
    assert answers(pair("same", NEW["pictures"][0]["things"], NEW["pictures"][0]["things"]))[("pair_same",)] == "yes"


def test_what_is_asked_points_at_both_pictures() -> None:
    asks = {ask.slots["a"]: ask for ask in where_of(pairs.named)(RECOLOURED, random.Random(0), "en")}
    assert asks["a blue ring"].about == (1, 3) and asks["a red star"].about == (0,)
    (ask,) = difference_of(pairs.change)(RECOLOURED, random.Random(0), "en")
    assert (ask.about, ask.other) == ((0,), (2,))
    (ask,) = pairs.MAKERS[0](NEW, random.Random(0), "en")
    assert ask.told == (
        ("a red star", (0,)), ("at the top left", (0,)),
        ("a red star", (1,)), ("at the top left", (1,)), ("a blue ring", (2,)), ("in the center", (2,)),
    )  # fmt: skip


def test_of_what_stays_in_both_pictures_one_is_more() -> None:
    two = [thing(0, "star", "red", 0, 0), thing(1, "star", "red", 1, 1)]
    gone = pair("gone", two, [thing(2, "star", "red", 0, 0)])
    assert answers(gone)[("pair_difference",)] == "the first has one more red star"
    assert answers(gone, "zh")[("pair_difference",)] == "第一张多一个红色的星形"


def test_pictures_differ_exactly_where_they_are_said_to() -> None:
    seen = set()
    for args in held_out(60, "pairs"):
        facts = args.make().facts
        seen.add(facts["how"])
        one, two = (
            [(f["thing"], f["colour"], *f["place"]) for f in picture["things"]] for picture in facts["pictures"]
        )
        if facts["how"] == "same":
            assert one == two
        elif facts["how"] == "recolour":
            assert sum(a != b for a, b in zip(one, two, strict=True)) == 1
        elif facts["how"] in ("gone", "new"):
            assert len({*one} ^ {*two}) == 1
    assert seen == set(pairs.ALTERED)


def test_what_is_the_same_looks_the_same_before_wear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "wear_more", lambda rng, frames, difficulty, room: frames)
    every = [pairs.make(seed, (112, 112), 1, 1.0, 1.0, "train") for seed in range(40)]
    alike = [np.array_equal(*sample.frames) for sample in every if sample.facts["how"] == "same"]
    assert len(alike) > 3 and all(alike)
    assert not any(np.array_equal(*sample.frames) for sample in every if sample.facts["how"] != "same")


def test_a_batch_lays_both_pictures_before_the_questions() -> None:
    config = model_config(small_config("cpu", Tokenizer.from_file(TOKENIZER)))
    preprocess = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    plan = Plan(seed=5, batch=4, questions=6, parts=(("pairs", 1.0),))
    batch = BatchSource(plan, str(TOKENIZER), config, preprocess)[0]
    samples, asked = batch_samples(plan, 0, 0.0)
    assert len(batch.grids) == 2 * len(samples)
    tokens = sum(grid[0] * grid[1] * grid[2] // 4 for grid in batch.grids[:2])
    assert batch.media.shape == (len(samples), tokens)
    assert all(len(labels) == len(samples) * tokens for labels in batch.dense.values())
    assert batch.targets[: int(batch.media.max()) + 1].max() < 0  # nothing is asked before both were shown
    about = batch.pointers.labels[HEADS.index("about")] == 1
    assert bool(about.any()) and len(asked) == len(samples)
    assert [medium.grid for medium in media_of(samples[0], preprocess)] == list(batch.grids[:2])
    assert parts()["pairs"].pictures == 2 and np.array_equal(samples[0].frames[:1], next(samples[0].media()))
