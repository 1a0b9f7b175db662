"""Dense labels of boxes: where the four edges of the thing at each cell are."""

import numpy as np

from model.training import labels
from model.training.box_questions import FARTHEST
from model.training.boxes import UNIT, snapped
from model.training.sample import CELL, Facts

EDGES = ("left", "top", "right", "bottom")
STEP = CELL // UNIT  # units in a cell
FAR = 24  # units; an edge farther from a cell counts as this far
AWAY = ("none", *map(str, range(-FAR, FAR + STEP + 1)))
UNITS = ("none", *map(str, range(FARTHEST + 1)))
# The tower is told the first four, the middle of the decoder those of EDGES.
EDGE_CLASSES = {**{f"to_{name}": AWAY for name in EDGES}, **dict.fromkeys(EDGES, UNITS)}


def edge_maps(owner: labels.Map, facts: Facts) -> dict[str, labels.Map]:
    """Where the four edges of each cell's thing are, in units: `to_...` from the cell's corner, and in the picture.

    The tower can tell the first and the decoder the second, which are the numbers that answers spell; the one is the
    other less seven for every cell.
    """
    grid_rows, grid_columns = np.arange(owner.shape[1])[:, None], np.arange(owner.shape[2])[None, :]
    table = np.zeros((4, len(facts["things"]) + 1), dtype=np.int64)
    for fact in facts["things"]:
        table[:, fact["id"] + 1] = np.array(snapped(fact["box"], facts["size"])) // UNIT
    maps = {}
    for index, name in enumerate(EDGES):
        units = table[index][owner]
        away = units - STEP * (grid_rows if name in ("top", "bottom") else grid_columns)
        clipped = np.clip(away, -FAR, FAR + STEP) + FAR + 1
        maps[f"to_{name}"] = np.where(owner > 0, clipped, 0)
        maps[name] = np.where(owner > 0, np.minimum(units, FARTHEST) + 1, 0)
    return maps
