"""Short words and numbers, in Pillow's own scalable face and, where matplotlib is installed, its DejaVu faces."""

import importlib.util
from functools import cache
from pathlib import Path

from PIL import ImageFont

from model.training.things import Brush, Figure, Font, Thing

WORDS = (
    "stop", "go", "yes", "no", "open", "exit", "sale", "hot", "cold", "hello", "love", "cat", "dog", "sun",
    "sky", "tree", "fish", "bird", "cake", "tea", "milk", "book", "park", "taxi", "bus", "car", "shop", "cafe",
    "free", "new", "old", "big", "happy", "home", "food", "game", "music", "water", "pizza", "fire",
)  # fmt: skip
CHARS = "abcdefghijklmnopqrstuvwxyz0123456789"
FACES = ("DejaVuSans-Bold", "DejaVuSans", "DejaVuSerif-Bold", "DejaVuSansMono-Bold")


@cache
def faces() -> tuple[str, ...]:
    """Paths of the usable faces; "" is the one inside Pillow, which is always there and always first."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return ("",)
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ("", *(str(path) for path in (folder / f"{name}.ttf" for name in FACES) if path.is_file()))


@cache
def font(path: str, size: int) -> Font:
    """Open a face at a size in pixels."""
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def face_of(variant: float) -> str:
    """The face that a figure's `variant` stands for."""
    known = faces()
    return known[min(int(variant * len(known)), len(known) - 1)]


def aspect_of(text: str, variant: float) -> float:
    """Width of `text` over the size of its font."""
    return font(face_of(variant), 64).getlength(text) / 64


def code_of(char: str) -> int:
    """Class of a character: 0 is none, case is folded."""
    return CHARS.find(char.lower()) + 1


def _draw(brush: Brush, figure: Figure) -> None:
    """Write the text so that its letters fill `figure`'s box; each letter owns its own column."""
    face = font(face_of(figure.variant), max(6, round(figure.height * brush.scale)))
    length = face.getlength(figure.text)
    _, top, _, bottom = face.getbbox(figure.text)
    left = figure.x - length / 2 / brush.scale
    y = figure.y - (top + bottom) / 2 / brush.scale
    ink_top, ink_bottom = y + top / brush.scale, y + bottom / brush.scale
    for index, char in enumerate(figure.text):
        start = left + face.getlength(figure.text[:index]) / brush.scale
        end = left + face.getlength(figure.text[: index + 1]) / brush.scale
        brush.glyph(char, code_of(char), face, (start, y), [start, ink_top, end - 1, ink_bottom], figure.rgb)


THINGS = (Thing("text", "words", "文字", _draw, turn=0.0, is_text=True),)
