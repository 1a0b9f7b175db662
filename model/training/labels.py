"""Dense labels: what every merged token (28 x 28 pixels, two frames in a clip) shows, where, and what became of it.

The tower is told what it sees within one pair of frames; a middle layer of the decoder what the frames so far tell.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from model.training import colours
from model.training.sample import CELL, Facts, Told
from model.training.things import Figure, catalogue, words

COVER = 0.12  # share of a cell that a thing must own to name it
STEADY = 0.25  # pixels; less than this within a pair of frames is standing still
MOST = 6  # equal things that are told apart by number
RANKS = 9  # kinds of things that a caption tells one after the other
FAR = 6  # half cells; centres farther from a cell count as this far
STEPS = tuple(range(-FAR, FAR + 1))
HALVES = 24  # half cells along the longest side
LOOKS = ("thing", "colour", "text", "alike", "column", "row")
TOWER = ("thing", "colour", "char", "motion", "text", "alike", "across", "down", "rank")
DECODER = ("alike", "story", "order", "column", "row", "rank")
Map = NDArray[np.int64]
Look = Callable[[Sequence[Figure | None], int], tuple[int, ...]]  # a frame and an index -> classes of that figure
MOTIONS = ("nothing", "still", "left", "right", "up", "down", "appear", "vanish", "recolour", "grow", "shrink")


def class_names() -> dict[str, tuple[str, ...]]:
    """Names of the classes of every dense map, by index; a head per map has this many outputs.

    `alike` is how many things of the same look a frame holds, `story` what has happened so far to the thing that is, or
    was last, in a cell, and `order` whether that is the first or the second of two events. `across` and `down` say how
    far the centre of the thing lies from that of the cell, `column` and `row` where it lies in the picture, in half
    cells. The tower cannot know the latter: its rotary positions are relative, and borders look like nothing. `rank` is
    when the caption of a picture comes to it (`ranks`).
    """
    return {
        "thing": ("background", *catalogue()),
        "colour": ("none", *colours.NAMES),
        "char": ("none", *words.CHARS),
        "motion": MOTIONS,
        "across": ("none", *map(str, STEPS)),
        "down": ("none", *map(str, STEPS)),
        "text": ("none", *texts()),
        "alike": ("none", *(str(count + 1) for count in range(MOST))),
        "story": MOTIONS,
        "order": ("none", "first", "second"),
        "column": ("none", *map(str, range(HALVES))),
        "row": ("none", *map(str, range(HALVES))),
        "rank": ("none", *map(str, range(1, RANKS + 1))),
    }


@cache
def texts() -> tuple[str, ...]:
    """Every word in its three cases and every number, as a class each."""
    cases = (str.lower, str.upper, str.capitalize)
    return tuple(str(number) for number in range(100)) + tuple(case(word) for word in words.WORDS for case in cases)


def colour_class(name: str) -> int:
    """Class of a colour's name; 0 for "", of what has no one colour."""
    return colours.NAMES.index(name) + 1 if name else 0


def centre_classes(x: float, y: float) -> tuple[int, int]:
    """Classes of the column and the row, in half cells, of a thing's centre; one beyond the border counts as on it."""
    across, down = (min(max(0, int(at / CELL * 2)), HALVES - 1) + 1 for at in (x, y))
    return across, down


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


def change_of(before: Figure | None, after: Figure | None) -> str:
    """What happens to the look of one thing within a pair of frames; "" where at most its place changes."""
    if before is None or after is None:
        return "appear" if after is not None else "vanish" if before is not None else "nothing"
    if before.colour != after.colour:
        return "recolour"
    if abs(after.width - before.width) > STEADY:
        return "grow" if after.width > before.width else "shrink"
    return ""


def motion_class(before: Figure | None, after: Figure | None) -> int:
    """What happens to one thing within a pair of frames."""
    change = change_of(before, after)
    if change or before is None or after is None:
        return MOTIONS.index(change)
    x, y = after.x - before.x, after.y - before.y
    if max(abs(x), abs(y)) <= STEADY:
        return MOTIONS.index("still")
    if abs(x) > abs(y):
        return MOTIONS.index("right" if x > 0 else "left")
    return MOTIONS.index("down" if y > 0 else "up")


def looks(frame: Sequence[Figure | None], index: int) -> tuple[int, ...]:
    """Classes of one figure of a frame: thing, colour, text, alike, column, row."""
    figure = frame[index]
    if figure is None:
        return (0,) * 6
    alike = sum(
        o is not None and (o.thing, o.colour, o.text) == (figure.thing, figure.colour, figure.text) for o in frame
    )
    return (
        list(catalogue()).index(figure.thing) + 1,
        colour_class(figure.colour),
        texts().index(figure.text) + 1 if figure.text else 0,
        min(alike, MOST),
        *centre_classes(figure.x, figure.y),
    )


