"""Shapes with round sides."""

import numpy as np
from numpy.typing import NDArray

from model.training.things import Contours, polygon_thing

STEPS = 40


def _round(radius: float = 0.5) -> NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _ring(variant: float) -> Contours:
    return _round(), _round(0.27 + 0.08 * variant)


def _heart(_: float) -> Contours:
    t = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    line = np.stack([x, y], axis=1)
    low, high = line.min(axis=0), line.max(axis=0)
    return ((line - (low + high) / 2) / (high - low),)


def _crescent(variant: float) -> Contours:
    """The outer half circle bulges left (or right), an inner arc of smaller bulge closes it."""
    t = np.linspace(-0.62 * np.pi, 0.62 * np.pi, STEPS // 2)
    outer = np.stack([-np.cos(t), np.sin(t)], axis=1)
    tip_x, reach = outer[0][0], abs(outer[0][1])
    inner_y = np.linspace(outer[-1][1], outer[0][1], STEPS // 2)[1:-1]
    inner_x = tip_x - 0.72 * np.sqrt(1 - (inner_y / reach) ** 2)
    line = np.concatenate([outer, np.stack([inner_x, inner_y], axis=1)])
    low, high = line.min(axis=0), line.max(axis=0)
    line = (line - (low + high) / 2) / max(high - low)
    return (line if variant < 0.7 else line * np.array([-1.0, 1.0]),)


THINGS = (
    polygon_thing("circle", "圆形", lambda _: (_round(),)),
    polygon_thing("ring", "圆环", _ring),
    polygon_thing("heart", "心形", _heart, aspect=(1.0, 1.15)),
    polygon_thing("crescent", "月牙形", _crescent, turn=25.0),
)
