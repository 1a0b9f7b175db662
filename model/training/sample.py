"""What the world hands out: a drawn sample with its facts, its dense labels and its questions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["image", "video"]
Split = Literal["train", "held"]
Lang = Literal["en", "zh"]
Size = tuple[int, int]
RGB = tuple[int, int, int]
Facts = dict[str, Any]
Told = tuple[str, tuple[int, ...]]  # a phrase of an answer, and the ids of the things that it is about
Spot = tuple[str, tuple[tuple[int, ...], ...]]  # a phrase of an answer; for each character but spaces, the media tokens
Number = tuple[str, tuple[int, ...] | None, int]  # a phrase in figures, the things it is read from, its class
TIMES, NUMBERS = (
    80,
    144,
)  # classes of numbers: 0 none, from 1 edges of boxes in units, from TIMES half seconds; how many
CELL = 28  # pixels a side of one merged token


@dataclass(frozen=True)
class QA:
    """One question with its one right answer; `held` marks a phrasing that training never sees.

    `about`, `other`, `told`, `spots` and `numbers` say which things decide the answer (see `asking.Ask`).
    """

    skill: str
    lang: Lang
    question: str
    answer: str
    held: bool = False
    about: tuple[int, ...] | None = None
    other: tuple[int, ...] | None = None
    told: tuple[Told, ...] = ()
    spots: tuple[Spot, ...] = ()
    numbers: tuple[Number, ...] = ()


@dataclass
class Sample:
    """One picture or clip: `frames` (T, H, W, 3), `dense` maps of shape (t, h/28, w/28), facts that JSON can hold.

    Where a question is about several pictures, `frames` holds one frame of each and t counts them.
    """

    seed: int
    kind: Kind
    frames: NDArray[np.uint8]
    sampled_fps: float
    dense: dict[str, NDArray[np.int64]]
    background: int
    facts: Facts
    questions: list[QA] = field(default_factory=list)

    def media(self) -> Iterator[NDArray[np.uint8]]:
        """The frames of each picture, or all frames of a clip."""
        yield from np.split(self.frames, len(self.frames)) if self.kind == "image" else (self.frames,)
