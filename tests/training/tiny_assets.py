"""A tiny pack of assets drawn in the test: every everyday thing in a few styles, each a disc of its own colour."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from model.training.assets.blobs import write_blobs
from model.training.assets.names import held_style, named_things
from model.training.assets.pack import TRAIN, UNSEEN
from model.training.assets.photos import photo_names

STYLES = {TRAIN: ("one", "two", "three", "four"), UNSEEN: ("strange",)}
PAINTS = {"red": (222, 28, 32), "blue": (35, 80, 215), "green": (40, 160, 60), "yellow": (250, 222, 35)}


def drawing(tint: str, style: str) -> bytes:
    """A disc on nothing, a little narrower in every style."""
    image = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    inset = 4 + 4 * len(style)
    ImageDraw.Draw(image).ellipse((inset, 2, 95 - inset, 93), fill=(*PAINTS[tint], 255))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def write_tiny_pack(folder: Path) -> Path:
    """Write the pack of the short list and return its folder."""
    things = [thing for thing in named_things() if thing.scope == "cpu"]
    tints = {thing.name: list(PAINTS)[number % len(PAINTS)] for number, thing in enumerate(things)}
    for kind, styles in STYLES.items():
        for style in styles:
            rows = [
                (thing.codes[0], drawing(tints[thing.name], style), {"colours": [[tints[thing.name], 1.0]]})
                for thing in things
            ]
            write_blobs(folder / kind / f"{style}.blobs", rows)
    drawn = {
        style: {thing.name: [thing.codes[0]] for thing in things} for styles in STYLES.values() for style in styles
    }
    rows = [
        {
            "name": thing.name,
            "plural": thing.plural,
            "zh": thing.zh,
            "article": thing.article,
            "group": thing.group,
            "codes": thing.codes,
            "held": held_style(thing.name, list(STYLES[TRAIN])),
            "cpu": True,
        }
        for thing in things
    ]
    index = {"styles": STYLES, "things": rows, "drawn": drawn}
    (folder / "things.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def write_tiny_photos(folder: Path) -> None:
    """Write a photo of every known kind for each split: a patch of one colour among noise."""
    rows = []
    for number, (label, names) in enumerate(photo_names().items()):
        generator = np.random.default_rng(number)
        for split in ("train", "val"):
            pixels = generator.integers(90, 160, (96, 128, 3), dtype=np.uint8)
            pixels[20:80, 30:100] = list(PAINTS.values())[number % len(PAINTS)]
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "WEBP", quality=50)
            facts = {
                "label": label,
                "article": names["article"],
                "name": names["name"],
                "plural": names["plural"],
                "zh": names["zh"],
                "group": "grocery" if "/" in label else "flowers" if label.islower() else "clothing",
                "licence": "CC0-1.0",
                "author": "this test",
                "split": split,
                "colours": [],
                "middle": [],
            }
            rows.append((f"{split}/{number}", buffer.getvalue(), facts))
    write_blobs(folder / "photos" / "photos.blobs", rows)
