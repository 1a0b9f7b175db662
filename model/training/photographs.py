"""Photos of known kinds, photographic pictures of nothing that can be named, and films of such pictures."""

import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model.training import colours
from model.training.assets import tint
from model.training.assets.pack import Pack, Photo
from model.training.sample import CELL, Size, Split

Pixels = NDArray[np.uint8]
Role = Literal["named", "nameless", "strange"]
NAMELESS = (
    "asparagus", "beet", "leek", "ginger", "pomegranate", "kiwi", "watermelon", "passion fruit", "cabbage", "garlic",
    "dandelion", "skirt", "carton of yogurt", "tub of sour cream", "carton of oat milk", "sweet potato",
)  # fmt: skip
STRANGE = ("pineapple", "papaya", "hat", "onion", "eggplant", "daisy", "hoodie", "carton of soy milk")
MOSTLY = 0.2  # share of the picture that a colour must have to be told, beside the largest
CROP = (0.12, 0.3)  # side of a crop that shows too little to tell, as a share of the photo's
KEPT = (0.8, 1.0)  # side of a photo that is still seen after cropping
OCTAVES = 5
VIEW = 1.4  # side of a filmed picture, as a multiple of the frame's
CUTS = 0.2  # share of films that show two pictures


def role(name: str) -> Role:
    """Whether a kind of photo is named, one that training shows but never names, or one that it never shows.

    What is not named teaches that most photos cannot be told; what is never shown examines whether that was learned,
    or only which kinds are the nameless ones.
    """
    return "strange" if name in STRANGE else "nameless" if name in NAMELESS else "named"


@cache
def _photos(pack: Pack, split: Split, roles: tuple[Role, ...]) -> dict[str, list[Photo]]:
    found: dict[str, list[Photo]] = {}
    for photo in pack.photos("train" if split == "train" else "val"):
        if role(photo.name) in roles:
            found.setdefault(photo.name, []).append(photo)
    return found


def _drawn(rng: random.Random, pack: Pack, split: Split, roles: tuple[Role, ...]) -> tuple[Image.Image, Photo]:
    """A photo of such a role, every kind as often as another."""
    kinds = _photos(pack, split, roles)
    photo = rng.choice(kinds[rng.choice(sorted(kinds))])
    return Image.fromarray(pack.photo(photo.key)), photo


def fitted(rng: random.Random, picture: Image.Image, size: Size) -> Image.Image:
    """Cut a piece of the shape of `size` (height, width) from a photo, and scale it."""
    height, width = size
    scale = min(picture.width / width, picture.height / height) * rng.uniform(*KEPT)
    wide, high = width * scale, height * scale
    left, top = rng.uniform(0, picture.width - wide), rng.uniform(0, picture.height - high)
    box = (left, top, left + wide, top + high)
    return picture.resize((width, height), Image.Resampling.BICUBIC, box=box)


def known(rng: random.Random, pack: Pack, size: Size, split: Split) -> tuple[Pixels, Photo]:
    """A photo of a kind that is named."""
    picture, photo = _drawn(rng, pack, split, ("named",))
    return np.asarray(shown(rng, picture, size)), photo


def shown(rng: random.Random, picture: Image.Image, size: Size) -> Image.Image:
    """A photo cropped a little and sometimes mirrored."""
    picture = fitted(rng, picture, size)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else picture


def crop(rng: random.Random, pack: Pack, size: Size, split: Split) -> Image.Image:
    """So little of a photo that nobody can tell what it shows."""
    picture, _ = _drawn(rng, pack, split, ("named", "nameless"))
    share = rng.uniform(*CROP)
    wide, high = picture.width * share, picture.height * share
    left, top = rng.uniform(0, picture.width - wide), rng.uniform(0, picture.height - high)
    cut = picture.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=(left, top, left + wide, top + high))
    return cut.filter(ImageFilter.GaussianBlur(rng.uniform(1.0, 4.0)))


def collage(rng: random.Random, pack: Pack, size: Size, split: Split) -> Image.Image:
    """Crops beside each other, blurred into one another."""
    height, width = size
    rows, columns = rng.randint(2, 3), rng.randint(2, 3)
    found = Image.new("RGB", (width, height))
    for row in range(rows):
        for column in range(columns):
            part = (-(-height // rows), -(-width // columns))
            found.paste(crop(rng, pack, part, split), (column * width // columns, row * height // rows))
    return found.filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 5.0)))


def texture(rng: random.Random, pack: Pack, size: Size, split: Split) -> Image.Image:
    """Noise of many sizes between two or three colours, as leaves, stone, water or cloth are."""
    generator = np.random.default_rng(rng.getrandbits(63))
    height, width = size
    level = np.zeros(size, dtype=np.float32)
    stretch = (rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.0))
    rough = rng.uniform(0.45, 0.8)
    for octave in range(OCTAVES):
        cells = [max(2, round(2 ** (octave + 1) * share)) for share in stretch]
        coarse = Image.fromarray(generator.random(cells, dtype=np.float32))
        level += rough**octave * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    level = (level - level.min()) / max(1e-6, float(np.ptp(level)))
    stops = generator.integers(0, 256, (rng.randint(2, 3), 3)).astype(np.float32)
    places = np.linspace(0, 1, len(stops))
    painted = np.stack([np.interp(level, places, stops[:, channel]) for channel in range(3)], axis=-1)
    return Image.fromarray(painted.astype(np.uint8))


