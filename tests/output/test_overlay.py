"""Boxes drawn over a picture: frames where the boxes are, tags that stay within it, whatever the size."""

import numpy as np
import pytest
from PIL import Image

from qwenvl_cli.output.overlay import COLOURS, draw
from qwenvl_cli.results import LocatedBox


def changed(size: tuple[int, int], *boxes: LocatedBox) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    """(H, W): which pixels of a gray picture are drawn on."""
    before = Image.new("RGB", size, (128, 128, 128))
    after = draw(before, boxes)
    assert after.size == size and (np.asarray(before) == 128).all()
    return (np.asarray(after) != np.asarray(before)).any(-1)


def test_frames_are_within_their_boxes() -> None:
    """The last row and column of a box are drawn, the next ones are not."""
    drawn = changed((400, 300), LocatedBox((100, 100, 200, 180), "x"))
    assert drawn[100:180, 100].all() and drawn[100:180, 199].all() and drawn[179, 100:200].all()
    assert not drawn[100:, 200:].any() and not drawn[180:].any() and not drawn[110:170, 110:190].any()


@pytest.mark.parametrize(
    "box", [(0, 0, 30, 30), (370, 0, 400, 40), (0, 280, 400, 300), (0, 0, 400, 300), (399, 299, 400, 300)]
)
def test_tags_are_whole_wherever_the_box_is(box: tuple[int, int, int, int]) -> None:
    """As many pixels of tag as in the middle of the picture."""
    middle = changed((400, 300), LocatedBox((150, 150, 152, 152), "red star")).sum()
    drawn = changed((400, 300), LocatedBox(box, "red star"))
    assert drawn.sum() >= middle - 4  # the frame there has four


def test_things_of_one_name_share_a_colour() -> None:
    """Others have one of their own."""
    boxes = [LocatedBox((10, 100 + 60 * row, 50, 140 + 60 * row), name) for row, name in enumerate("aba")]
    picture = draw(Image.new("RGB", (400, 300)), boxes)
    found = ["#{:02x}{:02x}{:02x}".format(*picture.getpixel((10, box.bbox[1] + 20))) for box in boxes]  # type: ignore[misc]
    assert found == [COLOURS[0], COLOURS[1], COLOURS[0]]


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (2000, 30)])
def test_small_and_long_pictures_can_be_drawn_on(size: tuple[int, int]) -> None:
    assert changed(size, LocatedBox((0, 0, *size), "a" * 200), LocatedBox((0, 0, 1, 1), "")).any()
