"""Plans a clip: who does what and when, where everyone has room for it, and clips that are cut into scenes."""

import random
from dataclasses import dataclass, replace
from itertools import pairwise

from model.training import colours
from model.training.events.acts import ACTS, WAYS, Act, Event, Poses, Role, Span, moved, swept
from model.training.events.clock import Clock
from model.training.events.troupe import SHAPES, Troupe
from model.training.placing import CLEAR, PLACES, SMALLEST, Box, Wish, apart, extent, place_of
from model.training.sample import Size, Split
from model.training.things import Figure

# Weights of what a clip is about, at difficulty 0 and 1.
MODES = {"single": (0.8, 0.34), "ordered": (0.08, 0.34), "both": (0.0, 0.08), "meet": (0.06, 0.1), "cut": (0.06, 0.14)}
CARDINAL = ("left", "right", "up", "down")
DIAGONAL = tuple(way for way in WAYS if way not in CARDINAL)
MOVES = (*CARDINAL, *DIAGONAL)
OFTEN = ("appear", "vanish", "recolour", "grow", "shrink")  # what has a moment that can be asked for
SINGLE = (*MOVES, *MOVES, *OFTEN, *OFTEN, "appear", "vanish", *("circle", "bounce", "spin", "blink") * 3, "still")
ORDERED = (*MOVES, *OFTEN, *OFTEN, "appear", "vanish", "circle", "bounce", "spin", "blink")
AT_ONCE = (*MOVES, "circle", "bounce", "still")
SHORTEST_ORDERED = 6  # frames
THREE_SCENES = 0.25
TOUCH = -1.5  # pixels between the boxes of two things that meet; corners are often cut off
NEIGHBOURLY = 6.0  # pixels that others keep apart, so that nobody takes them for meeting
STAY = Event("still")


@dataclass(frozen=True)
class Actor:
    """A thing in every frame of the clip, and what happens to it."""

    poses: Poses
    event: Event = STAY
    scene: int = 0

    @property
    def figure(self) -> Figure:
        """How it looks when it is first seen."""
        return next(pose for pose in self.poses if pose is not None)


@dataclass(frozen=True)
class Show:
    """Actors, those with an ordered event first; the backgrounds of the scenes and their first frames."""

    actors: tuple[Actor, ...]
    backgrounds: tuple[str, ...]
    cuts: tuple[int, ...] = ()

    def scene_at(self, frame: int) -> int:
        """The number of the scene that a frame belongs to."""
        return sum(frame >= cut for cut in self.cuts)


@dataclass
class Stage:
    """The room that is left while actors find their places."""

    size: Size
    taken: list[Box]
    free: list[tuple[int, int]]

    def settle(self, rng: random.Random, poses: Poses) -> Poses | None:
        """Shift poses around the origin to where the first is clearly in a free place and none meets another thing."""
        left, top, right, bottom = swept(poses)
        low_x, high_x, low_y, high_y = 1.5 - left, self.size[1] - right - 1.5, 1.5 - top, self.size[0] - bottom - 1.5
        if low_x > high_x or low_y > high_y:
            return None
        first = next(pose for pose in poses if pose is not None)
        for _ in range(24):
            x, y = rng.uniform(low_x, high_x), rng.uniform(low_y, high_y)
            box = (left + x, top + y, right + x, bottom + y)
            place = clear_place(first.x + x, first.y + y, self.size)
            if place in self.free and all(apart(box, other, NEIGHBOURLY) for other in self.taken):
                self.taken.append(box)
                self.free.remove(place)
                return tuple(None if pose is None else moved(pose, x, y) for pose in poses)
        return None


def clear_place(x: float, y: float, size: Size) -> tuple[int, int]:
    """The (row, column) of a centre among the nine places, (-1, -1) on a line between two."""
    shares = y / size[0], x / size[1]
    near = min(abs(share - line / 3) for share in shares for line in (1, 2))
    return place_of(x, y, size) if near >= CLEAR else (-1, -1)


