"""Reads the packed assets: things in many drawing styles with their names and colours, fonts and photos.

Three splits: "train" sees the training styles but for one drawing of each thing; "held" sees those drawings alone;
"unseen" sees the styles that training never meets. What a split must not see is refused.
"""

import io
import json
import os
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.training.assets.blobs import REMEDY, AssetsMissing, AssetsWithheld, Blobs

AssetSplit = Literal["train", "held", "unseen"]
Scope = Literal["cpu", "all"]
Packed = Literal["", "things", "photos"]  # what is packed in folders of its own, "" for nothing
TRAIN, UNSEEN = "things", "unseen"  # the folders of the styles
DEFAULT = Path("runs") / "assets"
VARIABLE = "QWENVL_ASSETS"  # environment variable: the folder of the packs
Drawing = tuple[str, str]  # style, hexcode


@dataclass(frozen=True)
class NamedThing:
    """Something everyday: its names, its family, and the drawings that show it, best known first.

    `article` is what one of it takes in English: "a", "an", "some", "a pair of", or "" for a name.
    `held` is the one drawing style in which training never sees it, or "" where too few styles have it.
    """

    name: str
    plural: str
    zh: str
    article: str
    group: str
    codes: tuple[str, ...]
    held: str = ""
    cpu: bool = False


@dataclass(frozen=True)
class Typeface:
    """A font file; `kind` is sans, serif, mono, hand or chinese, `chars` what it can write."""

    name: str
    path: Path
    kind: str
    chars: str


@dataclass(frozen=True)
class Photo:
    """A photo's key, what it shows in both languages, and where it comes from."""

    key: str
    label: str
    article: str
    name: str
    plural: str
    zh: str
    group: str
    licence: str
    author: str


class Pack:
    """One folder of packed assets. Cheap to make and to send to worker processes: files are opened at first use."""

    def __init__(self, folder: Path = DEFAULT) -> None:
        self.folder = Path(folder)
        self._styles: dict[str, Blobs] = {}
        self._photos = Blobs(self.folder / "photos" / "photos.blobs")

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "_styles": {}, "_photos": self._photos}

    def _index(self, name: str) -> Any:
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise AssetsMissing(f"{path}: {error}", REMEDY.format(folder=self.folder)) from error

    @cached_property
    def _known(self) -> dict[str, Any]:
        return dict(self._index("things.json"))

    @cached_property
    def _things(self) -> tuple[NamedThing, ...]:
        return tuple(NamedThing(**{**row, "codes": tuple(row["codes"])}) for row in self._known["things"])

    @cached_property
    def _by_code(self) -> dict[str, NamedThing]:
        return {code: thing for thing in self._things for code in thing.codes}

    def styles(self, split: AssetSplit = "train") -> tuple[str, ...]:
        """Names of the drawing styles that a split may meet."""
        return tuple(self._known["styles"][UNSEEN if split == "unseen" else TRAIN])

    def things(self, split: AssetSplit = "train", scope: Scope = "all") -> tuple[NamedThing, ...]:
        """Things with at least one drawing for the split, in a fixed order; scope "cpu" is the short list."""
        return tuple(thing for thing in self._things if (thing.cpu or scope == "all") and self.drawings(thing, split))

    def drawings(self, thing: NamedThing, split: AssetSplit = "train") -> tuple[Drawing, ...]:
        """Every (style, hexcode) that shows the thing and that the split may see."""
        return tuple(
            (style, code)
            for style in self.styles(split)
            for code in self._known["drawn"][style].get(thing.name, ())
            if split == "unseen" or (style == thing.held) == (split == "held")
        )

    def _blobs(self, style: str, hexcode: str, split: AssetSplit) -> Blobs:
        if style not in self.styles(split):
            raise AssetsWithheld(f'{style} is no drawing style of the split "{split}"', f"one of: {self.styles(split)}")
        thing = self._by_code.get(hexcode.split("/")[0])
        if thing is None:
            raise AssetsMissing(f"no thing is drawn as {hexcode}", REMEDY.format(folder=self.folder))
        if split != "unseen" and (style == thing.held) != (split == "held"):
            hint = f'ask drawings(thing, "{split}") which drawings it may see'
            raise AssetsWithheld(f'the split "{split}" must not see {thing.name} as {style}', hint)
        if style not in self._styles:
            self._styles[style] = Blobs(self.folder / (UNSEEN if split == "unseen" else TRAIN) / f"{style}.blobs")
        return self._styles[style]

    def image(self, style: str, hexcode: str, split: AssetSplit = "train") -> NDArray[np.uint8]:
        """A drawing as RGBA (H, W, 4), cut to what is visible, its long side 96 pixels."""
        return _decoded(self._blobs(style, hexcode, split).data(hexcode), "RGBA")

    def colours(self, style: str, hexcode: str, split: AssetSplit = "train") -> tuple[tuple[str, float], ...]:
        """Colour names measured on a drawing's own pixels with their shares, the largest first."""
        found = self._blobs(style, hexcode, split).facts(hexcode)["colours"]
        return tuple((name, share) for name, share in found)

    def fonts(self) -> tuple[Typeface, ...]:
        """The typefaces for text."""
        folder = self.folder / "fonts"
        rows = self._index("fonts/fonts.json")
        return tuple(Typeface(row["name"], folder / row["file"], row["kind"], row["chars"]) for row in rows)

    def photos(self, split: Literal["train", "val"] = "train") -> tuple[Photo, ...]:
        """The photos of a split: "train" to learn from, "val" to be examined on."""
        found = []
        for key in self._photos:
            facts = self._photos.facts(key)
            if facts.pop("split") == split:
                del facts["colours"], facts["middle"]
                found.append(Photo(key, **facts))
        return tuple(found)

    def photo(self, key: str) -> NDArray[np.uint8]:
        """A photo as RGB (H, W, 3)."""
        return _decoded(self._photos.data(key), "RGB")

    def photo_colours(self, key: str, middle: bool = False) -> tuple[tuple[str, float], ...]:
        """Colour names measured on a whole photo or on its middle, with their shares, the largest first."""
        return tuple((name, share) for name, share in self._photos.facts(key)["middle" if middle else "colours"])


@cache
def pack() -> Pack:
    """The packs that this process draws from."""
    return Pack(Path(os.environ.get(VARIABLE) or DEFAULT))


@cache
def at_hand(packed: Packed, among: Pack) -> bool:
    """Whether packs hold what somebody cannot do without, to train on."""
    try:
        return bool(among.things() if packed == "things" else among.photos() if packed == "photos" else True)
    except AssetsMissing:
        return False


def _decoded(data: bytes, mode: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert(mode))
