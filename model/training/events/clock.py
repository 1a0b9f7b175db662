"""When the frames of a clip are taken, and what can be told of the time between them.

Frames are taken as the product takes those of a file of constant rate: evenly spread, the first and the last included,
so that frame k of n is seen k / (n - 1) of the way through while the sampled rate is n over the length. A network knows
time by the rate alone, rounded down to positions of half a second. So lengths lie just above whole seconds, and what
has a name in an answer has the same in all clips that look alike.
"""

import random
from dataclasses import dataclass

from model.geometry import spread

FILES = 0.35  # share of clips as the product makes them of files at its own rate; the others follow the plan's rate
FULL = 12  # frames that the product takes at most
LONGEST, USUAL = 24, 12  # seconds
LONG = 0.25  # share of the clips of all frames that last longer than usual
RATES = (15, 24, 25, 30)  # frames a second of the file
FASTEST = 4  # sampled frames a second
# (sampled frames a second at least, seconds between the moments that answers name); no clip has fewer than the last
STEPS = ((2.5, 0.5), (0.9, 1.0), (0.45, 2.0))
NEAR = 0.3  # of a step; a moment farther from what the answer names is not asked for
BEYOND = {0.5: 0.15, 1.0: 0.35, 2.0: 0.35}  # seconds that a clip lasts beyond whole ones, less than NEAR leaves apart


@dataclass(frozen=True)
class Clock:
    """The seconds at which frames are taken; `length` in whole seconds and `step` are what answers go by."""

    times: tuple[float, ...]
    length: int
    step: float
    fps: float  # sampled frames a second, as the product reckons them

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.times)

    @property
    def gap(self) -> float:
        """Seconds from one frame to the next."""
        return self.times[-1] / (self.frames - 1)

    def moment(self, frame: int) -> float:
        """The middle between a frame and the one before: what happens then is first seen in this frame."""
        return (self.times[frame - 1] + self.times[frame]) / 2

    def said(self, moment: float) -> float | None:
        """The seconds that an answer names for a moment; None for the very start and for what could be either."""
        named = round(moment / self.step) * self.step
        return named if named > 0 and abs(moment - named) <= NEAR * self.step else None

    def first_after(self, moment: float) -> int:
        """The first frame taken after a moment."""
        return next((frame for frame, time in enumerate(self.times) if time > moment), self.frames - 1)

    def names(self) -> list[float]:
        """Every moment that an answer may name."""
        return [count * self.step for count in range(1, int(self.length / self.step) + 1)]


def seconds_of_a_file(rng: random.Random, frames: int) -> int:
    """Whole seconds of a file from which the product, left to its defaults, takes so many frames."""
    if frames <= 4:
        return rng.choice((1, 2, 2))
    if frames < FULL:
        return frames // 2
    return rng.randint(FULL // 2, USUAL) if rng.random() >= LONG else rng.randint(USUAL + 1, LONGEST)


def step_for(frames: int, length: int) -> float:
    """Seconds between nameable moments."""
    return next((step for rate, step in STEPS if frames / length >= rate), STEPS[-1][1])


def make_clock(rng: random.Random, frames: int, fps: float) -> Clock:
    """Time a clip of `frames` frames at about `fps` a second, or as a file of so many frames would have it."""
    wish = rng.uniform(0.8, 1.25) * frames / fps
    length = seconds_of_a_file(rng, frames) if rng.random() < FILES else round(wish)
    length = max(1, -(-frames // FASTEST), min(length, LONGEST, int(frames / STEPS[-1][0])))
    rate = rng.choice(RATES)
    total = length * rate + int(rng.uniform(0, BEYOND[step_for(frames, length)]) * rate)
    return clock_of(total, rate, frames)


def clock_of(total: int, rate: int, frames: int) -> Clock:
    """Time `frames` frames out of a file's `total` at `rate` a second.

    >>> clock = clock_of(180, 30, 12)
    >>> clock.length, clock.step, clock.fps, [round(time, 2) for time in clock.times[:4]]
    (6, 1.0, 2.0, [0.0, 0.53, 1.1, 1.63])
    """
    length = total // rate
    times = tuple(index / rate for index in spread(total, frames))
    return Clock(times, length, step_for(frames, length), frames / total * rate)
