"""Every part of the world keeps the common contract: pure in its arguments, labelled, asked about, answered."""

import argparse
from itertools import chain

import numpy as np
import pytest

from model.training import train
from model.training.data import PARTS, Plan, dense_classes, held_out, plan_batch
from model.training.evaluate import EXAMS
from model.training.export import command_of, shown
from model.training.labels import class_names
from model.training.parts import Part, parts
from model.training.phrasings import HELD, tables
from model.training.sample import CELL

EVERY = pytest.mark.parametrize("part", parts().values(), ids=list(parts()))


@EVERY
def test_a_part_is_a_pure_function_of_its_arguments(part: Part) -> None:
    for one, two in zip(held_out(4, part.name), held_out(4, part.name), strict=True):
        first, second = one.make(), two.make()
        assert np.array_equal(first.frames, second.frames)
        assert first.facts == second.facts and first.questions == second.questions


@EVERY
def test_a_part_labels_every_token_and_points_at_its_things(part: Part) -> None:
    known = class_names() | {name: names for one in parts().values() for name, names in one.classes.items()}
    classes = {name: len(names) for name, names in known.items()}
    for args in held_out(12, part.name):
        sample = args.make()
        count, height, width, _ = sample.frames.shape
        assert (height, width) == args.size and sample.kind == part.kind
        assert count == (part.pictures if part.kind == "image" else args.frames)
        steps = part.pictures if part.kind == "image" else (count + 1) // 2
        grid = (steps, height // CELL, width // CELL)
        things = [fact["id"] for fact in sample.facts.get("things", [])]
        for name, values in sample.dense.items():
            assert values.shape == grid
            limit = classes.get(name, len(things) + 1)  # owner and anchor count things
            assert values.min() >= 0 and values.max() < limit, name
        for qa in sample.questions:
            assert {*(qa.about or ()), *(qa.other or ())} <= {*things}, qa


@EVERY
def test_a_part_asks_what_it_weighs_in_both_languages(part: Part) -> None:
    asked = set[tuple[str, str]]()
    for count, args in enumerate(held_out(400, part.name), 1):
        asked |= {(qa.skill, qa.lang) for qa in args.make().questions}
        if count >= 60 and len(asked) == 2 * len({skill for skill, _ in asked}):
            break  # the rarest are asked of one sample in hundreds
    skills = {skill for skill, _ in asked}
    assert skills <= set(part.skills)
    assert asked == {(skill, lang) for skill in skills for lang in ("en", "zh")}
    facts = held_out(1, part.name)[0].make().facts
    assert part.caption(facts, "en").isascii() and not part.caption(facts, "zh").isascii()


def test_wordings_are_many_in_both_languages() -> None:
    english, chinese = tables()["en"], tables()["zh"]
    assert english.keys() == chinese.keys()
    for lang, table in tables().items():
        for key, wordings in table.items():
            assert len(set(wordings)) == len(wordings) > 2 * HELD[lang], (lang, key)


def test_a_plan_draws_its_parts_by_their_shares() -> None:
    drawn = [plan_batch(Plan(seed=2), step, 1.0)[0].part for step in range(400)]
    for name, share in PARTS:
        assert abs(drawn.count(name) / 400 - share) < 0.08
    only = Plan(parts=(("clips", 1.0),))
    assert {plan_batch(only, step, progress)[0].part for step in range(5) for progress in (0.0, 1.0)} == {"clips"}
    assert set(dense_classes((("shapes", 1.0),))[0]) == set(dense_classes()[0])


def test_parts_are_chosen_on_the_command_line() -> None:
    args = train.parser().parse_args(["--out", "x", "--parts", "shapes=0.3,clips=1"])
    assert args.parts == (("shapes", 0.3), ("clips", 1.0))
    assert "--parts shapes=0.3,clips=1" in command_of(vars(args)) and "--tower-parts" not in command_of(vars(args))
    two = train.parser().parse_args(["--out", "x", "--parts", "shapes=1", "--tower-parts", "letters=0.5,boxes=0.5"])
    assert "--tower-parts letters=0.5,boxes=0.5" in command_of(vars(two))
    none = train.parser().parse_args(["--out", "x", "--steps", "9", "--tower-first", "0"])
    assert "--steps 9" in command_of(vars(none)) and "--minutes" not in command_of(vars(none))
    assert "--tower-first 0.0" in command_of(vars(none))  # which is not what is done where nothing is said
    assert shown({"args": vars(two)}) == {"shapes", "letters", "boxes"}
    assert {name for name, _ in train.shares("wide")} == {*parts()} - {"any_photos"} - set(chain(*EXAMS.values()))
    with pytest.raises(argparse.ArgumentTypeError, match=r"no part is called hats; there are .*clips, "):
        train.shares("hats=1")
