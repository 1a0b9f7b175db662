"""The wear of real files on any part's frames: poor compression, blur, noise, resampling, light, perspective, crops.

`wear_more` leaves everything in its place, and is the milder the less the finest thing that must be told can lose. A
`Bend` moves things: it bends pixels, points and boxes alike, so that a part which knows where its things are can move
its facts with them.
"""

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model.training.paint import light
from model.training.sample import Size

Frames = NDArray[np.uint8]
Points = NDArray[np.float64]
CLEAN = 0.45  # share of samples that stay as they were drawn, at full difficulty
TWICE = 0.35  # share of the worn ones that are worn in two ways
WEIGHTS = {"jpeg": 1.0, "webp": 0.7, "blur": 0.8, "noise": 0.8, "resampled": 1.0, "lit": 1.0}
GENTLE = {way: WEIGHTS[way] for way in ("noise", "lit")}  # those that leave a line of one pixel its colour
ROOM = 2.0  # from how much room on wear may be at its strongest; see `wear_more`
LEAST_SIDE = 56  # pixels of the short side of the smallest file, which the product enlarges
FILTERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
)
WHITE = 0.88  # least product of level and contrast: under less of both white looks gray
STEEP = 0.035  # how far, as a share of the side, a corner moves in perspective
CUT = 0.09  # the most that a crop takes from each side


def saved(frames: Frames, form: str, quality: int) -> Frames:
    """Through a lossy file and back."""
    found = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, form, quality=quality, method=1)  # of WebP: quick, JPEG knows none
        found.append(np.asarray(Image.open(file).convert("RGB")))
    return np.stack(found)


def strength(room: float) -> float:
    """How strong wear may be, 0..1, where the finest thing to tell is `room` times as large as it must be."""
    return min(1.0, max(0.0, room - 1))


def between(mild: float, strong: float, room: float) -> float:
    """The bound of a way of wear: `strong` where there is room for it, down to `mild`."""
    return mild + (strong - mild) * strength(room)


def jpeg(rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
    """As sent on too often."""
    return saved(frames, "JPEG", rng.randint(round(between(60, 18, room)), round(between(95, 70, room))))


def webp(rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
    """As web sites keep pictures."""
    return saved(frames, "WEBP", rng.randint(round(between(60, 10, room)), round(between(95, 70, room))))


def blur(rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
    """Out of focus."""
    soft = ImageFilter.GaussianBlur(rng.uniform(0.4, between(0.7, 1.3, room)))
    return np.stack([np.asarray(Image.fromarray(frame).filter(soft)) for frame in frames])


def noise(rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
    """Grain, gray or coloured, new in every frame."""
    generator = np.random.default_rng(rng.getrandbits(63))
    deviation, channels = rng.uniform(3, between(9, 16, room)), rng.choice((1, 3))
    grain = generator.standard_normal((*frames.shape[:3], channels), dtype=np.float32) * deviation
    return np.asarray(np.clip(frames + grain, 0, 255).astype(np.uint8))


def resampled(rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
    """Made smaller and larger again, by any two filters: down to a file of `LEAST_SIDE` where there is room for it."""
    height, width = frames.shape[1:3]
    least = max(1 / max(room, 1.2), min(0.5, LEAST_SIDE / min(height, width)))
    share, down, up = rng.uniform(least, 0.9), rng.choice(FILTERS), rng.choice(FILTERS[:4])
    small = (max(8, round(width * share)), max(8, round(height * share)))
    made = [Image.fromarray(frame).resize(small, down).resize((width, height), up) for frame in frames]
    return np.stack([np.asarray(picture) for picture in made])


def lit(rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
    """Brighter or darker, with more or less contrast, a little warmer or colder, and darker to one side."""
    contrast = rng.uniform(0.8, 1.12)
    level = rng.uniform(max(0.82, WHITE / contrast), 1.12)
    cast = np.array([rng.uniform(0.95, 1.05) for _ in range(3)], dtype=np.float32)
    values = ((frames.astype(np.float32) - 128) * contrast + 128) * level * cast
    return np.asarray(np.clip(values * light(rng, frames.shape[1:3]), 0, 255).astype(np.uint8))


class Way(Protocol):
    """One way of wear."""

    def __call__(self, rng: random.Random, frames: Frames, room: float = ROOM) -> Frames:
        """Wear frames (T, H, W, 3) as far as there is room."""


WAYS: dict[str, Way] = {
    "jpeg": jpeg, "webp": webp, "blur": blur, "noise": noise, "resampled": resampled, "lit": lit,
}  # fmt: skip


def wear_more(
    rng: random.Random,
    frames: Frames,
    difficulty: float,
    ways: Mapping[str, float] = WEIGHTS,
    room: float = ROOM,
) -> Frames:
    """Wear frames (T, H, W, 3) in no, one or two of `ways`, by their weights; all frames of a clip alike.

    `room` says how many times larger the finest thing that is told is than it must be to be told.
    """
    if rng.random() >= (1 - CLEAN) * (0.3 + 0.7 * difficulty):
        return frames
    for _ in range(2 if rng.random() < TWICE else 1):
        frames = WAYS[rng.choices(list(ways), list(ways.values()))[0]](rng, frames, room)
    return np.ascontiguousarray(frames)


@dataclass(frozen=True)
class Bend:
    """A projective map of the plane: `matrix` (3, 3) takes a point of the drawn picture to one of the worn."""

    matrix: NDArray[np.float64]

    def points(self, points: Points) -> Points:
        """Move points (N, 2)."""
        there = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ self.matrix.T
        return np.asarray(there[:, :2] / there[:, 2:])

    def box(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """The box around the moved corners of a box, left, top, right, bottom; it may reach out of the picture."""
        left, top, right, bottom = box
        moved = self.points(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))
        low, high = moved.min(axis=0), moved.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def frames(self, frames: Frames, filtering: Image.Resampling = Image.Resampling.BICUBIC) -> Frames:
        """Bend frames (T, H, W, 3), or maps (T, H, W) with NEAREST; what comes from outside is black, or 0."""
        back = np.linalg.inv(self.matrix)
        numbers = (back / back[2, 2]).ravel()[:8].tolist()
        size = (frames.shape[2], frames.shape[1])
        bent = [Image.fromarray(f).transform(size, Image.Transform.PERSPECTIVE, numbers, filtering) for f in frames]
        return np.stack([np.asarray(picture) for picture in bent])


def onto(corners: Points, size: Size) -> Bend:
    """The map that brings four points of the picture, clockwise from the top left, to the corners of its frame."""
    height, width = size
    rows, wanted = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    numbers = np.linalg.solve(np.array(rows, dtype=float), np.array(wanted, dtype=float))
    return Bend(np.append(numbers, 1.0).reshape(3, 3))


def bending(rng: random.Random, size: Size) -> Bend:
    """A little perspective, a crop, or both; whatever is shown comes from within the picture."""
    height, width = size
    inward = [CUT * rng.random() if rng.random() < 0.5 else 0.0 for _ in range(4)]  # left, top, right, bottom
    steep = STEEP if rng.random() < 0.6 or not any(inward) else 0.0
    corners = []
    for x, y in ((0, 1), (2, 1), (2, 3), (0, 3)):
        across, down = inward[x] + steep * rng.random(), inward[y] + steep * rng.random()
        corners.append((width * (1 - across if x == 2 else across), height * (1 - down if y == 3 else down)))
    return onto(np.array(corners), size)
