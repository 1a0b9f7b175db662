"""Dense labels of clips with a clock: what happens within a pair of frames, and what has happened so far and when."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.training import labels
from model.training.events.acts import WAYS
from model.training.events.clock import LONGEST, Clock
from model.training.events.troupe import SHAPES, Troupe
from model.training.labels import STEADY, Map, change_of
from model.training.sample import Facts
from model.training.things import Figure

DOING = ("nothing", "still", *WAYS, "appear", "vanish", "recolour", "grow", "shrink", "spin", "cut")
BLINKS = tuple(f"blink {count}" for count in range(1, 6))
HAPPENED = (*DOING[:-1], "circle", "bounce", "meet", *BLINKS)
HALVES = tuple(f"{half / 2:g}" for half in range(2 * LONGEST + 2))
# What the tower can tell of a pair of frames, and what only the middle of the decoder can, where pairs have met.
CLASSES: dict[str, tuple[str, ...]] = {"doing": DOING}
TOLD: dict[str, tuple[str, ...]] = {
    "happened": HAPPENED,
    "now": ("none", *HALVES),
    "since": ("none", *HALVES),
}
FOUND = ("doing", "order", "happened", "since")
SECTORS = ("right", "down_right", "down", "down_left", "left", "up_left", "up", "up_right")
TURNED = 3.0  # degrees within a pair; less is no turning
SHOWN = 0.5  # of a way round or of jumping that must be over before it can be told from straight movement


def doing_class(before: Figure | None, after: Figure | None) -> int:
    """What happens to one thing within a pair of frames."""
    change = change_of(before, after)
    if change or before is None or after is None:
        return DOING.index(change)
    if abs(after.angle - before.angle) > TURNED:
        return DOING.index("spin")
    x, y = after.x - before.x, after.y - before.y
    if max(abs(x), abs(y)) <= STEADY:
        return DOING.index("still")
    return DOING.index(SECTORS[round(math.atan2(y, x) / (math.pi / 4)) % 8])


def happened_class(event: Facts, frame: int, poses: Sequence[Figure | None]) -> int:
    """What became of one thing up to a frame; going round and jumping say nothing before half of it is over."""
    what, start, end = event["what"], event["start"], event["end"]
    if what == "still" or frame < start:
        return HAPPENED.index("still")
    if what == "blink":
        gone = [pose is None for pose in poses[: frame + 1]]
        return HAPPENED.index(f"blink {sum(gone)}")
    if what in ("circle", "bounce") and frame < start + SHOWN * (end - start):
        return 0
    return HAPPENED.index(what)


def half_class(seconds: float) -> int:
    """The class of a time, in half seconds."""
    return min(round(2 * seconds), len(HALVES) - 1) + 1


def tables(facts: Facts, clock: Clock, cast: Sequence[Sequence[Figure | None]], pairs: int) -> dict[str, Map]:
    """For every pair of frames and thing (0: nobody): doing, order, happened and since."""
    found = {name: np.zeros((pairs, len(facts["things"]) + 1), dtype=np.int64) for name in FOUND}
    for event in facts["events"]:
        poses, at = [figures[event["id"]] for figures in cast], event["id"] + 1
        for pair in range(pairs):
            last = min(2 * pair + 1, clock.frames - 1)
            found["doing"][pair, at] = doing_class(poses[2 * pair], poses[last])
            begun = event["what"] != "still" and event["start"] <= last
            found["order"][pair, at] = event["order"] + 1 if begun and event["order"] is not None else 0
            found["happened"][pair, at] = happened_class(event, last, poses)
            found["since"][pair, at] = half_class(event["at"]) if begun and event["at"] is not None else 0
    return found


def dense(
    masks: NDArray[np.uint8],
    cast: Sequence[Sequence[Figure | None]],
    facts: Facts,
    clock: Clock,
    troupe: Troupe = SHAPES,
) -> dict[str, Map]:
    """Label every cell; where a scene is cut within a pair, all cells of that pair are.

    What happens within a pair is told of the thing in a cell, what has happened and when of the thing that is or was
    last there, and what second it is (in the middle of the pair) of all cells.
    """
    shown = cast if len(cast) % 2 == 0 else [*cast, cast[-1]]
    pairs, times = len(masks) // 2, np.arange(len(masks) // 2)[:, None, None]
    who = labels.owners(masks, len(cast[0]))
    maps = labels.look_maps(who, shown, troupe.labels, troupe.look)
    found, seen = tables(facts, clock, cast, pairs), maps["owner"]
    maps |= {name: found[name][times, who if name == "doing" else seen] for name in found}
    for scene in facts["scenes"][1:]:
        if scene["start"] % 2:
            maps["doing"][scene["start"] // 2] = DOING.index("cut")
    lasts = [clock.times[min(2 * pair + 1, clock.frames - 1)] for pair in range(pairs)]
    seconds = [half_class((clock.times[2 * pair] + last) / 2) for pair, last in enumerate(lasts)]
    return maps | {"now": np.broadcast_to(np.array(seconds)[:, None, None], who.shape).copy()}


def mark_moments(facts: Facts, owner: Map) -> None:
    """Write into each event and each new scene which media tokens show its beginning; `owner` is (t, h, w)."""
    size = owner[0].size
    for event in facts["events"]:
        if event["what"] != "still":
            pair = event["start"] // 2
            shown = np.flatnonzero(owner[pair] == event["id"] + 1) + pair * size
            event["cells"] = shown.tolist()
    for scene in facts["scenes"][1:]:
        first = scene["start"] // 2 * size
        scene["cells"] = list(range(first, first + size))
