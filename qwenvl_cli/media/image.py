"""Pictures, still and moving: opened, turned upright, made RGB over white, resized once to the size the model sees."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from model.geometry import MAX_ASPECT_RATIO, NO_PADDING, Padding, Size, padding_for, scale_padding, smart_resize
from qwenvl_cli.errors import MediaError
from qwenvl_cli.media.items import LoadedMedia, PixelLimits
from qwenvl_cli.media.sniff import HEAD_BYTES, is_cut_off, is_heif

MOVING_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
WHITE = (255, 255, 255)
# Of a picture or of a frame: above it Pillow warns, which is an error here. As RGB they take a quarter of a gigabyte.
MOST_PIXELS = 89_478_485
PIXEL_REMEDY = (
    f"make a smaller copy first, of up to {MOST_PIXELS // 10**6} megapixels; "
    "if the size looks wrong, the file is damaged or hostile"
)
_EXIF_ORIENTATION = 0x0112
# What Pillow's decoders raise on damaged bytes; each plugin has its own habits.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)
# EXIF orientation -> what turns the stored picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)


@contextmanager
def open_picture(handle: BinaryIO) -> Iterator[Image.Image]:
    """Open a picture of any known format; every way in which its bytes can be bad leaves as a MediaError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _open(handle) as picture:
                yield picture
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaError("the picture has too many pixels to be opened safely", PIXEL_REMEDY) from error
    except UnidentifiedImageError as error:
        raise MediaError("the picture is damaged at its very start", "copy or download the file again") from error
    except BROKEN as error:
        raise MediaError(f"the picture is damaged or cut off ({_one_line(error)})", "copy the file again") from error


def load_still(picture: Image.Image, limits: PixelLimits) -> LoadedMedia:
    """Decode one still picture."""
    notes: list[str] = []
    picture.load()
    if picture.format == "TIFF" and (pages := getattr(picture, "n_frames", 1)) > 1:
        notes.append(f"{pages} pages in the file: only the first is read")
    upright = turn(to_rgb(picture), orientation_of(picture, notes))
    width, height = upright.size
    padded, spare = pad(upright)
    size = smart_resize(
        padded.height,
        padded.width,
        factor=limits.factor,
        min_pixels=limits.image_min,
        max_pixels=limits.image_max,
    )
    if spare != NO_PADDING:
        notes.append(aspect_note(width, height))
    return LoadedMedia(
        path="",
        kind="image",
        frames=resize(padded, size)[None],
        width=width,
        height=height,
        padding=scale_padding(spare, (padded.height, padded.width), size),
        warnings=notes,
        patch_size=limits.factor // 2,
    )


def upright(handle: BinaryIO) -> Image.Image:
    """Decode a still picture at its own size, upright, in RGB."""
    with open_picture(handle) as picture:
        picture.load()
        return turn(to_rgb(picture), orientation_of(picture, []))


def aspect_note(width: int, height: int) -> str:
    """Say that a picture was padded."""
    return f"the sides are more than {MAX_ASPECT_RATIO}:1 ({width}x{height}): padded with white"


def pad(picture: Image.Image) -> tuple[Image.Image, Padding]:
    """Bring a picture within 200:1 with white on both sides of the short axis; return it and what was added."""
    spare = padding_for(picture.height, picture.width)
    if spare == NO_PADDING:
        return picture, spare
    left, top, right, bottom = spare
    canvas = Image.new("RGB", (picture.width + left + right, picture.height + top + bottom), WHITE)
    canvas.paste(picture, (left, top))
    return canvas, spare


def resize(picture: Image.Image, size: Size) -> NDArray[np.uint8]:
    """Resize an RGB picture once, bicubic, to (height, width); return (H, W, 3) uint8."""
    height, width = size
    return np.array(picture.resize((width, height), Image.Resampling.BICUBIC), dtype=np.uint8)


def fit_frame(pixels: NDArray[np.uint8], size: Size, orientation: int = 1) -> NDArray[np.uint8]:
    """Resize a decoded frame (H, W, 3 or 4 channels) to the upright (height, width) and turn it.

    The resize comes first because it leaves far fewer pixels to turn. An extreme aspect is padded on the way.
    """
    stored = to_rgb(Image.fromarray(pixels))
    if padding_for(stored.height, stored.width) != NO_PADDING:
        return resize(pad(turn(stored, orientation))[0], size)
    if orientation in SIDEWAYS:
        size = (size[1], size[0])
    return np.asarray(turn(Image.fromarray(resize(stored, size)), orientation))


def turn(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a stored picture upright by its EXIF orientation, 1 to 8."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def orientation_of(picture: Image.Image, notes: list[str]) -> int:
    """Return the EXIF orientation, 1 when there is none; unreadable EXIF is worth a note, not an error."""
    try:
        value = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except BROKEN:
        notes.append("the EXIF data is unreadable: the picture is taken as stored")
        return 1
    return value if value in _TURNS else 1


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode as RGB: alpha over white, deep grey scaled to 8 bits."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_deep_grey(picture)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, (*WHITE, 255)), layer).convert("RGB")
    return picture.convert("RGB")


def _open(handle: BinaryIO) -> Image.Image:
    head = handle.read(HEAD_BYTES)
    if is_cut_off(handle):
        raise MediaError("the picture is cut off: its end is missing", "copy the file again")
    if not is_heif(head):
        return Image.open(handle)
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise MediaError("HEIC pictures need a package that is not installed", 'pip install "qwenvl[heic]"') from error
    # The class is used directly: registering it would change Pillow for the whole process.
    picture: Image.Image = HeifImageFile(handle)
    if picture.width * picture.height > MOST_PIXELS:  # which Image.open sees to of all others
        raise Image.DecompressionBombError
    return picture


def _deep_grey(picture: Image.Image) -> NDArray[np.uint8]:
    """Scale grey of more than 8 bits: 16-bit modes by their full range, others by what they hold if that is beyond it.

    Floating point is read as 0..1 where it fits there, else as 0..255, else stretched. What is no number is shown as
    the lowest there is, infinities as the lowest and highest.
    """
    values = np.asarray(picture, dtype=np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    values = np.nan_to_num(values, nan=low, neginf=low, posinf=high)
    full = 65535.0 if picture.mode.startswith("I") else 1.0 if high <= 1.0 else 255.0
    if low < 0 or high > full:
        values, full = values - low, (high - low) or 1.0
    return np.rint(values * (255.0 / full)).astype(np.uint8)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
