"""Where decoded frames land: one array at final size, laid out when the first frame shows what it looks like."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.geometry import NO_PADDING, Padding, Size, padding_for, scale_padding, video_frame_size
from qwenvl_cli.errors import MediaError
from qwenvl_cli.media.image import MOST_PIXELS, PIXEL_REMEDY, SIDEWAYS, aspect_note, fit_frame
from qwenvl_cli.media.items import PixelLimits

# Frames at full size that wait to be resized: enough to keep the threads busy, 6 MB each at 1080p.
MOST_WAITING = 8


@dataclass
class Canvas:
    """Frames (T, H, W, 3) of one clip. `count` is planned; `frames` holds the `filled` ones that could be decoded."""

    count: int
    limits: PixelLimits
    pixel_aspect: float = 1.0
    width: int = 0
    height: int = 0
    padding: Padding = NO_PADDING
    filled: int = 0
    notes: list[str] = field(default_factory=list)
    _store: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 0, 3), np.uint8), repr=False)
    _due: deque[Future[None]] = field(default_factory=deque, repr=False)

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The frames there are."""
        self._settle(0)
        return self._store[: self.filled]

    def add(self, pixels: NDArray[np.uint8], orientation: int, threads: ThreadPoolExecutor | None = None) -> None:
        """Resize a decoded frame (H, W, 3 or 4), as stored, straight into its place; with `threads`, in one of them."""
        if not self._store.size:
            self._lay_out(pixels.shape[0], pixels.shape[1], orientation)
        if threads is None:
            self._resize(self.filled, pixels, orientation)
        else:
            self._settle(MOST_WAITING)
            self._due.append(threads.submit(self._resize, self.filled, pixels, orientation))
        self.filled += 1

    def repeat(self) -> None:
        """Take the last frame once more, for a moment at which the clip stands still."""
        self._settle(0)
        self._store[self.filled] = self._store[self.filled - 1]
        self.filled += 1

    def _resize(self, slot: int, pixels: NDArray[np.uint8], orientation: int) -> None:
        size = (self._store.shape[1], self._store.shape[2])
        self._store[slot] = fit_frame(pixels, size, orientation)

    def _settle(self, most: int) -> None:
        """Wait until no more than `most` frames are being resized; an error there comes out here."""
        while len(self._due) > most:
            self._due.popleft().result()

    def _lay_out(self, height: int, width: int, orientation: int) -> None:
        shown = max(1, round(width * self.pixel_aspect))
        self.width, self.height = (height, shown) if orientation in SIDEWAYS else (shown, height)
        left, top, right, bottom = spare = padding_for(self.height, self.width)
        padded: Size = (self.height + top + bottom, self.width + left + right)
        size = video_frame_size(
            *padded,
            self.count,
            factor=self.limits.factor,
            min_pixels=self.limits.video_min,
            max_pixels=self.limits.video_max,
            total_pixels=self.limits.video_total,
        )
        if spare != NO_PADDING:
            self.padding = scale_padding(spare, padded, size)
            self.notes.append(aspect_note(self.width, self.height))
        self._store = np.empty((self.count, *size, 3), np.uint8)


def check_pixels(width: int, height: int) -> None:
    """Refuse a clip whose single frame is larger than any picture that would be opened."""
    if width * height > MOST_PIXELS:
        raise MediaError(f"the clip has frames of {width}x{height} pixels, too many to be opened safely", PIXEL_REMEDY)
