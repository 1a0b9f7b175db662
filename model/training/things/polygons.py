"""Shapes with straight sides."""

import numpy as np

from model.training.things import Contours, polygon_thing


def _fit(points: list[tuple[float, float]]) -> Contours:
    """Scale a closed line so that it fills the unit box around the origin."""
    line = np.array(points)
    low, high = line.min(axis=0), line.max(axis=0)
    return ((line - (low + high) / 2) / (high - low),)


def _regular(sides: int, start: float = -90.0) -> Contours:
    angles = np.deg2rad(start + np.arange(sides) * 360 / sides)
    line = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    low, high = line.min(axis=0), line.max(axis=0)
    return ((line - (low + high) / 2) / max(high - low),)  # keeps equal sides


def _box(_: float) -> Contours:
    return _fit([(0, 0), (1, 0), (1, 1), (0, 1)])


def _star(variant: float) -> Contours:
    inner = 0.38 + 0.1 * variant
    angles = np.deg2rad(-90 + np.arange(10) * 36)
    radius = np.where(np.arange(10) % 2, inner, 1.0)
    return _fit([(float(x), float(y)) for x, y in zip(radius * np.cos(angles), radius * np.sin(angles), strict=True)])


def _cross(variant: float) -> Contours:
    arm = 0.3 + 0.1 * variant
    low, high = 0.5 - arm / 2, 0.5 + arm / 2
    right = [(low, 0), (high, 0), (high, low), (1, low), (1, high), (high, high)]
    left = [(high, 1), (low, 1), (low, high), (0, high), (0, low), (low, low)]
    return _fit([*right, *left])


THINGS = (
    polygon_thing("square", "正方形", _box),
    polygon_thing("rectangle", "长方形", _box, aspect=(1.7, 2.4), upright=False),
    polygon_thing("triangle", "三角形", lambda _: _fit([(0.5, 0), (1, 1), (0, 1)]), aspect=(0.95, 1.2), turn=15.0),
    polygon_thing("pentagon", "五边形", lambda _: _regular(5)),
    polygon_thing("hexagon", "六边形", lambda v: _regular(6, -90.0 if v < 0.3 else 0.0)),
    polygon_thing(
        "diamond", "菱形", lambda _: _fit([(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)]), aspect=(0.62, 0.8), turn=8.0
    ),
    polygon_thing("star", "星形", _star, turn=18.0),
    polygon_thing("cross", "十字形", _cross, turn=8.0),
)