def grain(rng: random.Random, pack: Pack, size: Size, split: Split) -> Image.Image:
    """Pixels at random, coarse or fine."""
    generator = np.random.default_rng(rng.getrandbits(63))
    cell = rng.choice((1, 2, 4, 8))
    small = generator.integers(0, 256, (-(-size[0] // cell), -(-size[1] // cell), 3), dtype=np.uint8)
    return Image.fromarray(small).resize(
        (size[1], size[0]), rng.choice((Image.Resampling.NEAREST, Image.Resampling.BICUBIC))
    )


def nameless(rng: random.Random, pack: Pack, size: Size, split: Split) -> Image.Image:
    """A photo as it is, of a kind that is not to be named beside those that are; in examinations of a strange one."""
    return shown(rng, _drawn(rng, pack, split, ("nameless" if split == "train" else "strange",))[0], size)


def whole(rng: random.Random, pack: Pack, size: Size, split: Split) -> Image.Image:
    """A photo as it is, where no kind is to be named; in examinations of one that training never shows."""
    roles: tuple[Role, ...] = ("named", "nameless") if split == "train" else ("strange",)
    return shown(rng, _drawn(rng, pack, split, roles)[0], size)


Draw = Callable[[random.Random, Pack, Size, Split], Image.Image]
UNKNOWN: dict[Draw, float] = {nameless: 0.45, crop: 0.18, collage: 0.12, texture: 0.2, grain: 0.05}
HEDGED: dict[Draw, float] = {whole: 0.55, crop: 0.12, collage: 0.1, texture: 0.18, grain: 0.05}


def unknown(rng: random.Random, pack: Pack, size: Size, split: Split, draws: Mapping[Draw, float] = UNKNOWN) -> Pixels:
    """A photographic picture of nothing that can be named, or that is not to be, by one of `draws`."""
    draw = rng.choices(list(draws), list(draws.values()))[0]
    return np.asarray(draw(rng, pack, size, split))


def filmed(rng: random.Random, pack: Pack, size: Size, split: Split, frames: int) -> Pixels:
    """Frames (T, H, W, 3) of a camera that wanders and zooms over a photographic picture; some cut to a second one."""
    cut = rng.randint(1, frames - 1) if frames > 2 and rng.random() < CUTS else frames
    shots = [shot(rng, pack, size, split, count) for count in (cut, frames - cut) if count]
    return np.concatenate(shots)


def shot(rng: random.Random, pack: Pack, size: Size, split: Split, frames: int) -> Pixels:
    """Frames (T, H, W, 3) between two views of one picture, unsteady where the hand is."""
    height, width = size
    wide = (round(height * VIEW), round(width * VIEW))
    picture = Image.fromarray(unknown(rng, pack, wide, split, HEDGED))
    views = [(rng.uniform(1.0, VIEW), rng.random(), rng.random()) for _ in range(2)]  # size, place across and down
    shake = rng.choice((0.0, 0.0, 1.5))
    found = []
    for frame in range(frames):
        at = frame / max(1, frames - 1)
        zoom, x, y = ((1 - at) * one + at * two for one, two in zip(*views, strict=True))
        room = (max(0.0, wide[1] - zoom * width), max(0.0, wide[0] - zoom * height))
        left, top = (
            min(max(0.0, place * free + rng.gauss(0, shake)), free) for place, free in zip((x, y), room, strict=True)
        )
        box = (left, top, min(wide[1], left + zoom * width), min(wide[0], top + zoom * height))
        found.append(np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box)))
    return np.stack(found)


def cell_colours(frames: Pixels) -> NDArray[np.int64]:
    """Class of the commonest colour of every merged token of frames (T, H, W, 3), as a map (ceil(T/2), H/28, W/28)."""
    seen = frames[::2, ::4, ::4]
    steps, height, width, _ = seen.shape
    names = tint.named(seen.reshape(-1, 3)).reshape(steps, height * 4 // CELL, CELL // 4, width * 4 // CELL, CELL // 4)
    counts = np.stack([(names == number).sum(axis=(2, 4)) for number in range(len(colours.NAMES))])
    return np.asarray(counts.argmax(axis=0) + 1, dtype=np.int64)


def main_colours(pixels: Pixels) -> list[str]:
    """One or two names of colours that most of a picture (H, W, 3) has, or a clip (T, H, W, 3), the larger first."""
    seen = pixels[..., ::2, ::2, :]  # every fourth pixel tells as much
    opaque = np.concatenate([seen, np.full((*seen.shape[:-1], 1), 255, np.uint8)], axis=-1)
    shares = tint.measured(opaque, 0.0)
    return [name for place, (name, share) in enumerate(shares[:2]) if place == 0 or share >= MOSTLY]
