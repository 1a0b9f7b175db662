"""Packs the things: every drawing of every named thing in every style, cut out, small, its colours measured."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from model.training.assets import drawings, tint
from model.training.assets.blobs import Blobs, Facts, write_blobs
from model.training.assets.clipart import ClipArt
from model.training.assets.drawings import Style
from model.training.assets.names import (
    NOT_IT,
    Named,
    held_style,
    icon_exceptions,
    named_things,
    published_names,
)
from model.training.assets.pack import TRAIN, UNSEEN

SIDE = 96
VISIBLE = 12  # alpha below this is haze around a drawing, not part of it
QUALITY, ALPHA_QUALITY = 75, 70
LEAST_PIXELS = 200
Say = Callable[[str], None]
Wanted = tuple[str, str, Callable[[], Image.Image | None]]


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


def wanted(things: tuple[Named, ...], style: str, ready: Style, published: dict[str, str]) -> Iterator[Wanted]:
    """Everything that a style may draw: the thing's name, the key, and a way to draw it."""
    for thing in things:
        for code in thing.codes:
            if icon_exceptions().get((style, code)) != NOT_IT:
                yield thing.name, code, partial(ready.draw, code, published.get(code, ""))


def wanted_art(things: tuple[Named, ...], art: ClipArt) -> Iterator[Wanted]:
    """The clip art of each thing; the pictures of one thing are told apart by their file names."""
    for thing in things:
        for file in art.files(thing.name):
            yield thing.name, f"{thing.codes[0]}/{Path(file).stem}", partial(art.draw, file)


def pack_style(path: Path, found: Iterator[Wanted], fresh: bool = True) -> dict[str, list[str]]:
    """Write one style's drawings and return their keys by thing; unless `fresh`, what is there already is kept."""
    before = None if fresh or not path.is_file() else Blobs(path)
    keys: dict[str, list[str]] = {}
    items: list[tuple[str, bytes, Facts]] = []
    for name, key, draw in found:
        if before is not None and key in before:
            item = before.data(key), before.facts(key)
        else:
            image = draw()
            cut = cut_out(image) if image is not None else None
            if cut is None:
                continue
            item = encoded(cut), {"colours": tint.measured(np.asarray(cut))}
        keys.setdefault(name, []).append(key)
        items.append((key, *item))
    write_blobs(path, items)
    return keys


@dataclass(frozen=True)
class Packing:
    """What to pack, from where to where; `fresh` draws again what is packed already."""

    out: Path
    cache: Path
    source: Path
    scope: str
    fresh: bool
    say: Say

    def things(self) -> tuple[Named, ...]:
        """The things of the scope."""
        return tuple(thing for thing in named_things() if self.scope == "all" or thing.scope == "cpu")

    def style(self, folder: str, name: str, found: Iterator[Wanted]) -> dict[str, list[str]]:
        """Pack one style and say what came of it."""
        keys = pack_style(self.out / folder / f"{name}.blobs", found, self.fresh)
        self.say(f"{name}: {sum(map(len, keys.values()))} drawings of {len(keys)} things")
        return keys


def pack_things(packing: Packing) -> None:
    """Pack every style of the scope's things and write the index of names."""
    things, published = packing.things(), published_names(packing.source)
    keys: dict[str, dict[str, list[str]]] = {}
    for folder, styles in ((TRAIN, drawings.TRAIN), (UNSEEN, drawings.UNSEEN)):
        for style in styles:
            found = wanted(things, style.name, drawings.opened(style, packing.cache), published)
            keys[style.name] = packing.style(folder, style.name, found)
    art = ClipArt(packing.cache)
    keys[art.name] = packing.style(TRAIN, art.name, wanted_art(things, art))
    names = {
        TRAIN: [style.name for style in drawings.TRAIN] + [art.name],
        UNSEEN: [style.name for style in drawings.UNSEEN],
    }
    index = {"styles": names, "things": [_row(thing, keys) for thing in things], "drawn": keys}
    (packing.out / "things.json").write_text(
        json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
    )


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
