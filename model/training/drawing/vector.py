"""The second renderer: SVG, drawn by resvg where it is installed (`pip install ".[train]"`)."""

import importlib.util
import io
import random
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.training.drawing.forms import Line
from model.training.drawing.plan import Item
from model.training.sample import RGB, Size

Edges = Literal["geometric_precision", "crisp_edges"]
EDGES: dict[Edges, float] = {"geometric_precision": 5.0, "crisp_edges": 1.0}


@cache
def available() -> bool:
    """Whether the SVG renderer is installed; without it Pillow draws everything."""
    return importlib.util.find_spec("resvg_py") is not None


def hexed(rgb: RGB) -> str:
    """A colour as SVG writes it."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def path(lines: Sequence[Line]) -> str:
    """Closed lines as the data of a path."""
    pieces = ("M" + " ".join(f"{x:.2f},{y:.2f}" for x, y in line.tolist()) + "Z" for line in lines)
    return "".join(pieces)


def element(number: int, item: Item) -> str:
    """One thing: its gradient, its shadow and itself."""
    style, data = item.style, path(item.lines)
    text, fill = "", hexed(style.fill) if style.fill is not None else "none"
    if style.fill is not None and style.second is not None:
        text += (
            f'<linearGradient id="g{number}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{fill}"/>'
            f'<stop offset="1" stop-color="{hexed(style.second)}"/></linearGradient>'
        )
        fill = f"url(#g{number})"
    if style.fill is not None:
        for share in (0.6, 1.0, 1.4) if style.shadow else ():  # three pale ones make one with a soft edge
            away = style.shadow * share
            text += f'<path d="{data}" transform="translate({away:.2f} {away:.2f})" fill-opacity=".16"/>'
    text += f'<path d="{data}" fill="{fill}" fill-rule="evenodd"'
    if style.line is not None:
        text += f' stroke="{hexed(style.line)}" stroke-width="{style.width:.2f}" stroke-linejoin="{style.join}"'
    if style.cap:
        dash, gap = style.dashes
        text += f' stroke-linecap="{style.cap}" stroke-dasharray="{dash:.2f} {gap:.2f}"'
    return text + "/>"


def document(items: Sequence[Item], size: Size) -> str:
    """The whole drawing on nothing."""
    drawn = "".join(element(number, item) for number, item in enumerate(items))
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[1]}" height="{size[0]}">{drawn}</svg>'


def render(rng: random.Random, items: Sequence[Item], paper: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw things on paper (H, W, 3)."""
    import resvg_py

    edges = rng.choices(list(EDGES), list(EDGES.values()))[0]
    drawn = resvg_py.svg_to_bytes(
        svg_string=document(items, (paper.shape[0], paper.shape[1])), skip_system_fonts=True, shape_rendering=edges
    )
    layer = Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")
    picture = Image.fromarray(paper)
    picture.paste(layer, mask=layer)
    return np.asarray(picture)
