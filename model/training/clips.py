"""Plans a clip: one or two things that move, stay, appear, disappear, change colour or size, and still bystanders."""

import random
from dataclasses import dataclass, replace

from model.training import colours
from model.training.placing import PLACES, Box, Wish, allowed_pair, apart, extent, settle, shape_figure
from model.training.sample import RGB, Size, Split
from model.training.scene import mixed
from model.training.things import Figure

MOTIONS = ("left", "right", "up", "down")
CHANGES = ("appear", "vanish", "recolour", "grow", "shrink")
STEP = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
TINY = 0.45  # what is left of a thing that shrinks, or is there before it grows


@dataclass(frozen=True)
class Event:
    """What happens to one thing between frames `start` and `end`; `order` counts from 0, None means no order."""

    what: str
    start: int
    end: int
    order: int | None = None
    to: str = ""
    to_rgb: RGB = (0, 0, 0)


@dataclass(frozen=True)
class Actor:
    """A figure at its first place, where it ends, and what happens to it (None: it stays as it is)."""

    figure: Figure
    event: Event | None = None
    end_x: float = 0.0
    end_y: float = 0.0

    def at(self, frame: int) -> Figure | None:
        """The figure in one frame, None while it is not there."""
        event = self.event
        if event is None or event.what == "still":
            return self.figure
        if event.what == "appear":
            return self.figure if frame >= event.start else None
        if event.what == "vanish":
            return self.figure if frame < event.start else None
        if event.what == "recolour":
            return self.figure if frame < event.start else replace(self.figure, colour=event.to, rgb=event.to_rgb)
        done = min(1.0, max(0.0, (frame - event.start) / max(1, event.end - event.start)))
        if event.what in MOTIONS:
            x = self.figure.x + (self.end_x - self.figure.x) * done
            return replace(self.figure, x=x, y=self.figure.y + (self.end_y - self.figure.y) * done)
        size = TINY + (1 - TINY) * (done if event.what == "grow" else 1 - done)
        return replace(self.figure, width=self.figure.width * size, height=self.figure.height * size)


