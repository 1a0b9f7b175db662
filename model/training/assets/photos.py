"""Packs the photos small, with names in both languages, and with their colours measured."""

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from model.training.assets import tint
from model.training.assets.blobs import AssetsMissing, Facts, write_blobs
from model.training.assets.names import rows

TABLE = Path(__file__).with_name("photos.tsv")
SIDE = 128
QUALITY = 45
LICENCES = {
    "grocery": ("MIT", "Marcus Klasson and others, GroceryStoreDataset"),
    "clothing": ("CC0-1.0", "Alexey Grigorev and contributors, clothing-dataset"),
    "flowers": ("CC-BY-2.0", "the photographers of the TensorFlow flower_photos archive"),
}


@cache
def photo_names() -> dict[str, dict[str, str]]:
    """English and Chinese names by label."""
    return {row["label"]: row for row in rows(TABLE)}


def chosen(labels: list[dict[str, str]], most: int) -> Iterator[dict[str, str]]:
    """Keep all photos to be examined on, and of those to learn from at most `most` of one name (0: all)."""
    learned: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in labels:
        if row["split"] == "train":
            learned[photo_names()[row["label"]]["name"]].append(row)
        else:
            yield row
    for found in learned.values():
        found.sort(key=lambda row: hashlib.sha256(row["file"].encode()).digest())
        yield from found[: most or None]


def shrunk(path: Path) -> Image.Image:
    """Open a photo with its long side at SIDE pixels."""
    with Image.open(path) as image:
        photo = image.convert("RGB")
    scale = min(1.0, SIDE / max(photo.size))
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    return photo.resize(size, Image.Resampling.LANCZOS)


def packed(folder: Path, row: dict[str, str]) -> tuple[str, bytes, Facts]:
    """One photo as a blob with its facts."""
    names = photo_names()[row["label"]]
    group = row["file"].split("/")[0]
    licence, author = LICENCES[group]
    image = shrunk(folder / row["file"])
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4)
    facts: Facts = {"label": row["label"], "split": row["split"], "group": group, "licence": licence, "author": author}
    facts |= {key: names[key] for key in ("article", "name", "plural", "zh")}
    return row["file"], buffer.getvalue(), facts | measured(image)


def measured(photo: Image.Image) -> Facts:
    """Colours of the whole photo, and of its middle, where the thing it shows mostly is."""
    pixels = np.asarray(photo.convert("RGBA"))
    height, width = pixels.shape[:2]
    middle = pixels[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return {"colours": tint.measured(pixels[::2, ::2]), "middle": tint.measured(middle)}


def pack_photos(out: Path, source: Path, most: int, say: Callable[[str], None]) -> None:
    """Write the chosen photos into one file."""
    folder = source / "photos"
    path = folder / "labels.csv"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AssetsMissing(f"{path}: {error}", "give the folder that holds photos/ with --source") from error
    labels = [dict(zip(("file", "split", "label"), line.split(",", 2), strict=True)) for line in lines[1:]]
    items = [packed(folder, row) for row in sorted(chosen(labels, most), key=lambda row: row["file"])]
    size = write_blobs(out / "photos" / "photos.blobs", items)
    say(f"photos: {len(items)} of {len(labels)}, {size / 1e6:.1f} MB")
