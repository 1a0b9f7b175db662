"""Where each style's drawings lie in its package, and how to render one: bitmap glyphs, icon sets, SVG files."""

import io
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from model.training.assets.blobs import AssetsMissing
from model.training.assets.fetch import Source, unpacked
from model.training.assets.names import icon_exceptions

RENDER = 192  # pixels; twice what is kept


class Style(Protocol):
    """A drawing style that is unpacked and ready."""

    def draw(self, hexcode: str, published: str) -> Image.Image | None:
        """Render one emoji as RGBA, or None where the style has none; `published` is its published English name."""


def render_svg(svg: str) -> Image.Image:
    """Render SVG text, the larger side at RENDER pixels or a little more."""
    try:
        import resvg_py
    except ImportError as error:
        raise AssetsMissing("resvg-py is not installed", "install the extra: pip install 'qwenvl[train]'") from error
    data = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=RENDER, skip_system_fonts=True))
    return Image.open(io.BytesIO(data)).convert("RGBA")


def plain_code(stem: str) -> str:
    """Bring a file name's code points to the form of the names table: upper case, without variation selectors."""
    return "-".join(part for part in stem.upper().split("-") if part != "FE0F")


class Files:
    """One picture file per emoji, named by its code points."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self._paths = {plain_code(path.stem): path for path in sorted(folder.glob(pattern))}

    def draw(self, hexcode: str, published: str) -> Image.Image | None:
        """Open or render the emoji's file."""
        path = self._paths.get(hexcode)
        if path is None:
            return None
        if path.suffix == ".svg":
            return render_svg(path.read_text(encoding="utf-8"))
        with Image.open(path) as image:
            return image.convert("RGBA")


def icon_name(published: str) -> str:
    """Write a published name as icon sets do: "Mrs. Claus" is mrs-claus."""
    plain = unicodedata.normalize("NFKD", published.lower().replace("’", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


class Icons:
    """An icon set in one JSON file, keyed by names."""

    def __init__(self, folder: Path, style: str) -> None:
        whole = json.loads((folder / "package" / "icons.json").read_text(encoding="utf-8"))
        self._style = style
        self._icons: dict[str, Any] = whole["icons"]
        self._aliases = {name: alias["parent"] for name, alias in whole.get("aliases", {}).items() if len(alias) == 1}
        self._size = whole.get("width", 16), whole.get("height", 16)

    def _find(self, hexcode: str, published: str) -> dict[str, Any] | None:
        slug = icon_exceptions().get((self._style, hexcode))
        slugs = [slug] if slug else spellings(icon_name(published))
        for name in slugs:
            if icon := self._icons.get(self._aliases.get(name, name)):
                return dict(icon)
        return None

    def draw(self, hexcode: str, published: str) -> Image.Image | None:
        """Render the icon that bears the emoji's name."""
        icon = self._find(hexcode, published)
        if icon is None:
            return None
        width, height = icon.get("width", self._size[0]), icon.get("height", self._size[1])
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        return render_svg(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>')


def spellings(slug: str) -> list[str]:
    """Name forms that icon sets use for one emoji, the most exact first."""
    return [slug, f"{slug}-face", f"{slug}-1", slug.replace("-", "")]


class Glyphs:
    """A font of colour bitmaps (CBDT), with ligatures for joined emoji."""

    def __init__(self, path: Path) -> None:
        from fontTools.ttLib import TTFont

        font = TTFont(path)
        self._cmap: dict[int, str] = font.getBestCmap()
        self._bitmaps: dict[str, Any] = font["CBDT"].strikeData[0]
        self._joined: dict[tuple[str, ...], str] = {}
        for lookup in font["GSUB"].table.LookupList.Lookup:
            for table in lookup.SubTable:
                for first, found in getattr(getattr(table, "ExtSubTable", table), "ligatures", {}).items():
                    self._joined |= {(first, *one.Component): one.LigGlyph for one in found}

    def draw(self, hexcode: str, published: str) -> Image.Image | None:
        """Decode the glyph's bitmap."""
        names = tuple(self._cmap.get(int(part, 16), "") for part in hexcode.split("-"))
        glyph = self._bitmaps.get(names[0] if len(names) == 1 else self._joined.get(names, ""))
        return Image.open(io.BytesIO(glyph.imageData)).convert("RGBA") if glyph is not None else None


@dataclass(frozen=True)
class StyleSource:
    """A style's name, the package it comes from, and how to open that package once unpacked."""

    name: str
    source: Source
    open: Callable[[Path], Style]


def _npm(package: str, version: str, licence: str, author: str) -> Source:
    return Source("npm", package, version, licence, author)


def _icons(name: str) -> Callable[[Path], Style]:
    return lambda folder: Icons(folder, name)


NOTO_FONT = "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
TRAIN = (
    StyleSource(
        "noto",
        Source("debian", "fonts-noto-color-emoji", "", "OFL-1.1", "Google"),
        lambda folder: Glyphs(folder / NOTO_FONT),
    ),
    StyleSource(
        "twemoji",
        _npm("@twemoji/svg", "15.0.0", "CC-BY-4.0 (graphics)", "Twitter and other contributors"),
        lambda folder: Files(folder / "package", "*.svg"),
    ),
    StyleSource(
        "fluent3d",
        _npm("@lobehub/fluent-emoji-3d", "1.1.0", "MIT", "Microsoft; packaged by LobeHub"),
        lambda folder: Files(folder / "package" / "assets", "*.webp"),
    ),
    StyleSource(
        "fluentflat",
        _npm("@lobehub/fluent-emoji-flat", "1.1.0", "MIT", "Microsoft; packaged by LobeHub"),
        lambda folder: Files(folder / "package" / "assets", "*.svg"),
    ),
    StyleSource("notov1", _npm("@iconify-json/noto-v1", "1.2.5", "Apache-2.0", "Google"), _icons("notov1")),
    StyleSource("emojione", _npm("@iconify-json/emojione", "1.2.3", "CC-BY-4.0", "Emoji One"), _icons("emojione")),
)
UNSEEN = (
    StyleSource("openmoji", _npm("@iconify-json/openmoji", "1.2.29", "CC-BY-SA-4.0", "OpenMoji"), _icons("openmoji")),
    StyleSource("fxemoji", _npm("@iconify-json/fxemoji", "1.2.2", "Apache-2.0", "Mozilla"), _icons("fxemoji")),
    StyleSource(
        "streamline",
        _npm("@iconify-json/streamline-emojis", "1.2.4", "CC-BY-4.0", "Streamline"),
        _icons("streamline"),
    ),
)


@cache
def opened(style: StyleSource, folder: Path) -> Style:
    """Unpack a style's package, if need be, and open it."""
    return style.open(unpacked(style.source, folder))