def offsets(column: Map, row: Map) -> dict[str, Map]:
    """How far the centre of each cell's thing lies right of and below the cell's centre, in half cells."""
    across = column - 1 - (2 * np.arange(column.shape[2]) + 1)
    down = row - 1 - (2 * np.arange(row.shape[1]) + 1)[:, None]
    away = {"across": across, "down": down}
    return {name: np.where(column > 0, np.clip(far, -FAR, FAR) + FAR + 1, 0) for name, far in away.items()}


def last_owners(who: Map) -> Map:
    """From owners (t, h, w) to who owns each cell or, where nobody does, who did last."""
    seen = who.copy()
    for pair in range(1, len(seen)):
        seen[pair] = np.where(who[pair] > 0, who[pair], seen[pair - 1])
    return seen


def anchors(who: Map, across: Map, down: Map) -> Map:
    """From owners (t, h, w) and offsets to the centre: a thing's owner at its one cell nearest to the centre."""
    found = np.zeros_like(who)
    far = np.abs(across - FAR - 0.5) + np.abs(down - FAR - 0.5)
    for pair in range(len(who)):
        for owner in np.unique(who[pair][who[pair] > 0]):
            away = np.where(who[pair] == owner, far[pair], np.inf)
            found[pair].flat[int(away.argmin())] = owner
    return found


def ranks(owner: Map, told: Sequence[Told]) -> Map:
    """When a caption comes to the thing of each cell, from 1; 0 where it tells of none. Equal things have one rank.

    The caption goes through a picture row by row without saying so: which thing is next has to be known.
    """
    most = max(int(owner.max()), *(thing + 1 for _, things in told for thing in things))
    table = np.zeros(most + 1, dtype=np.int64)
    for rank, things in enumerate(dict.fromkeys(things for _, things in told), 1):
        table[[thing + 1 for thing in things]] = min(rank, RANKS)
    return np.asarray(table[owner])


def story_tables(events: Sequence[Facts], pairs: int) -> tuple[Map, Map]:
    """From the events of things 0..n-1 to (t, n + 1): what happened by the end of each pair of frames, and its rank."""
    story, order = np.zeros((2, pairs, len(events) + 1), dtype=np.int64)
    for event in events:
        for pair in range(pairs):
            begun = event["start"] <= 2 * pair + 1
            story[pair, event["id"] + 1] = MOTIONS.index(event["what"] if begun else "still")
            order[pair, event["id"] + 1] = event["order"] + 1 if begun and event["order"] is not None else 0
    return story, order


def look_maps(
    who: Map, frames: Sequence[Sequence[Figure | None]], names: Sequence[str] = LOOKS, look: Look = looks
) -> dict[str, Map]:
    """What the thing of each cell looks like, by `look`, and where its centre is; owners (t, h, w), 2t frames.

    Beside the maps of classes come `owner` and `anchor`, whose values are 1 + the id of a thing: what questions point
    at (`pointing`).
    """
    table = np.zeros((len(names), len(who), len(frames[0]) + 1), dtype=np.int64)
    for pair in range(len(who)):
        before, after = frames[2 * pair], frames[2 * pair + 1]
        for index, figure in enumerate(after):
            table[:, pair, index + 1] = look(before if figure is None else after, index)
    maps = {name: table[row, np.arange(len(who))[:, None, None], who] for row, name in enumerate(names)}
    maps |= offsets(maps["column"], maps["row"])
    return maps | {"owner": last_owners(who), "anchor": anchors(who, maps["across"], maps["down"])}


def dense_maps(
    masks: NDArray[np.uint8],
    chars: NDArray[np.uint8] | None,
    frames: Sequence[Sequence[Figure | None]],
    events: Sequence[Facts] = (),
) -> dict[str, Map]:
    """Label every cell; a clip has as many `events` as things, a picture none.

    `masks` (2t, H, W) holds an even number of frames; `frames` the figures of each, by owner; see `look_maps`.
    """
    count = len(frames[0])
    who = owners(masks, count)
    maps = look_maps(who, frames)
    if not events:
        return maps | {"char": owners(chars, len(words.CHARS)) if chars is not None else np.zeros_like(who)}
    pairs, times = len(who), np.arange(len(who))[:, None, None]
    motion = np.zeros((pairs, count + 1), dtype=np.int64)
    for pair in range(pairs):
        for index in range(count):
            motion[pair, index + 1] = motion_class(frames[2 * pair][index], frames[2 * pair + 1][index])
    story, order = story_tables(events, pairs)
    seen = maps["owner"]
    maps |= {"motion": motion[times, who], "story": story[times, seen], "order": order[times, seen]}
    del maps["text"]
    return maps
