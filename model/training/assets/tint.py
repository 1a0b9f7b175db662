"""Names the colours of a picture from its pixels, among the eleven colours the project knows."""

import numpy as np
from numpy.typing import NDArray

from model.training import colours

OPAQUE = 128
LEAST = 0.08  # share of the visible pixels below which a colour is not worth a name
MATRIX = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
Share = tuple[str, float]


def lightness_chroma_hue(
    rgb: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """CIE LCh of sRGB pixels (n, 3): lightness 0..100, chroma from 0, hue in degrees."""
    scaled = rgb.astype(np.float64) / 255
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    xyz = linear @ MATRIX.T / WHITE
    bent = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    a, b = 500 * (bent[:, 0] - bent[:, 1]), 200 * (bent[:, 1] - bent[:, 2])
    return 116 * bent[:, 1] - 16, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def named(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number in `colours.NAMES` of each pixel (n, 3), by lightness, chroma and hue, as people divide them."""
    light, chroma, hue = lightness_chroma_hue(rgb)
    index = {name: number for number, name in enumerate(colours.NAMES)}
    warm = (hue < 105) | (hue >= 345)
    rules = [  # the first rule that holds decides
        (light < 12, "black"),
        ((light < 22) & (chroma < 12), "black"),
        ((light > 88) & (chroma < np.where(warm, 18, 10)), "white"),
        (chroma < np.where(light < 40, 9, 12), "gray"),
        ((hue >= 345) | (hue < 15), "pink"),
        ((hue < 45) & (light > 66), "pink"),
        ((hue < 72) & (light > 76) & (chroma < 38), "pink"),
        ((hue < 34) & (chroma > 38), "red"),
        ((hue < 43) & (chroma > 60), "red"),
        ((hue >= 43) & (hue < 60) & (light > 52) & (chroma > 42), "orange"),
        ((hue >= 60) & (hue < 80) & (light > 57) & (chroma > 45), "orange"),
        ((hue >= 80) & (hue < 108) & (light > 62), "yellow"),
        ((hue >= 60) & (hue < 80) & (light > 82), "yellow"),
        (warm, "brown"),
        (hue < 198, "green"),
        (hue < 302, "blue"),
        (hue < 330, "purple"),
    ]
    numbers = np.select([rule for rule, _ in rules], [index[name] for _, name in rules], index["pink"])
    return np.asarray(_reddish(light, chroma, hue, numbers, index), dtype=np.int64)


def _reddish(
    light: NDArray[np.float64],
    chroma: NDArray[np.float64],
    hue: NDArray[np.float64],
    numbers: NDArray[np.int64],
    index: dict[str, int],
) -> NDArray[np.int64]:
    """Around red and magenta lightness decides: dark ones are red, brown or purple, and only light ones pink."""
    deep = ((hue >= 345) | (hue < 15)) & (numbers == index["pink"])
    red = deep & (light < 56) & ((hue < 15) | (hue >= 355))
    purple = deep & (light < 50) & (hue < 355) & (hue >= 345)
    magenta = (hue >= 315) & (hue < 345) & (chroma > 12) & (light > 62)
    magenta &= (numbers == index["purple"]) | (numbers == index["pink"])
    numbers = np.where(red, index["red"], np.where(purple, index["purple"], numbers))
    return np.where(magenta, index["pink"], numbers)


def measured(rgba: NDArray[np.uint8], least: float = LEAST) -> tuple[Share, ...]:
    """Name the colours of the visible pixels with their shares, the largest first."""
    seen = rgba[rgba[..., 3] >= OPAQUE][:, :3]
    if not len(seen):
        return ()
    counts = np.bincount(named(seen), minlength=len(colours.NAMES)) / len(seen)
    order = sorted(range(len(counts)), key=lambda number: -counts[number])
    return tuple(
        (colours.NAMES[number], round(float(counts[number]), 2)) for number in order if counts[number] >= least
    )
