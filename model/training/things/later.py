"""Shapes that the first pictures did not know: `catalogue` leaves them out, so that those stay as they were."""

import numpy as np

from model.training.things import Contours, Thing, polygon_thing
from model.training.things.curves import STEPS


def _oval(_: float) -> Contours:
    angles = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    return (0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1),)


def _arrow(variant: float) -> Contours:
    """A block arrow that points right; `variant` makes its shaft thicker."""
    half, neck = 0.12 + 0.1 * variant, 0.08
    shaft = [(-0.5, -half), (neck, -half), (neck, -0.5)]
    return (np.array([*shaft, (0.5, 0.0), *((x, -y) for x, y in reversed(shaft))]),)


THINGS: tuple[Thing, ...] = ()
LATER = (
    polygon_thing("oval", "椭圆形", _oval, aspect=(1.35, 2.2), turn=180.0, upright=False),
    polygon_thing("arrow", "箭头", _arrow, aspect=(1.2, 2.0), turn=180.0),
)
