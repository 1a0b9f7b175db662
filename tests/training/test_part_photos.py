"""Photos: known kinds are named, the others never; colours are those of the pixels."""

import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.training import photo_questions, photographs
from model.training.assets.pack import Pack, Photo, pack
from model.training.data import CLIP_SIZES, held_out
from model.training.labels import colour_class
from model.training.metrics import unsure
from model.training.parts import parts
from model.training.photo_questions import names
from model.training.photographs import Role
from model.training.sample import Split


def answers(facts: dict[str, Any], lang: str) -> dict[tuple[str, ...], str]:
    makers = photo_questions.MAKERS
    every = [ask for seed in range(80) for make in makers for ask in make(facts, random.Random(seed), lang)]  # type: ignore[arg-type]
    return {(ask.key, *ask.slots.values()): ask.answer for ask in every}


def test_worked_answers() -> None:
    apple = {"kind": "image", "shown": "apple", "group": "grocery", "colours": ["red", "white"]}
    found = answers(apple, "en")
    assert found[("caption",)] == "A photo of an apple, mostly red and white."
    assert found[("name_one",)] == "apple" and found[("main_color",)] == "red"
    assert found[("exists", "an apple")] == "yes" and found[("exists", "a lemon")] == "no"
    assert answers(apple, "zh")[("caption",)] == "一张苹果的照片，主要是红色和白色。"
    other = {"kind": "image", "shown": "", "group": "", "colours": ["green"]}
    found = answers(other, "en")
    assert found[("caption",)] == "A photo, mostly green; I cannot tell what it shows."
    assert found[("name_one",)] == found[("exists", "an apple")] == "I cannot tell"
    assert answers(other, "zh")[("caption",)] == "一张照片，主要是绿色，看不出来是什么。"


def test_both_kinds_come_in_every_split_and_labels_say_which() -> None:
    classes = parts()["photos"].classes
    shown = set()
    for args in held_out(40, "photos"):
        sample = args.make()
        facts = sample.facts
        shown.add(bool(facts["shown"]))
        label = classes["photo"][int(sample.dense["photo"][0, 0, 0])]
        assert label == (facts["shown"] or "unknown")
        assert (sample.dense["photo"] == sample.dense["photo"][0, 0, 0]).all()
        assert facts["colours"] == photographs.main_colours(sample.frames[0])
    assert shown == {True, False}


def test_splits_see_their_own_photos() -> None:
    for split, mark in (("train", "train/"), ("held", "val/")):
        _, photo = photographs.known(random.Random(3), pack(), (84, 112), split)  # type: ignore[arg-type]
        assert photo.key.startswith(mark)


def test_what_is_not_named_is_shown_whole_of_kinds_that_are_not_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training sees some kinds without their names; examinations show others, which it never met."""
    assert {photographs.role(name) for name in names()} == {"named", "nameless", "strange"}
    seen: list[tuple[str, ...]] = []
    given = photographs._drawn

    def watched(rng: random.Random, pack: Pack, split: Split, roles: tuple[Role, ...]) -> tuple[Image.Image, Photo]:
        image, photo = given(rng, pack, split, roles)
        assert photographs.role(photo.name) in roles
        seen.append(roles)
        return image, photo

    monkeypatch.setattr(photographs, "_drawn", watched)
    for split, role in (("train", "nameless"), ("held", "strange")):
        photographs.nameless(random.Random(3), pack(), (84, 112), split)  # type: ignore[arg-type]
        assert seen.pop() == (role,)
        photographs.whole(random.Random(3), pack(), (84, 112), split)  # type: ignore[arg-type]
        assert seen.pop() == (("named", "nameless") if split == "train" else ("strange",))
        photographs.known(random.Random(3), pack(), (84, 112), split)  # type: ignore[arg-type]
        assert seen.pop() == ("named",)
    photographs.crop(random.Random(3), pack(), (84, 112), "train")
    assert "strange" not in seen.pop()


def test_nothing_pictures_have_the_size_that_was_asked_for() -> None:
    for seed in range(24):
        pixels = photographs.unknown(random.Random(seed), pack(), (84, 140), "train")
        assert pixels.shape == (84, 140, 3) and pixels.dtype == np.uint8


def test_main_colours_are_measured() -> None:
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    pixels[:], pixels[:12] = (222, 28, 32), (35, 80, 215)
    assert photographs.main_colours(pixels) == ["red", "blue"]
    pixels[:12] = (222, 28, 32)
    assert photographs.main_colours(pixels) == ["red"]


def test_photos_and_films_of_anything_are_never_named() -> None:
    for name, view in (("any_photos", "A photo, "), ("any_films", "A video, ")):
        part = parts()[name]
        for args in held_out(12, name):
            sample = args.make()
            assert part.caption(sample.facts, "en").startswith(view) and unsure(part.caption(sample.facts, "zh"))
            assert sample.facts["colours"] == photographs.main_colours(sample.frames)
            for qa in sample.questions:
                assert qa.skill == "colour" or unsure(qa.answer), qa


def test_a_film_wanders_over_its_picture_and_keeps_its_size() -> None:
    for seed, size in zip(range(60), CLIP_SIZES * 8, strict=False):
        film = photographs.filmed(random.Random(seed), pack(), size, "train", 5)
        assert film.shape == (5, *size, 3) and film.dtype == np.uint8


def test_every_token_is_told_its_commonest_colour() -> None:
    frames = np.zeros((3, 28, 56, 3), dtype=np.uint8)
    frames[:, :, :28], frames[:, :, 28:] = (222, 28, 32), (35, 80, 215)
    frames[:, :5] = 255
    assert photographs.cell_colours(frames).tolist() == [[[colour_class("red"), colour_class("blue")]]] * 2
