"""How a drawn thing looks: paint of many palettes under eleven names, and the line styles of different programs."""

import random
from dataclasses import dataclass

from model.training import colours
from model.training.sample import RGB

# Colours that programs offer under, or that people call by, each name: CSS, plotting libraries, office programs.
SWATCHES: dict[str, tuple[str, ...]] = {
    "red": ("ff0000", "d62728", "e41a1c", "f44336", "dc143c", "cc0000", "ff3b30", "c00000"),
    "orange": ("ff7f0e", "ffa500", "ff8c00", "ed7d31", "ff9800", "ff8000", "e97132", "f57c00"),
    "yellow": ("ffff00", "ffd700", "ffeb3b", "ffff33", "ffe600", "fff200", "f7df1e"),
    "green": ("008000", "2ca02c", "00a933", "4caf50", "70ad47", "00b050", "228b22", "00ff00", "32cd32", "196b24"),
    "blue": ("0000ff", "1f77b4", "4472c4", "729fcf", "2196f3", "1e90ff", "00008b", "2a6099", "5b9bd5", "156082"),
    "purple": ("800080", "9467bd", "9c27b0", "7030a0", "6a0dad", "984ea3", "8e44ad"),
    "pink": ("ffc0cb", "ff69b4", "e377c2", "ff80ab", "ffb6c1", "f781bf", "ff66cc"),
    "brown": ("8b4513", "8c564b", "795548", "6f4e37", "7b3f00"),
    "black": ("000000", "000000", "111111", "1c1c1c", "212121"),
    "white": ("ffffff", "ffffff", "fafafa", "f5f5f5"),
    "gray": ("808080", "7f7f7f", "a5a5a5", "9e9e9e", "999999", "6c757d", "b2b2b2"),
}
SEEN = 110.0  # least distance of a fill from its paper
DRAWN = 220.0  # least distance of a line that is all there is of a thing
KINDS = ("filled", "outlined")
PROGRAMS = {"flat": 0.22, "office": 0.12, "plot": 0.14, "cartoon": 0.1, "line": 0.22, "each": 0.2}
JOINS = ("miter", "round", "bevel")
CAPS = ("butt", "round", "square")  # how the dashes of a line end
DASHED = 0.1  # share of the lines that are all there is of a thing


@dataclass(frozen=True)
class Style:
    """Paint of one thing: a fill, perhaps towards a `second` colour, a line `width` wide, a shadow, caps of dashes."""

    fill: RGB | None
    line: RGB | None = None
    width: float = 0.0
    join: str = "miter"
    second: RGB | None = None
    shadow: float = 0.0
    cap: str = ""  # of a line that is dashed

    @property
    def dashes(self) -> tuple[float, float]:
        """Pixels of a dash and of the gap after it, before its caps add to the one and take from the other."""
        added = 0.0 if self.cap == "butt" else self.width
        return 3 * self.width - added, 1.6 * self.width + added


def paint(rng: random.Random, name: str) -> RGB:
    """A colour that people call by `name`: of a palette, or near an anchor of the first pictures."""
    if rng.random() < 0.4:
        return colours.shade(rng, name)
    code = rng.choice(SWATCHES[name])
    return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)


def distance(one: RGB, two: RGB) -> float:
    """How different two colours look: Euclidean in RGB, weighed as eyes do by how much red there is."""
    red = (one[0] + two[0]) / 512
    r, g, b = (float(x - y) for x, y in zip(one, two, strict=True))
    return float(((2 + red) * r * r + 4 * g * g + (3 - red) * b * b) ** 0.5)


def mixed(one: RGB, two: RGB, share: float) -> RGB:
    """Blend `share` of the second colour into the first."""
    red, green, blue = (round(x + share * (y - x)) for x, y in zip(one, two, strict=True))
    return red, green, blue


def filled(rng: random.Random, rgb: RGB, side: float, program: str, paper: RGB) -> tuple[Style, str]:
    """A filled thing of about `side` pixels as one kind of program draws it, and the name of a line that shows."""
    second = mixed(rgb, (255, 255, 255), rng.uniform(0.15, 0.35)) if rng.random() < 0.1 else None
    shadow = rng.uniform(0.02, 0.06) * side if rng.random() < 0.1 else 0.0
    join = rng.choice(JOINS)
    if program == "office":
        return Style(rgb, mixed(rgb, (0, 0, 0), rng.uniform(0.2, 0.4)), rng.uniform(0.6, 1.2), join, second, shadow), ""
    if program == "plot":
        return Style(rgb, (0, 0, 0), rng.uniform(0.5, 1.1), "miter", second, shadow), ""
    if program == "cartoon":
        usual = {name: paint(random.Random(0), name) for name in colours.NAMES}
        names = [name for name, tint in usual.items() if distance(tint, rgb) > 200 and distance(tint, paper) > SEEN]
        name = "black" if "black" in names and rng.random() < 0.6 else rng.choice(names)
        width = max(1.6, rng.uniform(0.025, 0.055) * side)
        return Style(rgb, paint(rng, name), width, join, second, shadow), name
    return Style(rgb, None, 0.0, join, second, shadow), ""


def outlined(rng: random.Random, rgb: RGB, side: float, difficulty: float) -> Style:
    """Nothing but a line: at full difficulty down to the one pixel of a plotting library."""
    thin = max(1.0, 0.045 * side * (1 - difficulty))
    width = rng.choice((rng.uniform(thin, thin + 0.8), max(thin, rng.uniform(0.02, 0.065) * side)))
    join, dashed = rng.choice(JOINS), width > 1.4 and rng.random() < DASHED * difficulty
    return Style(None, rgb, width, join, cap=rng.choice(CAPS) if dashed else "")


def program_of(rng: random.Random, program: str, difficulty: float) -> str:
    """The program of one thing in a picture of `program`: each its own where that is mixed."""
    if program != "each":
        return program
    names = [name for name in PROGRAMS if name != "each"]
    return rng.choices(names, [PROGRAMS[name] * (difficulty if name == "line" else 1.0) for name in names])[0]
