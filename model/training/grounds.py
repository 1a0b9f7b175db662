"""What things and texts stand on: flat colour, the papers of drawings, bolder ones, and patterns of a second colour.

Whatever is on it, a ground is called by the one name of its colour, as papers are: a bold one is made as strong as
leaves most of its pixels that name, and a pattern covers the lesser part of the ground.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.training import colours
from model.training.assets.pack import at_hand, pack
from model.training.assets.tint import named
from model.training.drawing import papers
from model.training.drawing.papers import Pixels
from model.training.sample import RGB, Size, Split

SHARE = 0.4  # of the pictures that do not stand on flat colour, at full difficulty
BOLD, PATTERNED = 0.4, 0.2  # shares among those
FLUID = ("gradient", "clouds", "paper", "stripes", "waves", "photo")  # those that may be bold
RULED = ("axes", "page")  # whose lines would strike letters out
STRONGEST = 7.0  # times as strong as a paper for drawings
NAMED = 0.8  # share of a bold ground that keeps the name
LEGIBLE = 45.0  # of 255, in luminance, between letters and what lies around them
AROUND = 0.97  # share of the ground that is so far from the letters
COVERED = (0.12, 0.36)  # share of the ground that a pattern covers
SAMPLED = 127  # every so-many-th pixel tells as much as all; a prime, lest it keep step with stripes
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Ground:
    """Which paper, "plain" where it is flat colour, and its pixels (H, W, 3)."""

    texture: str
    pixels: NDArray[np.uint8]


def plane(size: Size) -> tuple[Pixels, Pixels]:
    """Places down (H, 1) and across (1, W), in short sides."""
    down, across = np.ogrid[: size[0], : size[1]]
    return (down / min(size)).astype(np.float32), (across / min(size)).astype(np.float32)


def waves(rng: random.Random, size: Size) -> Pixels:
    """Wavy bands as a smooth field -1..1 (H, W)."""
    y, x = plane(size)
    if rng.random() < 0.5:
        x, y = y, x
    bend = rng.uniform(0.02, 0.12) * np.sin(2 * np.pi * (rng.uniform(0.7, 3) * x + rng.random()))
    return np.asarray(
        np.sin(2 * np.pi * (rng.uniform(1.5, 7) * (y + bend + rng.uniform(-0.5, 0.5) * x) + rng.random()))
    )


def dots(rng: random.Random, size: Size) -> Pixels:
    """Dots in rows as a smooth field -1..1 (H, W)."""
    y, x = plane(size)
    many = rng.uniform(4, 10)
    across, down = np.sin(2 * np.pi * (many * x + rng.random())), np.sin(2 * np.pi * (many * y + rng.random()))
    return np.asarray((across + down) / 2 if rng.random() < 0.5 else across * down)


def bars(rng: random.Random, size: Size) -> Pixels:
    """Straight bands as a field -1..1 (H, W)."""
    y, x = plane(size)
    along = rng.choice((x, y, x + y, x - y))
    return np.asarray(np.sin(2 * np.pi * (rng.uniform(2, 8) * along + rng.random())))


FIELDS: dict[str, Callable[[random.Random, Size], Pixels]] = {"waves": waves, "dots": dots, "bars": bars}


def blended(over: Pixels, one: Pixels, two: Pixels) -> Pixels:
    """From shares 0..1 (H, W) to colours (H, W, 3) between two."""
    steps = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    return np.asarray((one + steps * (two - one))[np.rint(over * 255).astype(np.uint8)])  # a table is quick


def wavy(rng: random.Random, rgb: RGB, size: Size) -> Pixels:
    """Wavy bands of a darker and a lighter shade, with soft edges or hard ones."""
    field = np.clip(waves(rng, size) * rng.choice((1.0, 30.0)), -1, 1)
    base, deep = np.array(rgb, dtype=np.float32), papers.depth(rng)
    return blended((field + 1) / 2, base - deep, base + deep)


def paper(rng: random.Random, kind: str, rgb: RGB, size: Size, split: Split) -> Pixels:
    """A paper of drawings, or `wavy`."""
    return wavy(rng, rgb, size) if kind == "waves" else papers.lay(rng, kind, rgb, size, split).astype(np.float32)


def pattern(rng: random.Random, kind: str, rgb: RGB, second: RGB, size: Size) -> Pixels:
    """A second colour laid over the lesser part of a flat one, in a pattern."""
    field = np.broadcast_to(FIELDS[kind](rng, size), size)
    over = np.clip((field - np.quantile(field[::3, ::3], 1 - rng.uniform(*COVERED))) * 12 + 0.5, 0, 1)  # soft edges
    return blended(over, np.array(rgb, dtype=np.float32), np.array(second, dtype=np.float32))


def luminance(pixels: Pixels) -> Pixels:
    """How bright pixels (..., 3) are, 0..255."""
    return np.asarray(pixels @ LUMA)


def legible(pixels: Pixels, ink: RGB | None) -> bool:
    """Whether letters of that colour can be read on nearly all of the pixels (N, 3)."""
    if ink is None:
        return True
    away = np.abs(luminance(pixels) - luminance(np.array(ink, dtype=np.float32)))
    return float((away >= LEGIBLE).mean()) >= AROUND


def called(pixels: Pixels, name: str) -> bool:
    """Whether most of the pixels (N, 3) have a colour of that name."""
    numbers = named(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    return float((numbers == colours.NAMES.index(name)).mean()) >= NAMED


def strengthened(rng: random.Random, made: Pixels, name: str, rgb: RGB, ink: RGB | None, bold: bool) -> Pixels | None:
    """The paper as strong as its name and the letters on it allow, up to a strength drawn; None where that is flat."""
    base = np.array(rgb, dtype=np.float32)
    some = made.reshape(-1, 3)[::SAMPLED] - base
    sure = called(base[None], name)  # some shades lie at the border of two names
    factor = rng.uniform(1.5, STRONGEST) if bold else 1.0
    while factor > 0.05:
        tried = np.clip(base + factor * some, 0, 255)
        if legible(tried, ink) and (called(tried, name) or (factor <= 1 and not sure)):
            return made if factor == 1 else np.asarray(made * factor - (factor - 1) * base)
        factor *= 0.7 if factor <= 1 or factor * 0.7 > 1 else 1 / factor
    return None


def second_colour(rng: random.Random, name: str, kept: Sequence[str], ink: RGB | None) -> RGB | None:
    """A colour that cannot be taken for the ground's or those of `kept`, and that letters stand out from."""
    free = [
        other
        for other in colours.contrasting(name)
        if all(other != tint and frozenset((other, tint)) not in colours.ALIKE for tint in kept)
    ]
    for other in rng.sample(free, len(free)):
        rgb = colours.shade(rng, other)
        if legible(np.array([rgb], dtype=np.float32), ink):
            return rgb
    return None


