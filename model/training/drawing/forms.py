"""The forms that people and programs give to each shape, as unit contours, and how far each may turn."""

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.training.things import Contours, everything
from model.training.things.curves import STEPS

Line = NDArray[np.float64]
TAU = 2 * math.pi
FINE = 64  # corners of a round line
ANY = 180.0
# A square that stands on its corner is a diamond and a cross that leans too far an X: these turn but a little.
TURNS = {"square": 18.0, "diamond": 8.0, "cross": 18.0}
SHAPES: tuple[str, ...] = tuple(name for name, thing in everything().items() if not thing.is_text)


@dataclass(frozen=True)
class Form:
    """Contours that fill the unit box around the origin (the first is the outer one), and width over height."""

    contours: Contours
    aspect: float = 1.0


def fitted(line: Line) -> Line:
    """Stretch a closed line over the unit box."""
    low, high = line.min(axis=0), line.max(axis=0)
    stretched: Line = (line - (low + high) / 2) / (high - low)
    return stretched


def spread(line: Line) -> float:
    """Width over height."""
    width, height = line.max(axis=0) - line.min(axis=0)
    return float(width / height)


def round_line(radius: float = 0.5, corners: int = FINE) -> Line:
    """A circle."""
    angles = np.linspace(0, TAU, corners, endpoint=False)
    return np.asarray(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def rounded(line: Line, share: float) -> Line:
    """Cut every corner by a curve that begins at `share` of each of its two sides."""
    before, after = np.roll(line, 1, axis=0), np.roll(line, -1, axis=0)
    one, two = line + share * (before - line), line + share * (after - line)
    steps = np.linspace(0, 1, 6)[None, :, None]
    curve = (1 - steps) ** 2 * one[:, None] + 2 * steps * (1 - steps) * line[:, None] + steps**2 * two[:, None]
    return np.asarray(curve.reshape(-1, 2))


def spokes(radii: list[float], start: float = -90.0) -> Line:
    """Corners around the origin at equal angles."""
    angles = np.deg2rad(start + np.arange(len(radii)) * 360 / len(radii))
    return np.asarray(np.array(radii)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def shaped(line: Line, *holes: Line) -> Form:
    """A form with the proportions that its line has."""
    low, high = line.min(axis=0), line.max(axis=0)
    return Form(tuple((part - (low + high) / 2) / (high - low) for part in (line, *holes)), spread(line))


def circle(rng: random.Random) -> Form:
    """Always the same."""
    return Form((round_line(),))


def oval(rng: random.Random) -> Form:
    """Lying or standing, clearly longer than wide."""
    aspect = rng.uniform(1.35, 2.2)
    return Form((round_line(),), aspect if rng.random() < 0.6 else 1 / aspect)


def ring(rng: random.Random) -> Form:
    """From a thick to a thin one, which is still thicker than the line of an outlined circle."""
    return Form((round_line(), round_line(rng.uniform(0.18, 0.35))))


def box(rng: random.Random, aspect: float = 1.0) -> Form:
    """Four corners, sometimes rounded."""
    line = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    return Form((rounded(line, rng.uniform(0.08, 0.25)) if rng.random() < 0.12 else line,), aspect)


def rectangle(rng: random.Random) -> Form:
    """Lying or standing."""
    aspect = rng.uniform(1.5, 2.6)
    return box(rng, aspect if rng.random() < 0.6 else 1 / aspect)


def triangle(rng: random.Random) -> Form:
    """Mostly with two equal sides, sometimes with a right angle or none alike."""
    apex = rng.choice((0.5, 0.5, 0.5, 0.0, 1.0, rng.uniform(0.2, 0.8)))
    line = np.array([(apex, 0.0), (1.0, 1.0), (0.0, 1.0)])
    return Form((fitted(line),), rng.choice((1.155, rng.uniform(0.8, 1.35))))


def pentagon(rng: random.Random) -> Form:
    """With equal sides."""
    return shaped(spokes([0.5] * 5))


def hexagon(rng: random.Random) -> Form:
    """On a side or on a corner, with equal sides, or drawn out as office programs have it."""
    if rng.random() < 0.2:
        cut = rng.uniform(0.2, 0.3)
        corners = [(cut, 0.0), (1 - cut, 0.0), (1.0, 0.5), (1 - cut, 1.0), (cut, 1.0), (0.0, 0.5)]
        return Form((fitted(np.array(corners)),), rng.uniform(1.0, 1.25))
    return shaped(spokes([0.5] * 6, rng.choice((-90.0, 0.0))))


def diamond(rng: random.Random) -> Form:
    """Standing, as high as wide, or lying."""
    aspect = rng.choice((rng.uniform(0.6, 0.85), 1.0, 1.0, rng.uniform(1.2, 1.6)))
    return Form((fitted(np.array([(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)])),), aspect)


def star(rng: random.Random) -> Form:
    """Mostly with five points."""
    points = rng.choices((4, 5, 6), (0.05, 0.87, 0.08))[0]
    inner = {4: rng.uniform(0.32, 0.45), 5: rng.uniform(0.36, 0.5), 6: rng.uniform(0.45, 0.58)}[points]
    return shaped(spokes([1.0, inner] * points))


def cross(rng: random.Random) -> Form:
    """A plus sign with thin or thick arms."""
    low, high = 0.5 - (arm := rng.uniform(0.09, 0.21)), 0.5 + arm
    right = [(low, 0.0), (high, 0.0), (high, low), (1.0, low), (1.0, high), (high, high)]
    left = [(high, 1.0), (low, 1.0), (low, high), (0.0, high), (0.0, low), (low, low)]
    return Form((fitted(np.array([*right, *left])),))


def heart(rng: random.Random) -> Form:
    """A curve without corners but two, or two half circles over a wedge."""
    if rng.random() < 0.6:
        t = np.linspace(0, TAU, STEPS, endpoint=False)
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        return Form((fitted(np.stack([16 * np.sin(t) ** 3, y], axis=1)),), rng.uniform(1.0, 1.15))
    lobe = rng.uniform(0.26, 0.31)
    sink, meet = 0.5 - lobe, math.acos((0.5 - lobe) / lobe)
    angles = np.linspace(math.pi - 0.35, TAU - meet, STEPS // 2)
    left = np.stack([-sink + lobe * np.cos(angles), lobe * np.sin(angles)], axis=1)
    right = (left * np.array([-1.0, 1.0]))[::-1]
    line = np.concatenate([left, right, [(0.0, rng.uniform(0.55, 0.75))]])
    return shaped(line)


def crescent(rng: random.Random) -> Form:
    """An outer arc of half a circle or more and an inner one of smaller bulge, open to the right or to the left."""
    reach = math.pi * rng.uniform(0.5, 0.68)
    t = np.linspace(-reach, reach, STEPS)
    outer = np.stack([-np.cos(t), np.sin(t)], axis=1)
    tip, height = outer[0][0], abs(outer[0][1])
    bulge = 1 + tip - rng.uniform(0.32, 0.62)
    inner_y = np.linspace(outer[-1][1], outer[0][1], STEPS)[1:-1]
    inner = np.stack([tip - bulge * np.sqrt(np.maximum(0, 1 - (inner_y / height) ** 2)), inner_y], axis=1)
    line = np.concatenate([outer, inner])
    return shaped(line if rng.random() < 0.7 else line * np.array([-1.0, 1.0]))


def arrow(rng: random.Random) -> Form:
    """A block arrow, or a line with a head; sometimes with a head at both ends."""
    half = rng.choice((rng.uniform(0.05, 0.09), rng.uniform(0.12, 0.25)))
    aspect = rng.uniform(1.2, 2.2)
    head = rng.uniform(0.6, 0.95) / aspect
    upper = [(0.5 - head, -half), (0.5 - head, -0.5), (0.5, 0.0)]
    if rng.random() < 0.1 and head < 0.42:
        ends = [(-0.5, 0.0), (head - 0.5, -0.5), (head - 0.5, -half)]
    else:
        ends = [(-0.5, -half)]
    top = [*ends, *upper]
    bottom = [(x, -y) for x, y in reversed(top) if y != 0]
    return Form((fitted(np.array([*top, *bottom])),), aspect)


MAKERS = {
    "circle": circle, "oval": oval, "ring": ring, "square": box, "rectangle": rectangle, "triangle": triangle,
    "pentagon": pentagon, "hexagon": hexagon, "diamond": diamond, "star": star, "cross": cross, "heart": heart,
    "crescent": crescent, "arrow": arrow,
}  # fmt: skip


def form(rng: random.Random, shape: str) -> Form:
    """One of the forms of a shape; corners of what has some are now and then a little round."""
    made = MAKERS[shape](rng)
    if shape in ("triangle", "pentagon", "hexagon", "star", "diamond", "arrow") and rng.random() < 0.08:
        line = fitted(rounded(made.contours[0], rng.uniform(0.06, 0.15)))
        return Form((line,), made.aspect)
    return made


def turn(rng: random.Random, shape: str, difficulty: float) -> float:
    """An angle in degrees, mostly none, at which the shape keeps its name."""
    roll = rng.random()
    most = TURNS.get(shape, ANY)
    if shape == "arrow" and roll < 0.7:
        return rng.choice((0.0, 90.0, 180.0, 270.0)) * (difficulty > 0)
    if roll < 0.55:
        return 0.0
    return rng.uniform(-1, 1) * (min(most, 18.0) if roll < 0.8 else most * difficulty)
