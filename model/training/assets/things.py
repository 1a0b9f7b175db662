"""Packs the things: every drawing of every named thing in every style, cut out, small, with its measured colours."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.training.assets import drawings, tint
from model.training.assets.blobs import Facts, write_blobs
from model.training.assets.clipart import ClipArt
from model.training.assets.drawings import Style, StyleSource
from model.training.assets.names import Named, held_style, named_things, published_names
from model.training.assets.pack import TRAIN, UNSEEN

SIDE = 96
VISIBLE = 12  # alpha below this is haze around a drawing, not part of it
QUALITY, ALPHA_QUALITY = 75, 70
LEAST_PIXELS = 200
Say = Callable[[str], None]


def cut_out(image: Image.Image, side: int = SIDE) -> Image.Image | None:
    """Cut a drawing to what is visible and scale its long side to `side`; None where hardly anything is visible."""
    alpha = np.asarray(image.getchannel("A"))
    if int((alpha >= VISIBLE).sum()) < LEAST_PIXELS:
        return None
    rows, columns = np.flatnonzero((alpha >= VISIBLE).any(1)), np.flatnonzero((alpha >= VISIBLE).any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    found = image.crop(box)
    scale = side / max(found.size)
    size = max(1, round(found.width * scale)), max(1, round(found.height * scale))
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edges.
    return found.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def encoded(image: Image.Image) -> bytes:
    """WebP with alpha."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, alpha_quality=ALPHA_QUALITY, method=4)
    return buffer.getvalue()


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The image's pixels."""
    return np.asarray(image)


def drawn(style: Style, things: tuple[Named, ...], published: dict[str, str]) -> Iterator[tuple[str, str, Image.Image]]:
    """Yield (thing's name, key, cut-out picture) for all that a style draws."""
    for thing in things:
        for code in thing.codes:
            image = style.draw(code, published.get(code, ""))
            cut = cut_out(image) if image is not None else None
            if cut is not None:
                yield thing.name, code, cut


def pack_style(path: Path, found: Iterator[tuple[str, str, Image.Image]]) -> dict[str, list[str]]:
    """Write one style's drawings and return their keys by thing."""
    keys: dict[str, list[str]] = {}
    items: list[tuple[str, bytes, Facts]] = []
    for name, key, image in found:
        keys.setdefault(name, []).append(key)
        items.append((key, encoded(image), {"colours": tint.measured(pixels(image))}))
    write_blobs(path, items)
    return keys


def pack_things(out: Path, cache: Path, source: Path, scope: str, say: Say) -> None:
    """Pack every style of the scope's things and write the index of names."""
    things = tuple(thing for thing in named_things() if scope == "all" or thing.scope == "cpu")
    published = published_names(source)
    keys: dict[str, dict[str, list[str]]] = {}
    for folder, styles in ((TRAIN, drawings.TRAIN), (UNSEEN, drawings.UNSEEN)):
        for style in styles:
            keys[style.name] = _pack_one(out / folder, style, things, published, cache, say)
    art = ClipArt(cache)
    keys[art.name] = pack_style(out / TRAIN / f"{art.name}.blobs", drawn_art(art, things))
    say(f"{art.name}: {sum(map(len, keys[art.name].values()))} drawings of {len(keys[art.name])} things")
    index = {
        "styles": {
            TRAIN: [style.name for style in drawings.TRAIN] + [art.name],
            UNSEEN: [s.name for s in drawings.UNSEEN],
        },
        "things": [_row(thing, keys) for thing in things],
        "drawn": keys,
    }
    (out / "things.json").write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def drawn_art(art: ClipArt, things: tuple[Named, ...]) -> Iterator[tuple[str, str, Image.Image]]:
    """Yield the clip art of each thing; several pictures of one thing are numbered."""
    for thing in things:
        for number, image in enumerate(art.pictures(thing.name), 1):
            if (cut := cut_out(image)) is not None:
                yield thing.name, f"{thing.codes[0]}/{number}", cut


def _pack_one(
    folder: Path, style: StyleSource, things: tuple[Named, ...], published: dict[str, str], cache: Path, say: Say
) -> dict[str, list[str]]:
    ready = drawings.opened(style, cache)
    keys = pack_style(folder / f"{style.name}.blobs", drawn(ready, things, published))
    say(f"{style.name}: {sum(map(len, keys.values()))} drawings of {len(keys)} things")
    return keys


def _row(thing: Named, keys: dict[str, dict[str, list[str]]]) -> Facts:
    """A thing as the reader knows it, with the style that training does not see of it."""
    styles = [style.name for style in drawings.TRAIN if thing.name in keys[style.name]]
    return {
        "name": thing.name,
        "plural": thing.plural,
        "zh": thing.zh,
        "article": thing.article,
        "group": thing.group,
        "codes": thing.codes,
        "held": held_style(thing.name, styles),
        "cpu": thing.scope == "cpu",
    }