def texture_of(rng: random.Random, bold: bool, ruled: bool) -> str:
    """Which paper; lines are left out where letters would be struck out by them."""
    shares = {kind: share for kind, share in papers.KINDS.items() if kind != "plain"} | {"waves": 0.1}
    if bold:
        shares = {kind: shares[kind] for kind in FLUID} | {"photo": 0.12}
    if not ruled:
        shares = {kind: share for kind, share in shares.items() if kind not in RULED}
    kind = rng.choices(list(shares), list(shares.values()))[0]
    return kind if kind != "photo" or at_hand("photos", pack()) else "waves"


def ground(
    rng: random.Random, name: str, rgb: RGB, size: Size, difficulty: float, split: Split,
    kept: Sequence[str] = (), ink: RGB | None = None, bold: bool = True,
) -> Ground:  # fmt: skip
    """What a picture stands on, called `name`; more often flat while things are easy.

    `kept` are colours of things, which no pattern has; `ink` is that of letters without a board, `bold` says whether
    they are large enough for grounds bolder than those of drawings.
    """
    plain = Ground("plain", np.tile(np.array(rgb, dtype=np.uint8), (*size, 1)))
    if rng.random() >= SHARE * (0.3 + 0.7 * difficulty):
        return plain
    roll = rng.random()
    if bold and roll < PATTERNED and (second := second_colour(rng, name, kept, ink)) is not None:
        kind = rng.choice(list(FIELDS))
        return Ground(kind, pattern(rng, kind, rgb, second, size).astype(np.uint8))
    strong = bold and roll < PATTERNED + BOLD
    kind = texture_of(rng, strong, ink is None)
    made = strengthened(rng, paper(rng, kind, rgb, size, split), name, rgb, ink, strong)
    return plain if made is None else Ground(kind, np.clip(np.rint(made), 0, 255).astype(np.uint8))
