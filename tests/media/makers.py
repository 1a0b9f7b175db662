"""Pictures and clips made for tests: every frame carries its number as black and white bars."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qwenvl_cli.media.source import LoadedMedia, PixelLimits, SamplingOptions, open_media

BITS = 8
LIMITS = PixelLimits(
    image_min=4 * 784,
    image_max=400 * 784,
    video_min=8 * 784,
    video_max=400 * 784,
    video_total=100_000 * 784,
)
SHARED = Path(__file__).parents[2] / ".." / "shared" / "media"
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
# Display matrices (a b u, c d v, x y w in 16.16 fixed point) for the EXIF number of the turn they ask for.
_UNIT = 65536
MATRICES = {
    number: [a * _UNIT, b * _UNIT, 0, c * _UNIT, d * _UNIT, 0, 0, 0, 1 << 30]
    for number, (a, b, c, d) in enumerate(
        [(1, 0, 0, 1), (-1, 0, 0, 1), (-1, 0, 0, -1), (1, 0, 0, -1), (0, 1, 1, 0), (0, 1, -1, 0), (0, -1, -1, 0),
         (0, -1, 1, 0)],
        start=1,
    )
}  # fmt: skip
# What stores an upright picture so that its EXIF number turns it upright again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def load(path: Path | str, limits: PixelLimits = LIMITS, **sampling: Any) -> LoadedMedia:
    """Open with small limits."""
    return open_media(str(path), limits, SamplingOptions(**sampling))


def quadrants(width: int = 84, height: int = 56) -> Image.Image:
    """Red, green / blue, white: no turn of it looks like another."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return Image.fromarray(pixels)


def corners(frame: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """The four quadrants of a frame, each channel 0 or 255."""
    height, width = frame.shape[:2]
    points = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    points += [(3 * height // 4, width // 4), (3 * height // 4, 3 * width // 4)]
    return [tuple(int(value > 127) * 255 for value in frame[y, x]) for y, x in points]


UPRIGHT = [RED, GREEN, BLUE, WHITE]


def numbered(number: int, width: int = 112, height: int = 56) -> NDArray[np.uint8]:
    """A frame whose bars spell `number` in binary, lowest bit at the left."""
    frame = np.zeros((height, width, 3), np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            frame[:, width * bit // BITS : width * (bit + 1) // BITS] = 255
    return frame


def number_of(frame: NDArray[np.uint8]) -> int:
    """Read what `numbered` wrote, at any size."""
    width = frame.shape[1]
    middles = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    return sum(int(frame[:, x].mean() > 127) << bit for bit, x in enumerate(middles))


def numbers(media: LoadedMedia) -> list[int]:
    """The numbers of all frames."""
    return [number_of(frame) for frame in media.frames]


def write_clip(
    path: Path,
    frames: int | Sequence[NDArray[np.uint8]],
    codec: str = "libx264",
    *,
    rate: int = 10,
    size: tuple[int, int] = (112, 56),
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    times: Sequence[float] | None = None,
    matrix: list[int] | None = None,
    aspect: Fraction | None = None,
    gop: int | None = None,
    bframes: int | None = None,
    form: str | None = None,
) -> Path:
    """Write a clip; `frames` is how many numbered ones, or the frames; `times` makes its rate variable (seconds)."""
    pictures = [numbered(k, *size) for k in range(frames)] if isinstance(frames, int) else frames
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pix_fmt
        if aspect:
            stream.sample_aspect_ratio = aspect
        if gop:
            stream.gop_size = gop
        if bframes is not None:
            stream.max_b_frames = bframes
        if matrix:
            stream.set_display_matrix(matrix)
        base = Fraction(1, 1000) if times else Fraction(1, rate)
        stream.codec_context.time_base = base
        for index, picture in enumerate(pictures):
            layout = "rgba" if picture.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=layout)
            frame.time_base, frame.pts = base, round(times[index] * 1000) if times else index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, codec: str = "aac") -> Path:
    """Write one second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44100)
        for start in range(0, 44032, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
