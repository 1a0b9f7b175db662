"""A copy of a picture with boxes drawn over it, numbered and labelled."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from qwenvl_cli.console import clean
from qwenvl_cli.errors import UsageError
from qwenvl_cli.output.files import replace_file
from qwenvl_cli.results import LocatedBox

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 92
# Told apart also by people who see colours otherwise (Okabe and Ito).
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
DARK = 140  # luminance under which letters on a colour are white
THIN, SMALL = 2, 12  # least width of a line and least size of letters, in pixels
LINES_ACROSS, LETTERS_ACROSS = 250, 40  # how many of either would fill the short side
LONGEST_LABEL = 40


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse what cannot be written, or must not be, before any work is done."""
    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"{target} has no suffix of a picture that can be written", "name it .png, .jpg or .webp")
    if target.is_dir() or not target.parent.is_dir():
        raise UsageError(f"{target} cannot be a file: check its folder", f"create it: mkdir -p {target.parent}")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists", "choose another name, or add --overwrite")
    if not os.access(target.parent, os.W_OK):
        raise UsageError(f"{target.parent} cannot be written", "choose another place, or change its permissions")


def save(picture: Image.Image, boxes: Sequence[LocatedBox], target: Path) -> None:
    """Write the RGB picture with the boxes over it, whole or not at all."""
    drawn = draw(picture, boxes)
    replace_file(target, lambda file: drawn.save(file, FORMATS[target.suffix.lower()], quality=QUALITY))


def draw(picture: Image.Image, boxes: Sequence[LocatedBox]) -> Image.Image:
    """Return a copy with a frame around every box and a tag on it; things of one name share a colour."""
    copy = picture.copy()
    pen, short = ImageDraw.Draw(copy), min(copy.size)
    width = max(THIN, short // LINES_ACROSS)
    font = ImageFont.load_default(max(SMALL, short // LETTERS_ACROSS))
    names = list(dict.fromkeys(box.label for box in boxes))
    for box in boxes:
        pen.rectangle(_frame(box), outline=_colour(names, box), width=width)
    for number, box in enumerate(boxes, 1):  # over all frames
        _tag(pen, box, tag_text(box.label, number), _colour(names, box), font)
    return copy


def tag_text(label: str, number: int) -> str:
    """What stands on a box: its number, with the label where the font that comes with Pillow has its letters.

    >>> tag_text("red star", 1), tag_text("红色的星形", 2)
    ('1 red star', '2')
    """
    words = " ".join(clean(label).split())
    latin = all(ord(char) < 0x180 for char in words)
    return f"{number} {words[:LONGEST_LABEL]}".strip() if latin else str(number)


def _frame(box: LocatedBox) -> tuple[int, int, int, int]:
    """A box ends before its right and bottom edge; a drawn rectangle has its last pixel there."""
    left, top, right, bottom = box.bbox
    return left, top, right - 1, bottom - 1


def _colour(names: Sequence[str], box: LocatedBox) -> str:
    return COLOURS[names.index(box.label) % len(COLOURS)]


def _tag(
    pen: ImageDraw.ImageDraw,
    box: LocatedBox,
    text: str,
    colour: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Write on a box: above it, inside where there is no room, never beyond the picture's edge."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    wide, high, margin = round(right - left), round(bottom - top), 2
    across, down = pen.im.size
    x = max(0, min(box.bbox[0], across - wide - 2 * margin))
    y = box.bbox[1] - high - 2 * margin
    y = max(0, min(box.bbox[1], down - high - 2 * margin)) if y < 0 else y
    pen.rectangle((x, y, x + wide + 2 * margin - 1, y + high + 2 * margin - 1), fill=colour)
    red, green, blue = Image.new("RGB", (1, 1), colour).getpixel((0, 0))  # type: ignore[misc]
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    pen.text((x + margin - left, y + margin - top), text, fill="white" if light < DARK else "black", font=font)