def cast(rng: random.Random, what: str, role: Role, stage: Stage, order: int | None = None) -> Actor | None:
    """Let a figure act where there is room, smaller when it must be."""
    for _ in range(6):
        act: Act | None = ACTS[what](rng, role, what)
        poses = stage.settle(rng, act[1]) if act else None
        if act and poses:
            return Actor(poses, replace(act[0], order=order))
        if max(role.figure.width, role.figure.height) <= SMALLEST:
            return None
        factor = max(0.8, SMALLEST / max(role.figure.width, role.figure.height))
        role = replace(role, figure=scaled(role.figure, factor))
    return None


def scaled(figure: Figure, factor: float) -> Figure:
    """The figure in another size."""
    return replace(figure, width=figure.width * factor, height=figure.height * factor)


def plan(
    rng: random.Random, size: Size, clock: Clock, difficulty: float, split: Split, troupe: Troupe = SHAPES
) -> Show:
    """Plan one clip of such a troupe; one in which somebody finds no room is planned again."""
    while True:
        weights = [(1 - difficulty) * easy + difficulty * full for easy, full in MODES.values()]
        mode = rng.choices(list(MODES), weights)[0]
        if mode == "ordered" and clock.frames < SHORTEST_ORDERED:
            mode = "single"
        if mode == "cut":
            show = try_cut(rng, size, clock, difficulty, split, troupe)
        else:
            show = try_acts(rng, size, clock, difficulty, split, troupe, mode)
        if show is not None:
            return show


def whole(clock: Clock) -> Span:
    """From the second frame to the last."""
    return Span(1, clock.frames - 1, clock.times[-1])


def parts_of(rng: random.Random, clock: Clock) -> tuple[Span, Span]:
    """Two spans, one after the other, with at least one step between frames in which nothing happens."""
    middle = rng.randint(3, clock.frames - 3)
    return Span(1, middle - 1, clock.times[middle - 1]), Span(middle + 1, clock.frames - 1, clock.times[-1])


def doings(rng: random.Random, clock: Clock, mode: str, troupe: Troupe) -> list[tuple[str, Span, int | None]]:
    """What is done in which span, and its rank."""
    if mode == "ordered":
        return [(rng.choice(troupe.able(ORDERED)), span, order) for order, span in enumerate(parts_of(rng, clock))]
    if mode == "both":
        return [(what, whole(clock), None) for what in (rng.choice(AT_ONCE), rng.choice(MOVES))]
    return [(rng.choice(troupe.able(SINGLE)), whole(clock), None)]


def try_acts(
    rng: random.Random, size: Size, clock: Clock, difficulty: float, split: Split, troupe: Troupe, mode: str
) -> Show | None:
    """Acts of one or two things (or two that meet), and things that stay; None where an actor finds no room."""
    background = colours.background(rng)
    names = colours.contrasting(background)
    todo = [] if mode == "meet" else doings(rng, clock, mode, troupe)
    acting = 2 if mode == "meet" else len(todo)
    others = rng.choices((0, 1, 2), (1 - 0.5 * difficulty, 0.35 * difficulty, 0.15 * difficulty))[0]
    wishes = troupe.choose(rng, acting + others, background, split)
    tints = tuple(name for name in names if all(wish.colour != name for wish in wishes))
    large = 0.6 if len(wishes) == 1 else 0.4
    stage, actors = Stage(size, [], [*PLACES]), list[Actor]()
    if mode == "meet":
        figures = [troupe.figure(rng, wish, rng.uniform(0.24, 0.38), size) for wish in wishes[:2]]
        actors += meeting(rng, figures, stage, clock) or []
    for index, wish in enumerate(wishes[len(actors) :]):
        what, span, order = todo[index] if index < len(todo) else ("still", whole(clock), None)
        figure = troupe.figure(rng, wish, rng.uniform(0.28, large), size)
        actor = cast(rng, what, Role(figure, span, clock, size, tints, split), stage, order)
        if actor is not None:
            actors.append(actor)
        elif index < len(todo) or mode == "meet":
            return None
    return Show(tuple(actors), (background,)) if len(actors) >= acting else None