def windows(rng: random.Random, frames: int, count: int) -> list[tuple[int, int]]:
    """Split the clip into `count` windows of frames, one after the other."""
    if count == 1:
        pause = rng.random() < 0.3 and frames >= 8
        return [(rng.randint(0, frames // 4), frames - 1 - rng.randint(0, frames // 4)) if pause else (0, frames - 1)]
    half = frames // 2
    return [(0, half - 1), (half, frames - 1)]


def an_event(
    rng: random.Random,
    what: str,
    window: tuple[int, int],
    order: int | None,
    names: list[str],
    wish: Wish,
    split: Split,
) -> Event:
    """Place one event in its window; what happens at once happens well inside it."""
    start, end = window
    if what in ("appear", "vanish", "recolour"):
        inner = (end - start + 1) // 4
        moment = rng.randint(start + max(1, inner), max(start + 1, end - inner))
        start = end = moment
    to = ""
    if what == "recolour":
        to = rng.choice(
            [
                n
                for n in names
                if n != wish.colour
                and allowed_pair(wish.thing, n, split)
                and frozenset((n, wish.colour)) not in colours.ALIKE
            ]
        )
    return Event(what, start, end, order, to, colours.shade(rng, to) if to else (0, 0, 0))


def _path(rng: random.Random, figure: Figure, what: str, taken: list[Box], size: Size) -> tuple[Actor, Box] | None:
    """Find a straight way of at least a third of the side that no other thing stands on."""
    step_x, step_y = STEP[what]
    box = extent(replace(figure, x=0, y=0))
    for _ in range(12):
        side = size[1] if step_x else size[0]
        half = box[2] if step_x else box[3]
        room = side - 2 * half - 3
        travel = rng.uniform(0.6, 1.0) * room
        if travel < 0.3 * side:
            figure = replace(figure, width=figure.width * 0.85, height=figure.height * 0.85)
            box = extent(replace(figure, x=0, y=0))
            continue
        low = half + 1.5 + rng.uniform(0, room - travel)
        across = rng.uniform(
            (box[3] if step_x else box[2]) + 1.5, (size[0] - box[3] if step_x else size[1] - box[2]) - 1.5
        )
        first, last = (low, low + travel) if step_x + step_y > 0 else (low + travel, low)
        begin = replace(figure, x=first, y=across) if step_x else replace(figure, x=across, y=first)
        finish = replace(figure, x=last, y=across) if step_x else replace(figure, x=across, y=last)
        one, two = extent(begin), extent(finish)
        swept = (min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3]))
        if all(apart(swept, other) for other in taken):
            return Actor(begin, None, finish.x, finish.y), swept
    return None


def pick_events(rng: random.Random, frames: int, difficulty: float) -> list[tuple[str, int | None]]:
    """Choose what happens: one event, two in order, or two movements at once."""
    every = (*MOTIONS, *MOTIONS, *CHANGES, "appear", "vanish", "recolour", "still", "still")
    roll = rng.random()
    if roll < 0.7 * (0.3 + 0.7 * difficulty) and frames >= 6:
        return [(rng.choice((*MOTIONS, *CHANGES, "appear", "vanish")), order) for order in (0, 1)]
    if roll > 1 - 0.15 * difficulty:
        return [(rng.choice((*MOTIONS, "still")), None), (rng.choice(MOTIONS), None)]
    return [(rng.choice(every), None)]


def plan_clip(rng: random.Random, size: Size, frames: int, difficulty: float, split: Split) -> tuple[str, list[Actor]]:
    """Return the background's name and the actors, those with an event first, in the order of their events."""
    while True:  # an actor may find no room; a clip in which nobody is left is planned again
        background, actors = _try_clip(rng, size, frames, difficulty, split)
        if actors:
            return background, actors


def _try_clip(rng: random.Random, size: Size, frames: int, difficulty: float, split: Split) -> tuple[str, list[Actor]]:
    background = colours.background(rng)
    names = colours.contrasting(background)
    plan = pick_events(rng, frames, difficulty)
    spans = windows(rng, frames, 2 if len(plan) == 2 and plan[0][1] is not None else 1)
    bystanders = rng.choices((0, 1, 2), (1 - 0.5 * difficulty, 0.35 * difficulty, 0.15 * difficulty))[0]
    wishes = mixed(rng, len(plan) + bystanders, names, split)
    actors: list[Actor] = []
    taken: list[Box] = []
    for index, wish in enumerate(wishes):
        what, order = plan[index] if index < len(plan) else ("still", None)
        figure = shape_figure(rng, wish, rng.uniform(0.28, 0.6 if len(wishes) == 1 else 0.4), size)
        window = spans[order or 0]
        event = an_event(rng, what, window, order, names, wish, split)
        actor = _enact(rng, figure, event, taken, size)
        if actor is not None:
            actors.append(actor)
    return background, _renumber(actors)


def _enact(rng: random.Random, figure: Figure, event: Event, taken: list[Box], size: Size) -> Actor | None:
    """Find room for one actor and note the room as taken."""
    if event.what in MOTIONS:
        found = _path(rng, figure, event.what, taken, size)
        if found is None:
            return None
        taken.append(found[1])
        return replace(found[0], event=event)
    put = settle(rng, figure, taken, size, list(PLACES))
    if put is None:
        return None
    taken.append(extent(put))
    return Actor(put, event)


def _renumber(actors: list[Actor]) -> list[Actor]:
    """Where one of two ordered events found no room, nothing is ordered any more."""
    ordered = [actor for actor in actors if actor.event is not None and actor.event.order is not None]
    if len(ordered) != 1:
        return actors
    return [replace(a, event=replace(a.event, order=None)) if a.event is not None else a for a in actors]
