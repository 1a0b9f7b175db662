"""The world tells the truth: what it says of a picture or clip is what was drawn, and a seed always draws the same."""

import json
import pickle
import random
from collections.abc import Iterator

import numpy as np
import pytest

from model.training import colours, labels
from model.training.clips import plan_clip
from model.training.paint import light, paint
from model.training.placing import CLEAR, HELD_PAIRS, apart, place_of
from model.training.sample import CELL, Sample
from model.training.scene import plan_scene
from model.training.things import Figure, catalogue, shapes, words
from model.training.world import make_sample

SIZES = ((112, 112), (112, 168), (140, 196), (252, 112))


def pictures(count: int, start: int = 0, difficulty: float = 1.0) -> Iterator[Sample]:
    for seed in range(start, start + count):
        yield make_sample(seed, "image", SIZES[seed % len(SIZES)], 1, 1.0, difficulty)


def clips(count: int, start: int = 0) -> Iterator[Sample]:
    for seed in range(start, start + count):
        yield make_sample(seed, "video", ((84, 112), (112, 84))[seed % 2], (4, 6, 8, 12)[seed % 4], 2.0, 1.0)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_seed_always_draws_the_same(kind: str) -> None:
    frames = 1 if kind == "image" else 8
    one, two = (make_sample(11, kind, (112, 140), frames, 2.0, 1.0) for _ in range(2))  # type: ignore[arg-type]
    assert pickle.dumps(one) == pickle.dumps(two)
    other = make_sample(12, kind, (112, 140), frames, 2.0, 1.0)  # type: ignore[arg-type]
    assert not np.array_equal(one.frames, other.frames)


def test_training_and_evaluation_draw_different_scenes_for_one_seed() -> None:
    train = [make_sample(seed, "image", (112, 112), 1, 1.0, 1.0, "train").facts for seed in range(20)]
    held = [make_sample(seed, "image", (112, 112), 1, 1.0, 1.0, "held").facts for seed in range(20)]
    assert sum(one["things"] == two["things"] for one, two in zip(train, held, strict=True)) == 0


