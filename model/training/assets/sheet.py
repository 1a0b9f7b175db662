"""Contact sheets, so that a person can look at what was packed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.training.assets.pack import AssetSplit, NamedThing, Pack

CELL, LABEL = 100, 12
BACK = (225, 228, 232)


def _paste(sheet: Image.Image, pixels: object, left: int, top: int) -> None:
    image = Image.fromarray(np.asarray(pixels))
    sheet.paste(image, (left + (CELL - image.width) // 2, top + (CELL - image.height) // 2), image)


def _columns(pack: Pack) -> list[tuple[str, AssetSplit]]:
    seen: list[tuple[str, AssetSplit]] = [(style, "train") for style in pack.styles("train")]
    return seen + [(style, "unseen") for style in pack.styles("unseen")]


def sheet(pack: Pack, things: Sequence[NamedThing]) -> Image.Image:
    """One row for each thing, one column for each style; what training does not see is framed in red."""
    columns = _columns(pack)
    picture = Image.new("RGB", (len(columns) * CELL, len(things) * (CELL + LABEL)), BACK)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(10)
    for row, thing in enumerate(things):
        top = row * (CELL + LABEL)
        pen.text((2, top), f"{thing.article} {thing.name} / {thing.plural}", fill=(0, 0, 0), font=font)
        for column, (style, usual) in enumerate(columns):
            split: AssetSplit = "held" if style == thing.held else usual
            found = [code for name, code in pack.drawings(thing, split) if name == style]
            if not found:
                continue
            _paste(picture, pack.image(style, found[0], split), column * CELL, top + LABEL)
            named = " ".join(f"{name}{share:.0%}" for name, share in pack.colours(style, found[0], split)[:2])
            pen.text((column * CELL + 2, top + CELL), named, fill=(90, 90, 90), font=font)
            if split != "train":
                pen.rectangle(
                    (column * CELL, top + LABEL, (column + 1) * CELL - 2, top + LABEL + CELL), outline=(200, 0, 0)
                )
    return picture


def write_sheets(pack: Pack, folder: Path, rows: int = 25) -> list[Path]:
    """Write sheets of all things and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    every = {thing.name: thing for split in ("train", "held", "unseen") for thing in pack.things(split)}
    things = list(every.values())
    paths = []
    for start in range(0, len(things), rows):
        paths.append(folder / f"things-{start:04d}.png")
        sheet(pack, things[start : start + rows]).save(paths[-1])
    return paths
