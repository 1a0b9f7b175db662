"""Who acts in a clip, and all that depends on it: how they are chosen, drawn and labelled. Here are the shapes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from model.training.labels import LOOKS, Look, looks
from model.training.paint import paint, scale_for
from model.training.placing import Wish, shape_figure
from model.training.sample import RGB, Size, Split
from model.training.scene import mixed
from model.training.things import Brush, Figure

Frames = Sequence[Sequence[Figure | None]]


class Choose(Protocol):
    """Picks `count` things that stand out in the colours given, other ones than those used before."""

    def __call__(
        self, rng: random.Random, count: int, names: list[str], split: Split, used: list[Wish] | None = None
    ) -> Sequence[Wish]:
        """A pure function of its arguments."""


@dataclass(frozen=True)
class Troupe:
    """A kind of actors.

    `figure` gives one that was chosen a size, as a share of the short side; `paint` draws all frames, each on its own
    plain colour; `look` gives the classes of the dense labels named in `labels`; who is `tinted` may take another colour.
    """

    choose: Choose
    figure: Callable[[random.Random, Wish, float, Size], Figure]
    paint: Callable[[Frames, Sequence[RGB], Size], list[Brush]]
    look: Look
    labels: tuple[str, ...]
    tinted: bool = True

    def tints(self, names: list[str], wishes: Sequence[Wish]) -> tuple[str, ...]:
        """The colours that an actor may take: those that nobody has."""
        return tuple(name for name in names if self.tinted and all(wish.colour != name for wish in wishes))


def paint_shapes(cast: Frames, tints: Sequence[RGB], size: Size) -> list[Brush]:
    """Draw the figures of every frame on its colour."""
    return [paint(figures, tint, size, scale_for(size)) for figures, tint in zip(cast, tints, strict=True)]


def shape_look(frame: Sequence[Figure | None], index: int) -> tuple[int, ...]:
    """The classes of one shape; it has no text."""
    return tuple(found for name, found in zip(LOOKS, looks(frame, index), strict=True) if name != "text")


SHAPES = Troupe(mixed, shape_figure, paint_shapes, shape_look, tuple(name for name in LOOKS if name != "text"))
