"""The typefaces at hand: Pillow's own always, matplotlib's DejaVu where installed, and those of the packed assets."""

import importlib.util
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageFont

from model.training.assets.blobs import AssetsMissing
from model.training.assets.pack import pack
from model.training.things import Font

BUILT_IN = ""  # stands for the path of the face inside Pillow
BASIC = "".join(map(chr, range(32, 127)))
DEJAVU = ("DejaVuSans-Bold", "DejaVuSans", "DejaVuSerif-Bold", "DejaVuSerif", "DejaVuSansMono-Bold", "DejaVuSansMono")
PROBE = 64  # size at which a face is measured
UNICASE = 0.86  # height of small letters over that of capitals


@dataclass(frozen=True)
class Face:
    """A font file and the characters that it can write."""

    path: str
    chars: frozenset[str]
    chinese: bool = False

    def writes(self, text: str) -> bool:
        """Whether every character of `text` has a glyph."""
        return self.chars.issuperset(text)


def matplotlib_faces() -> list[Face]:
    """The DejaVu faces that matplotlib carries, none where it is not installed."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    files = (folder / f"{name}.ttf" for name in DEJAVU)
    return [Face(str(path), frozenset(BASIC + "£€¥")) for path in files if path.is_file()]


def packed_faces() -> list[Face]:
    """The faces of the packed assets, none where nothing was packed."""
    try:
        found = pack().fonts()
    except AssetsMissing:
        return []
    return [Face(str(face.path), frozenset(face.chars) | {" "}, face.kind == "chinese") for face in found]


@cache
def faces() -> tuple[Face, ...]:
    """Every usable face, Pillow's own first."""
    return (Face(BUILT_IN, frozenset(BASIC)), *matplotlib_faces(), *packed_faces())


@lru_cache(maxsize=1024)
def font(path: str, size: int) -> Font:
    """Open a face at a size in pixels."""
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@cache
def letter_heights(path: str) -> tuple[float, float]:
    """Height of a capital letter and of a small one without ascender, over the size of the font."""
    probe = font(path, PROBE)
    capital, small = probe.getbbox("H"), probe.getbbox("x")
    return (capital[3] - capital[1]) / PROBE, (small[3] - small[1]) / PROBE


def capitals_only(face: Face) -> bool:
    """Whether a face has no small letters, or some that look like its capitals, so that case could not be read."""
    capital, small = letter_heights(face.path)
    return not face.writes("abcdefghijklmnopqrstuvwxyz") or small > UNICASE * capital


@lru_cache(maxsize=256)
def long(path: str, text: str) -> float:
    """Width of `text` over the size of its font."""
    return font(path, PROBE).getlength(text) / PROBE
