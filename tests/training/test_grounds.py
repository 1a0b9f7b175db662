"""Grounds keep the name of their colour, letters on them can be read, and patterns have no colour of the things."""

import random

import numpy as np
import pytest

from model.training import colours, grounds
from model.training.assets.tint import named
from model.training.grounds import Ground, ground, second_colour
from model.training.sample import RGB, Size

SIZE: Size = (140, 168)


def drawn(count: int, ink: RGB | None = None, names: tuple[str, ...] = colours.NAMES) -> list[tuple[str, Ground]]:
    """Grounds that are not flat, of all names in turn, with the names."""
    found = []
    for seed in range(count):
        rng, name = random.Random(seed), names[seed % len(names)]
        made = ground(rng, name, colours.shade(rng, name), SIZE, 1.0, "train", (), ink)
        if made.texture != "plain":
            found.append((name, made))
    return found


def test_a_ground_is_called_by_the_colour_that_most_of_it_has() -> None:
    seen = 0
    for name, made in drawn(330):
        rng = random.Random(1)
        usual = named(np.array([colours.shade(rng, name) for _ in range(40)], dtype=np.uint8))
        if (usual == colours.NAMES.index(name)).mean() < 0.99:
            continue  # a colour whose very shades are called by two names
        shares = np.bincount(named(made.pixels.reshape(-1, 3)), minlength=len(colours.NAMES)) / made.pixels[..., 0].size
        assert shares.argmax() == colours.NAMES.index(name) and shares.max() > 0.58, (name, made.texture)
        seen += 1
    assert seen > 60


def test_letters_can_be_read_on_what_is_drawn_for_them() -> None:
    textures = set()
    for ink, names in (((10, 10, 10), ("white", "yellow", "pink")), ((250, 250, 250), ("blue", "black", "red"))):
        for _, made in drawn(240, ink, names):
            away = np.abs(grounds.luminance(made.pixels.astype(np.float32)) - ink[0])
            assert (away > 40).mean() > 0.94, made.texture
            textures.add(made.texture)
    assert textures >= {"waves", "dots", "bars", "gradient", "stripes", "photo"}
    assert not textures & set(grounds.RULED)


def test_bold_grounds_are_bolder_than_those_of_drawings() -> None:
    spread = {bold: [float(grounds.strengthened(
        random.Random(seed), grounds.wavy(random.Random(seed), (35, 80, 215), SIZE), "blue", (35, 80, 215), None, bold
    ).std(axis=(0, 1)).max()) for seed in range(40)] for bold in (False, True)}  # fmt: skip
    assert np.median(spread[True]) > 1.5 * np.median(spread[False])


def test_small_letters_have_no_bold_ground() -> None:
    for seed in range(200):
        made = ground(random.Random(seed), "white", (250, 250, 250), SIZE, 1.0, "train", (), (10, 10, 10), bold=False)
        assert np.abs(made.pixels.astype(int) - 250)[::4, ::4].mean() < 30
        assert made.texture not in ("dots", "bars")


def test_most_pictures_stay_flat_and_easy_ones_more_often() -> None:
    flat = {hard: sum(ground(random.Random(seed), "red", (222, 28, 32), SIZE, hard, "train").texture == "plain"
                      for seed in range(300)) for hard in (0.0, 1.0)}  # fmt: skip
    assert 155 < flat[1.0] < 205 and flat[0.0] > 240
    one, two = (ground(random.Random(5), "red", (222, 28, 32), SIZE, 1.0, "train") for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)


@pytest.mark.parametrize("kept", [("red",), ("white", "green"), ()])
def test_a_pattern_has_no_colour_of_a_thing(kept: tuple[str, ...]) -> None:
    for seed in range(60):
        rgb = second_colour(random.Random(seed), "blue", kept, None)
        assert rgb is not None
        near = {
            name: min(sum(abs(a - b) for a, b in zip(rgb, anchor, strict=True)) for anchor in anchors)
            for name, anchors in colours.ANCHORS.items()
        }
        name = min(near, key=lambda name: near[name])
        assert name not in (*kept, "blue")
        assert not any(frozenset((name, other)) in colours.ALIKE for other in (*kept, "blue"))
    assert second_colour(random.Random(1), "blue", colours.NAMES, None) is None