def meeting(rng: random.Random, figures: list[Figure], stage: Stage, clock: Clock) -> list[Actor] | None:
    """Two things that come together, side by side or one above the other; one of them may wait for the other."""
    level = rng.random() < 0.5
    sides = [extent(figure)[2 if level else 3] for figure in figures]
    room = stage.size[1 if level else 0] - 2 * sum(sides) - 4
    frames = [frame for frame in range(2, clock.frames) if clock.said(clock.moment(frame)) is not None]
    if room < 0.22 * min(stage.size) or not frames:
        return None
    end, way = clock.moment(rng.choice(frames)), rng.choice((-1, 1))
    travel = room * rng.uniform(0.75, 1.0)
    share = rng.choice((0.0, 1.0, 0.5, rng.uniform(0.3, 0.7)))
    both = list[Poses]()
    for figure, far, side in zip(figures, (share, 1 - share), (way, -way), strict=True):
        rest = side * (sides[len(both)] + TOUCH / 2)
        places = [rest + side * far * travel * (1 - min(1.0, time / end)) for time in clock.times]
        both.append(tuple(moved(figure, place if level else 0, 0 if level else place) for place in places))
    return together(rng, both, Event("meet", end, end), stage)


def together(rng: random.Random, both: list[Poses], event: Event, stage: Stage) -> list[Actor] | None:
    """Place two things that keep to each other: as one wide thing, which both then stand in places of."""
    left, top, right, bottom = swept((*both[0], *both[1]))
    for _ in range(24):
        x = rng.uniform(1.5 - left, max(1.5 - left, stage.size[1] - right - 1.5))
        y = rng.uniform(1.5 - top, max(1.5 - top, stage.size[0] - bottom - 1.5))
        placed = [tuple(moved(pose, x, y) for pose in poses if pose is not None) for poses in both]
        places = [clear_place(poses[0].x, poses[0].y, stage.size) for poses in placed]
        if (-1, -1) in places or places[0] == places[1]:
            continue
        stage.taken.append((left + x, top + y, right + x, bottom + y))
        stage.free = [place for place in stage.free if place not in places]
        return [Actor(poses, replace(event, other=1 - index)) for index, poses in enumerate(placed)]
    return None


def cut_frames(rng: random.Random, clock: Clock, count: int) -> tuple[int, ...] | None:
    """The first frames of all scenes but the first, at least two frames apart and mostly at moments with a name."""
    frames = [frame for frame in range(1, clock.frames) if clock.said(clock.moment(frame)) is not None]
    frames = frames if len(frames) >= count and rng.random() < 0.85 else [*range(1, clock.frames)]
    cuts = sorted(rng.sample(frames, min(count, len(frames))))
    return tuple(cuts) if all(after - before >= 2 for before, after in pairwise(cuts)) else None


def other_background(rng: random.Random, last: str) -> str:
    """A background that nobody takes for the last one."""
    while True:
        name = colours.background(rng)
        if name in colours.contrasting(last):
            return name


def try_cut(
    rng: random.Random, size: Size, clock: Clock, difficulty: float, split: Split, troupe: Troupe
) -> Show | None:
    """Two or three scenes, each with a background and one or two things of its own that stand still."""
    count = 3 if clock.frames >= 8 and rng.random() < THREE_SCENES * difficulty else 2
    cuts = cut_frames(rng, clock, count - 1)
    if cuts is None:
        return None
    bounds = (0, *cuts, clock.frames)
    backgrounds, actors, used = list[str](), list[Actor](), list[Wish]()
    for scene in range(count):
        backgrounds.append(other_background(rng, backgrounds[-1]) if backgrounds else colours.background(rng))
        many = 1 if rng.random() > 0.4 * difficulty or count == 3 else 2
        wishes = troupe.choose(rng, many, backgrounds[-1], split, used)
        used += wishes
        stage = Stage(size, [], [*PLACES])
        for wish in wishes:
            figure = troupe.figure(rng, wish, rng.uniform(0.28, 0.7 if many == 1 else 0.4), size)
            actor = cast(rng, "still", Role(figure, whole(clock), clock, size), stage)
            if actor is None:
                return None
            shown = tuple(p if bounds[scene] <= f < bounds[scene + 1] else None for f, p in enumerate(actor.poses))
            actors.append(Actor(shown, scene=scene))
    return Show(tuple(actors), tuple(backgrounds), cuts)
