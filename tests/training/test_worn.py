"""Wear keeps frames comparable; a bend moves pixels, points and boxes alike."""

import random

import numpy as np
import pytest

from model.training import worn
from model.training.lettering.drawing import draw, letters_of
from model.training.parts import parts
from model.training.parts.text import bent, facts_of
from model.training.worn import WAYS, Bend, bending, onto, wear_more
from tests.training.test_part_text import PAPER, a_board


def frames(count: int = 2) -> np.ndarray:  # type: ignore[type-arg]
    picture = np.full((count, 84, 112, 3), 200, dtype=np.uint8)
    picture[:, 30:50, 40:60] = (200, 30, 30)
    return picture


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_changes_pixels_but_not_the_picture(way: str) -> None:
    changed = 0
    for seed in range(8):
        worn = WAYS[way](random.Random(seed), frames())
        assert worn.shape == (2, 84, 112, 3) and worn.dtype == np.uint8
        red = worn[:, 35:45, 45:55].astype(float).mean(axis=(0, 1, 2))
        around = worn[:, :20].astype(float).mean(axis=(0, 1, 2))
        assert red[0] > red[1] + 80 and np.ptp(around) < 40
        changed += bool((worn != frames()).any())
    assert changed >= 7


def test_wear_is_pure_and_rarer_where_it_is_easy() -> None:
    clean = {hard: sum((wear_more(random.Random(s), frames(1), hard) == frames(1)).all() for s in range(200))
             for hard in (0.0, 1.0)}  # fmt: skip
    assert 70 <= clean[1.0] <= 120 and clean[0.0] > 150
    again = [wear_more(random.Random(3), frames(), 1.0) for _ in range(2)]
    assert np.array_equal(*again)


@pytest.mark.parametrize("way", ["blur", "jpeg", "noise", "resampled", "webp"])
def test_what_has_little_room_is_worn_less(way: str) -> None:
    drawn = np.random.default_rng(1).integers(0, 255, (1, 28, 28, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    changes = [
        np.mean([np.abs(WAYS[way](random.Random(seed), drawn, room).astype(int) - drawn).mean() for seed in range(30)])
        for room in (1.0, 2.0, 6.0)
    ]
    assert changes[0] < 0.95 * changes[1] and changes[1] <= changes[2] + 1e-9
    if way == "resampled":  # where there is room a picture goes through files of little more than 56 pixels
        assert changes[2] > 1.2 * changes[1]


WORN_FULLY = (  # drawings, boxes and photos spare what is thin or already poor
    "shapes", "clips", "pairs", "events", "things", "many_things", "thing_pairs", "thing_events", "short_text", "text",
    "letters",
)  # fmt: skip


@pytest.mark.parametrize("part", WORN_FULLY)
def test_what_is_drawn_meets_every_way_of_wear(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    met = dict.fromkeys(WAYS, 0)

    def watched(way: str, wear: worn.Way) -> worn.Way:
        def counted(rng: random.Random, frames: worn.Frames, room: float = worn.ROOM) -> worn.Frames:
            met[way] += 1
            return wear(rng, frames, room)

        return counted

    for way, wear in list(WAYS.items()):
        monkeypatch.setitem(WAYS, way, watched(way, wear))
    for seed in range(80):
        parts()[part].make(seed, (112, 112), 4, 2.0, 1.0, "train")
    assert min(met.values()) > 0 and sum(met.values()) > 40


def test_a_bend_moves_a_dot_where_it_says() -> None:
    for seed in range(20):
        bend = bending(random.Random(seed), (84, 112))
        picture = np.zeros((1, 84, 112), dtype=np.uint8)
        picture[0, 28:36, 60:68] = 255  # centre (64, 32)
        moved = bend.frames(picture)[0].astype(float)
        rows, columns = np.mgrid[:84, :112] + 0.5
        centre = (columns * moved).sum() / moved.sum(), (rows * moved).sum() / moved.sum()
        assert np.abs(np.array(centre) - bend.points(np.array([[64.0, 32.0]]))[0]).max() < 0.5
        left, top, right, bottom = bend.box((60.0, 28.0, 68.0, 36.0))
        assert left < centre[0] < right and top < centre[1] < bottom


def test_a_bend_shows_nothing_from_outside() -> None:
    for seed in range(20):
        plain = np.full((1, 84, 112, 3), 200, dtype=np.uint8)
        assert (bending(random.Random(seed), (84, 112)).frames(plain) == 200).all()


def test_four_points_come_to_the_corners() -> None:
    corners = np.array([(5.0, 3.0), (100.0, 6.0), (108.0, 80.0), (2.0, 78.0)])
    bend = onto(corners, (84, 112))
    assert np.allclose(bend.points(corners), [(0, 0), (112, 0), (112, 84), (0, 84)])
    assert np.allclose(Bend(np.eye(3)).points(corners), corners)


def test_poor_light_leaves_white_lighter_than_any_gray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worn, "light", lambda rng, size: np.ones((*size, 1), dtype=np.float32))
    white = np.full((1, 4, 4, 3), 255, dtype=np.uint8)
    assert min(int(worn.lit(random.Random(seed), white).min()) for seed in range(300)) > 200


def test_letters_in_perspective_lie_where_their_ink_is() -> None:
    moved = 0
    for seed in range(20):
        board = a_board(lines=(("Bo4k", "HI"),))
        (after,) = bent(random.Random(seed), [board], (112, 140))
        if after.bend is None:
            continue
        moved += 1
        dark = after.bend.frames(draw(PAPER, [after])[None])[0, ..., 0] < 128
        letters = letters_of(after, 0)
        xs, ys = [x for one in letters for x, _ in one.corners], [y for one in letters for _, y in one.corners]
        rows, columns = np.nonzero(dark)
        assert min(xs) - 1 <= columns.min() <= min(xs) + 5 and max(xs) - 5 <= columns.max() <= max(xs) + 1
        assert abs(rows.min() - min(ys)) <= 3 and abs(rows.max() - max(ys)) <= 3
        for letter in letters:
            x, y = letter.centre
            assert dark[int(y) - 9 : int(y) + 10, int(x) - 5 : int(x) + 6].any(), letter.char
        left, top, right, bottom = facts_of("white", [after], letters, (112, 140))["things"][0]["box"]
        assert left <= min(xs) and top <= min(ys) and right >= max(xs) and bottom >= max(ys)
    assert moved > 8
