"""Everyday things as actors: drawings as emoji sets have them, pasted as large and as turned as the act says."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from PIL import Image

from model.training import colours, labels
from model.training.assets.pack import AssetSplit, NamedThing, Scope, pack
from model.training.events.troupe import Choose, Frames, Troupe
from model.training.paint import THING_NEEDS, scale_for
from model.training.pictured import ITEM, OPAQUE, drowns, item_names, piece
from model.training.placing import SMALLEST, Wish
from model.training.sample import RGB, Size, Split
from model.training.thing_questions import MASS, PAIR
from model.training.things import Brush, Figure

SCOPE: Scope = "cpu"
LARGER = 1.2  # times the size of a shape: a thing has more to be known by
SHOWN = [255 * (alpha >= OPAQUE) for alpha in range(256)]
Sprites = dict[tuple[int, int, int, float], tuple[Image.Image, Image.Image]]


@dataclass(frozen=True, kw_only=True)
class Drawn(Wish):
    """A thing that a clip wants, in one drawing (RGBA); the colour is what most of it has, or ""."""

    drawing: Image.Image = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Pasted(Figure):
    """A thing as it stands in one frame, before it is scaled and turned."""

    drawing: Image.Image = field(compare=False)


@cache
def actors(drawings: AssetSplit) -> tuple[NamedThing, ...]:
    """The things that act: those that sentences speak of as of one, so that every verb agrees with them."""
    return tuple(thing for thing in pack().things(drawings, SCOPE) if thing.article not in (MASS, PAIR))


def chooser(drawings: AssetSplit) -> Choose:
    """The way to choose among these drawings; those of training are varied for it."""

    def choose(
        rng: random.Random, count: int, background: str, split: Split, used: list[Wish] | None = None
    ) -> list[Drawn]:
        """Pick different things that do not drown, and whose main colour, if they have one, stands out."""
        taken, chosen = {wish.thing for wish in used or ()}, list[Drawn]()
        names = colours.contrasting(background)
        while len(chosen) < count:
            thing = rng.choice(actors(drawings))
            if thing.name in taken:
                continue
            one = piece(rng, thing, drawings, split == "train")
            if one.tint in ("", *names) and not drowns(one, background):
                image = Image.fromarray(one.pixels, "RGBA")
                taken.add(thing.name)
                chosen.append(Drawn(thing.name, one.tint, drawing=image.crop(image.getchannel("A").getbbox())))
        return chosen

    return choose


def figure(rng: random.Random, wish: Wish, share: float, size: Size) -> Figure:
    """Turn a wish into a figure of about `share` of the short side, still without a place."""
    if not isinstance(wish, Drawn):
        raise TypeError(f"{wish.thing} has no drawing")
    wide, high = wish.drawing.size
    side = max(SMALLEST, LARGER * share * min(size)) / max(wide, high)
    return Pasted(wish.thing, wish.colour, (0, 0, 0), 0, 0, wide * side, high * side, drawing=wish.drawing)


def sprite(one: Pasted, scale: int, known: Sprites) -> tuple[Image.Image, Image.Image]:
    """A drawing as large, times `scale`, and as turned as a figure is, and which pixels of a frame it mostly covers.

    Poses that come again in a clip are `known`.
    """
    width, height = (max(1, round(side * scale)) for side in (one.width, one.height))
    key = (id(one.drawing), width, height, one.angle)
    if key not in known:
        image = one.drawing.resize((width, height), Image.Resampling.BICUBIC)
        if one.angle:
            image = image.rotate(-one.angle, Image.Resampling.BILINEAR, expand=True)
        known[key] = image, image.getchannel("A").reduce(scale).point(SHOWN)
    return known[key]


def paste(brush: Brush, one: Pasted, owner: int, known: Sprites) -> None:
    """Lay a drawing over the picture and mark the pixels that it covers."""
    image, cover = sprite(one, brush.scale, known)
    left, top = round(one.x * brush.scale - image.width / 2), round(one.y * brush.scale - image.height / 2)
    brush.picture.paste(image, (left, top), image)
    brush.ids.paste(owner, (round(left / brush.scale), round(top / brush.scale)), cover)


def paint(cast: Frames, tints: Sequence[RGB], size: Size) -> list[Brush]:
    """Draw every frame on its colour; the figure at index i owns its pixels as i + 1."""
    brushes, known = list[Brush](), Sprites()
    for figures, tint in zip(cast, tints, strict=True):
        brushes.append(Brush(size, tint, scale_for(size)))
        for index, one in enumerate(figures):
            if isinstance(one, Pasted):
                paste(brushes[-1], one, index + 1, known)
    return brushes


@cache
def _classes() -> dict[str, int]:
    return {name: number for number, name in enumerate(item_names(SCOPE), 1)}


def look(frame: Sequence[Figure | None], index: int) -> tuple[int, ...]:
    """Classes of one figure of a frame: which thing, colour, alike, column, row."""
    one = frame[index]
    if one is None:
        return (0,) * 5
    alike = sum(other is not None and other.thing == one.thing for other in frame)
    return (_classes()[one.thing], labels.colour_class(one.colour), alike, *labels.centre_classes(one.x, one.y))


@cache
def troupe(drawings: AssetSplit) -> Troupe:
    """Things in the drawings of this split; their colours are what they are."""
    names = (ITEM[SCOPE], "colour", "alike", "column", "row")
    return Troupe(chooser(drawings), figure, paint, look, names, unable=("recolour",), needs=THING_NEEDS)
