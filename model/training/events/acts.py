"""What one thing can do in a clip, as its look in every frame, before it has a place."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from model.training import colours
from model.training.clips import TINY
from model.training.events.clock import Clock
from model.training.placing import Box, allowed_pair, extent
from model.training.sample import RGB, Size, Split
from model.training.things import Figure

WAYS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
    "up_left": (-1, -1),
    "up_right": (1, -1),
    "down_left": (-1, 1),
    "down_right": (1, 1),
}
SWITCHES = ("appear", "vanish", "recolour")
ROUND = ("circle", "ring", "sun", "moon", "clock", "egg")  # nobody sees these turn, or some drawings of them
FAST, SLOW = 0.55, 0.2  # short sides a second from which and up to which a movement is called so
FROM_START = 0.4  # share of what lasts that has begun when the clip begins
SHORTEST = 0.22  # short sides that a movement covers at least
WOBBLE = math.radians(6)
MOST_BLINKS = 5
Poses = tuple[Figure | None, ...]


@dataclass(frozen=True)
class Event:
    """What happens to one thing between two moments in seconds; `order` counts from 0, None means no order.

    `start` is None for what goes on from the beginning, `times` counts blinks, `pace` is fast, slow or neither, and
    `other` the thing that is met.
    """

    what: str
    start: float | None = None
    end: float | None = None
    order: int | None = None
    to: str = ""
    to_rgb: RGB = (0, 0, 0)
    times: int = 0
    pace: str = ""
    other: int | None = None


@dataclass(frozen=True)
class Span:
    """The frames in which an act may first show, and the last second by which it is done."""

    first: int
    last: int
    limit: float


@dataclass(frozen=True)
class Role:
    """Who acts: a figure at the origin, when it may, and what it may turn into."""

    figure: Figure
    span: Span
    clock: Clock
    size: Size
    tints: tuple[str, ...] = ()
    split: Split = "train"


Act = tuple[Event, Poses]


def begin(rng: random.Random, role: Role, spare: int = 0) -> int | None:
    """The frame in which an act first shows, mostly one whose time can be told, with `spare` frames after it."""
    frames = range(role.span.first, role.span.last - spare + 1)
    told = [frame for frame in frames if role.clock.said(role.clock.moment(frame)) is not None]
    pool = told if told and rng.random() < 0.85 else [*frames]
    return rng.choice(pool) if pool else None


def start_of(rng: random.Random, role: Role) -> float | None:
    """When something that lasts begins: 0 for with the clip, None where no time is left for it."""
    if role.span.first == 1 and rng.random() < FROM_START:
        return 0.0
    frame = begin(rng, role, spare=1)
    return None if frame is None else role.clock.moment(frame)


def progress(clock: Clock, start: float, end: float) -> list[float]:
    """How much of what lasts from `start` to `end` is done in each frame."""
    return [min(1.0, max(0.0, (time - start) / (end - start))) for time in clock.times]


def lasting(what: str, start: float, end: float, pace: str = "") -> Event:
    """An event that takes time; one from the beginning has no moment at which it starts."""
    return Event(what, start or None, end, pace=pace)


def still(rng: random.Random, role: Role, what: str) -> Act | None:
    """Nothing."""
    return Event("still"), (role.figure,) * role.clock.frames


def switch(rng: random.Random, role: Role, what: str) -> Act | None:
    """Appear, vanish or take another colour between two frames."""
    frame = begin(rng, role)
    if frame is None:
        return None
    figure, moment = role.figure, role.clock.moment(frame)
    event, before, after = Event(what, moment, moment), figure, figure
    if what == "recolour":
        new = [name for name in role.tints if apart_in_colour(name, figure.colour)]
        tints = [name for name in new if allowed_pair(figure.thing, name, role.split)]
        if not tints:
            return None
        to = rng.choice(tints)
        event = replace(event, to=to, to_rgb=colours.shade(rng, to))
        after = replace(figure, colour=to, rgb=event.to_rgb)
    first = None if what == "appear" else before
    last = None if what == "vanish" else after
    return event, tuple(first if index < frame else last for index in range(role.clock.frames))


def apart_in_colour(one: str, two: str) -> bool:
    """Whether two colours are told apart."""
    return one != two and frozenset((one, two)) not in colours.ALIKE


def travel(rng: random.Random, role: Role, what: str) -> Act | None:
    """Move straight, fast or slowly or in between, and rest before and after."""
    start = start_of(rng, role)
    if start is None:
        return None
    x, y = WAYS[what]
    angle = math.atan2(y, x) + rng.uniform(-WOBBLE, WOBBLE)
    across, down = math.cos(angle), math.sin(angle)
    short, (left, top, right, bottom) = min(role.size), extent(role.figure)
    free = role.size[1] - (right - left) - 3, role.size[0] - (bottom - top) - 3
    rooms = [room / max(1e-6, abs(share)) for room, share in zip(free, (across, down), strict=True)]
    window = role.span.limit - start
    reach, lasts = paced(rng, min(rooms) * rng.uniform(0.6, 1.0) / short, window, role.clock.gap)
    if reach < SHORTEST:
        return None
    done = progress(role.clock, start, start + lasts)
    poses = tuple(moved(role.figure, across * reach * short * p, down * reach * short * p) for p in done)
    return lasting(what, start, start + lasts, pace_of(reach / lasts)), poses


def paced(rng: random.Random, reach: float, window: float, gap: float) -> tuple[float, float]:
    """How far (in short sides) and how long a thing moves that can go as far as `reach` within `window` seconds."""
    wish = rng.choice(("fast", "slow", ""))
    if wish == "slow":
        speed = rng.uniform(0.06, 0.85 * SLOW)
        slow = min(reach, speed * window)
        if slow >= SHORTEST:
            return slow, slow / speed
    if wish == "fast":
        return reach, min(window, max(reach / rng.uniform(1.1 * FAST, 1.8 * FAST), 1.2 * gap))
    return reach, min(window, max(window * rng.uniform(0.6, 1.0), 1.2 * gap))


def pace_of(speed: float) -> str:
    """The name of a speed in short sides a second, empty between fast and slow."""
    return "fast" if speed >= FAST else "slow" if speed <= SLOW else ""


def moved(figure: Figure, x: float, y: float) -> Figure:
    """The figure some pixels farther."""
    return replace(figure, x=figure.x + x, y=figure.y + y)


def circle(rng: random.Random, role: Role, what: str) -> Act | None:
    """Go round a centre, about once for every five or more steps between frames."""
    start = start_of(rng, role)
    if start is None:
        return None
    steps = (role.span.limit - start) / role.clock.gap
    left, top, right, bottom = extent(role.figure)
    most = min(role.size[1] - (right - left), role.size[0] - (bottom - top)) / 2 - 2
    if steps < 4.5 or most < 0.13 * min(role.size):
        return None
    radius = rng.uniform(max(0.13 * min(role.size), 0.6 * most), most)
    rounds = rng.uniform(0.95, max(0.96, min(2.0, steps / 5))) * rng.choice((-1, 1))
    angle = rng.uniform(0, math.tau)
    turns = [angle + math.tau * rounds * p for p in progress(role.clock, start, role.span.limit)]
    poses = tuple(moved(role.figure, radius * math.cos(turn), radius * math.sin(turn)) for turn in turns)
    return lasting(what, start, role.span.limit), poses


def bounce(rng: random.Random, role: Role, what: str) -> Act | None:
    """Jump up and down at one place, at least twice, each jump seen in three steps or more."""
    start = start_of(rng, role)
    if start is None:
        return None
    steps = (role.span.limit - start) / role.clock.gap
    room = role.size[0] - (extent(role.figure)[3] - extent(role.figure)[1]) - 3
    if steps < 6 or room < 0.3 * min(role.size):
        return None
    jumps = rng.randint(2, max(2, int(steps / 3)))
    height = room * rng.uniform(0.65, 1.0)
    done = progress(role.clock, start, role.span.limit)
    poses = tuple(moved(role.figure, 0, -height * abs(math.sin(math.pi * jumps * p))) for p in done)
    return lasting(what, start, role.span.limit), poses


def swell(rng: random.Random, role: Role, what: str) -> Act | None:
    """Grow to full size or shrink from it."""
    start = start_of(rng, role)
    if start is None:
        return None
    window = role.span.limit - start
    end = start + min(window, max(window * rng.uniform(0.5, 1.0), 1.2 * role.clock.gap))
    poses = []
    for p in progress(role.clock, start, end):
        size = TINY + (1 - TINY) * (p if what == "grow" else 1 - p)
        poses.append(replace(role.figure, width=role.figure.width * size, height=role.figure.height * size))
    return lasting(what, start, end), tuple(poses)


def spin(rng: random.Random, role: Role, what: str) -> Act | None:
    """Turn round, by 20 to 34 degrees from one frame to the next."""
    start = start_of(rng, role)
    if start is None or role.figure.thing in ROUND:
        return None
    degrees = rng.uniform(20, 34) * rng.choice((-1, 1)) * (role.span.limit - start) / role.clock.gap
    done = progress(role.clock, start, role.span.limit)
    poses = tuple(replace(role.figure, angle=role.figure.angle + degrees * p) for p in done)
    return lasting(what, start, role.span.limit), poses


def blink(rng: random.Random, role: Role, what: str) -> Act | None:
    """Be gone for single frames with at least one between them, and be back at the end."""
    frames = role.span.last - role.span.first  # the last one shows it again
    if frames < 3:
        return None  # there would be room for one only
    most = min(MOST_BLINKS, (frames + 1) // 2)
    times = max(rng.randint(1, most), rng.randint(1, most))  # most clips are short: the many would be rare
    gaps = sorted(rng.sample(range(frames - times + 1), times))
    off = [role.span.first + gap + index for index, gap in enumerate(gaps)]
    poses = tuple(None if frame in off else role.figure for frame in range(role.clock.frames))
    return Event(what, role.clock.moment(off[0]), role.clock.moment(off[-1] + 1), times=times), poses


Perform = Callable[[random.Random, Role, str], Act | None]
ACTS: dict[str, Perform] = {
    **dict.fromkeys(WAYS, travel),
    **dict.fromkeys(SWITCHES, switch),
    "circle": circle,
    "bounce": bounce,
    "grow": swell,
    "shrink": swell,
    "spin": spin,
    "blink": blink,
    "still": still,
}


def swept(poses: Poses) -> Box:
    """The box around all that a thing covers in the clip."""
    left, top, right, bottom = zip(*(extent(pose) for pose in poses if pose is not None), strict=True)
    return min(left), min(top), max(right), max(bottom)
