"""Who acts in a clip, and all that depends on it: how they are chosen, drawn and labelled. Here are the shapes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from model.training import colours
from model.training.labels import LOOKS, Look, looks
from model.training.paint import SHAPE_NEEDS, paint, scale_for
from model.training.placing import Wish, shape_figure
from model.training.sample import RGB, Size, Split
from model.training.scene import mixed
from model.training.things import Brush, Figure

Frames = Sequence[Sequence[Figure | None]]


class Choose(Protocol):
    """Picks `count` things that stand out from a background, other ones than those used before."""

    def __call__(
        self, rng: random.Random, count: int, background: str, split: Split, used: list[Wish] | None = None
    ) -> Sequence[Wish]:
        """A pure function of its arguments."""


@dataclass(frozen=True)
class Troupe:
    """A kind of actors.

    `figure` gives one that was chosen a size, as a share of the short side; `paint` draws all frames, each on its own
    colour; `look` gives the classes of the dense labels named in `labels`; what they are `unable` to do nobody has to.
    `needs` are the pixels of its longer side that one of them needs to be told.
    """

    choose: Choose
    figure: Callable[[random.Random, Wish, float, Size], Figure]
    paint: Callable[[Frames, Sequence[RGB], Size], list[Brush]]
    look: Look
    labels: tuple[str, ...]
    unable: tuple[str, ...] = ()
    needs: float = SHAPE_NEEDS

    def able(self, acts: Sequence[str]) -> list[str]:
        """Those of some acts that they can do."""
        return [what for what in acts if what not in self.unable]


def choose_shapes(
    rng: random.Random, count: int, background: str, split: Split, used: list[Wish] | None = None
) -> list[Wish]:
    """Pick shapes in colours that stand out."""
    return mixed(rng, count, colours.contrasting(background), split, used)


def paint_shapes(cast: Frames, tints: Sequence[RGB], size: Size) -> list[Brush]:
    """Draw the figures of every frame on its colour."""
    return [paint(figures, tint, size, scale_for(size)) for figures, tint in zip(cast, tints, strict=True)]


def shape_look(frame: Sequence[Figure | None], index: int) -> tuple[int, ...]:
    """The classes of one shape; it has no text."""
    return tuple(found for name, found in zip(LOOKS, looks(frame, index), strict=True) if name != "text")


SHAPES = Troupe(choose_shapes, shape_figure, paint_shapes, shape_look, tuple(name for name in LOOKS if name != "text"))