def test_shapes_and_types_of_a_sample() -> None:
    for sample in (*pictures(4), *clips(4)):
        count, height, width, channels = sample.frames.shape
        assert sample.frames.dtype == np.uint8 and sample.frames.flags.c_contiguous and channels == 3
        grid = ((count + 1) // 2, height // CELL, width // CELL)
        own = {"char", "text"} if sample.kind == "image" else {"motion", "story", "order"}
        always = {"thing", "colour", "alike", "across", "down", "column", "row", "owner", "anchor"}
        assert set(sample.dense) == always | own
        ids = [*range(len(sample.facts["things"]) + 1)]
        classes = labels.class_names() | {"owner": ids, "anchor": ids}
        for name, values in sample.dense.items():
            assert values.shape == grid and values.dtype == np.int64
            assert values.min() >= 0 and values.max() < len(classes[name])
        json.dumps(sample.facts)
        assert sample.questions


def test_cells_name_only_things_that_are_there_and_large_ones_are_named() -> None:
    names = ("background", *catalogue())
    for sample in pictures(120):
        facts = sample.facts["things"]
        seen = {names[index] for index in np.unique(sample.dense["thing"])} - {"background"}
        assert seen <= {fact["thing"] for fact in facts}
        tints = {colours.NAMES[index - 1] for index in np.unique(sample.dense["colour"]) if index}
        assert tints <= {fact["colour"] for fact in facts}
        for fact in facts:
            left, top, right, bottom = fact["box"]
            if min(right - left, bottom - top) < 2 * CELL or fact["thing"] in ("ring", "crescent", "text"):
                continue
            cell = sample.dense["thing"][0, int((top + bottom) / 2 // CELL), int((left + right) / 2 // CELL)]
            assert names[cell] == fact["thing"]


def test_a_cell_is_named_after_the_thing_that_owns_most_of_it_if_it_owns_enough() -> None:
    masks = np.zeros((2, 28, 84), dtype=np.uint8)
    masks[:, :, :20] = 1  # most of the first cell
    masks[:, :14, 20:28] = 2
    masks[:, :3, 28:56] = 2  # 3 of 28 rows: 10.7 %, too little
    masks[0, :, 56:84] = 2  # in one of two frames
    assert labels.owners(masks, 2).tolist() == [[[1, 0, 2]]]


def test_places_are_clear_of_their_borders_and_things_are_whole_and_apart() -> None:
    for sample in pictures(150, start=500):
        height, width = sample.facts["size"]
        boxes = []
        for fact in sample.facts["things"]:
            left, top, right, bottom = fact["box"]
            assert left >= 0 and top >= 0 and right <= width and bottom <= height
            y, x = (top + bottom) / 2, (left + right) / 2
            assert list(place_of(x, y, (height, width))) == fact["place"]
            for value, side in ((y, height), (x, width)):
                assert min(abs(value / side - 1 / 3), abs(value / side - 2 / 3)) >= CLEAR - 0.002
            boxes.append(tuple(fact["box"]))
        assert all(apart(a, b, gap=2.8) for i, a in enumerate(boxes) for b in boxes[:i])
        assert len({tuple(fact["place"]) for fact in sample.facts["things"]}) == len(boxes)


def test_the_drawn_pixels_have_the_named_colour() -> None:
    """The middle of a large circle is nearer to an anchor of its own colour than to any of another's."""
    seen = 0
    for sample in pictures(120, start=900, difficulty=0.0):
        for fact in sample.facts["things"]:
            if fact["thing"] not in ("circle", "square", "hexagon", "pentagon"):
                continue
            left, top, right, bottom = (int(value) for value in fact["box"])
            y, x = (top + bottom) // 2, (left + right) // 2
            middle = np.median(sample.frames[0, y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3), axis=0)
            distance = {
                name: min(float(np.abs(middle - np.array(anchor)).sum()) for anchor in anchors)
                for name, anchors in colours.ANCHORS.items()
            }
            assert min(distance, key=lambda name: distance[name]) == fact["colour"]
            seen += 1
    assert seen > 15


def test_every_thing_fills_its_box_and_rings_have_holes() -> None:
    for name in shapes():
        figure = Figure(name, "red", (255, 0, 0), 56, 56, 80, 80)
        brush = paint([figure], (255, 255, 255), (112, 112), 2)
        ys, xs = np.nonzero(np.asarray(brush.ids))
        assert max(xs.max() - xs.min(), ys.max() - ys.min()) >= 78
        assert xs.min() >= 15 and xs.max() <= 97 and ys.min() >= 15 and ys.max() <= 97
        red = np.asarray(brush.picture.reduce(2))[..., 1] < 128
        assert np.mean(red == (np.asarray(brush.ids) > 0)) > 0.97, name
        assert (np.asarray(brush.ids)[56, 56] == 0) == (name in ("ring", "crescent")), name


def test_letters_are_labelled_where_they_stand() -> None:
    figure = Figure("text", "black", (0, 0, 0), 84, 28, words.aspect_of("GO", 0.0) * 56, 56, variant=0.0, text="GO")
    brush = paint([figure], (255, 255, 255), (56, 168), 2)
    chars = np.asarray(brush.chars)
    order = [int(chars[28, x]) for x in range(168) if chars[28, x]]
    assert sorted(set(order), key=order.index) == [words.code_of("g"), words.code_of("o")]
    ink = np.asarray(brush.picture.reduce(2))[..., 0] < 128
    assert ink.any() and (np.asarray(brush.ids)[ink] == 1).mean() > 0.98


def test_light_never_leaves_the_range_of_a_byte() -> None:
    """A ramp above one once turned white corners pink."""
    for seed in range(50):
        ramp = light(random.Random(seed), (84, 112))
        assert ramp.min() > 0.8 and ramp.max() <= 1.0


def test_training_never_shows_a_held_pair_and_evaluation_does() -> None:
    for split, expected in (("train", False), ("held", True)):
        found = False
        for seed in range(400):
            rng = random.Random(seed)
            figures = plan_scene(rng, (112, 112), 1.0, split)[1]  # type: ignore[arg-type]
            actors = plan_clip(rng, (112, 112), 8, 1.0, split)[1]  # type: ignore[arg-type]
            shown = [*figures, *(f for actor in actors for t in (0, 7) if (f := actor.at(t)) is not None)]
            found |= any((figure.thing, figure.colour) in HELD_PAIRS for figure in shown)
        assert found is expected


@pytest.mark.parametrize("what", ["left", "right", "up", "down"])
def test_what_moves_goes_the_way_that_is_told(what: str) -> None:
    axis, sign = {"left": (1, -1), "right": (1, 1), "up": (0, -1), "down": (0, 1)}[what]
    seen = 0
    for seed in range(250):
        actors = plan_clip(random.Random(seed), (84, 112), 8, 1.0, "train")[1]
        for actor in actors:
            first, last = actor.at(0), actor.at(7)
            if actor.event is None or actor.event.what != what or first is None or last is None:
                continue
            moved = (last.y - first.y, last.x - first.x)
            assert moved[axis] * sign >= 0.25 * (84, 112)[axis] and abs(moved[1 - axis]) < 1e-6
            seen += 1
    assert seen >= 5


def test_motion_labels_follow_the_frames_of_each_pair() -> None:
    here = Figure("star", "red", (255, 0, 0), 40, 40, 30, 30)
    there = Figure("star", "red", (255, 0, 0), 36, 40, 30, 30)
    blue = Figure("star", "blue", (0, 0, 255), 40, 40, 30, 30)
    large = Figure("star", "red", (255, 0, 0), 40, 40, 33, 33)
    cases = [(here, there, "left"), (there, here, "right"), (here, here, "still"), (None, here, "appear")]
    cases += [(here, None, "vanish"), (here, blue, "recolour"), (here, large, "grow"), (large, here, "shrink")]
    for before, after, wanted in cases:
        assert labels.MOTIONS[labels.motion_class(before, after)] == wanted


def test_events_are_visible_and_in_their_order() -> None:
    for sample in clips(160):
        frames = sample.facts["events"] and len(sample.frames)
        ordered = sorted((e for e in sample.facts["events"] if e["order"] is not None), key=lambda e: e["order"])
        assert len(ordered) in (0, 2)
        if ordered:
            assert ordered[0]["end"] < ordered[1]["end"] and ordered[0]["start"] < ordered[1]["start"]
        for event in sample.facts["events"]:
            if event["what"] in ("appear", "vanish", "recolour"):
                assert 1 <= event["start"] <= frames - 1
            if event["what"] == "recolour":
                assert event["to"] != sample.facts["things"][event["id"]]["colour"]


def test_difficulty_zero_shows_mostly_one_large_thing() -> None:
    easy = [sample.facts["things"] for sample in pictures(150, difficulty=0.0)]
    hard = [sample.facts["things"] for sample in pictures(150, difficulty=1.0)]
    assert sum(len(things) == 1 for things in easy) > 120
    assert sum(len(things) == 1 for things in hard) < 80
    assert {len(things) for things in hard} >= {1, 2, 3, 4, 5, 6}
