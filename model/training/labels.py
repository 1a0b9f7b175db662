"""Dense labels: what stands in every merged token (28 x 28 pixels, two frames in a clip)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.training import colours
from model.training.sample import CELL
from model.training.things import Figure, catalogue, words

COVER = 0.12  # share of a cell that a thing must own to name it
STEADY = 0.25  # pixels; less than this within a pair of frames is standing still
MOTIONS = ("nothing", "still", "left", "right", "up", "down", "appear", "vanish", "recolour", "grow", "shrink")


def class_names() -> dict[str, tuple[str, ...]]:
    """Names of the classes of every dense map, by index; a head per map has this many outputs."""
    return {
        "thing": ("background", *catalogue()),
        "colour": ("none", *colours.NAMES),
        "char": ("none", *words.CHARS),
        "motion": MOTIONS,
    }


def colour_class(name: str) -> int:
    """Class of a colour's name."""
    return colours.NAMES.index(name) + 1


def owners(masks: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """From (2t, H, W) pixels owned by 0..count to (t, H/28, W/28): who owns most of each cell, 0 under `COVER`."""
    frames, height, width = masks.shape
    grid = (frames // 2, height // CELL, width // CELL)
    cells = masks.reshape(grid[0], 2, grid[1], CELL, grid[2], CELL)  # (t, 2, h, 28, w, 28)
    shares = np.stack([(cells == owner).mean(axis=(1, 3, 5)) for owner in range(1, count + 1)]) if count else None
    if shares is None:
        return np.zeros(grid, dtype=np.int64)
    best = shares.argmax(axis=0)
    return np.where(shares.max(axis=0) > COVER, best + 1, 0).astype(np.int64)


def motion_class(before: Figure | None, after: Figure | None) -> int:
    """What happens to one thing within a pair of frames."""
    if before is None or after is None:
        return MOTIONS.index("appear" if after is not None else "vanish" if before is not None else "nothing")
    if before.colour != after.colour:
        return MOTIONS.index("recolour")
    if abs(after.width - before.width) > STEADY:
        return MOTIONS.index("grow" if after.width > before.width else "shrink")
    x, y = after.x - before.x, after.y - before.y
    if max(abs(x), abs(y)) <= STEADY:
        return MOTIONS.index("still")
    if abs(x) > abs(y):
        return MOTIONS.index("right" if x > 0 else "left")
    return MOTIONS.index("down" if y > 0 else "up")


def dense_maps(
    masks: NDArray[np.uint8], chars: NDArray[np.uint8] | None, frames: Sequence[Sequence[Figure | None]]
) -> dict[str, NDArray[np.int64]]:
    """Label every cell. `masks` holds an even number of frames; `frames` the figures of each, by owner."""
    count = len(frames[0])
    who = owners(masks, count)
    tables = np.zeros((3, who.shape[0], count + 1), dtype=np.int64)
    things = list(catalogue())
    for pair in range(who.shape[0]):
        for index, (before, after) in enumerate(zip(frames[2 * pair], frames[2 * pair + 1], strict=True)):
            figure = after or before
            if figure is None:
                continue
            moved = motion_class(before, after)
            tables[:, pair, index + 1] = things.index(figure.thing) + 1, colour_class(figure.colour), moved
    times = np.arange(who.shape[0])[:, None, None]
    maps = {name: tables[row, times, who] for row, name in enumerate(("thing", "colour", "motion"))}
    maps["char"] = owners(chars, len(words.CHARS)) if chars is not None else np.zeros_like(who)
    return maps
