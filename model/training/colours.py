"""The named colours: their RGB anchors, how far they wander, and which pairs can be told apart."""

import random

from model.training.sample import RGB

ANCHORS: dict[str, tuple[RGB, ...]] = {
    "red": ((222, 28, 32), (190, 18, 28), (240, 50, 45)),
    "orange": ((248, 140, 20), (255, 125, 0), (240, 150, 50)),
    "yellow": ((250, 222, 35), (255, 235, 70), (235, 205, 20)),
    "green": ((40, 160, 60), (20, 125, 45), (80, 195, 80), (130, 205, 40)),
    "blue": ((35, 80, 215), (20, 50, 160), (60, 130, 240), (105, 155, 210)),
    "purple": ((130, 50, 170), (100, 30, 135), (155, 85, 205)),
    "pink": ((250, 155, 195), (255, 120, 175), (252, 185, 210)),
    "brown": ((125, 75, 35), (100, 58, 28), (148, 92, 50)),
    "black": ((15, 15, 15), (28, 28, 30), (5, 5, 8)),
    "white": ((250, 250, 250), (255, 255, 255), (242, 242, 240)),
    "gray": ((130, 130, 130), (110, 112, 115), (152, 152, 152)),
}
CHINESE = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
    "black": "黑色",
    "white": "白色",
    "gray": "灰色",
}
NAMES: tuple[str, ...] = tuple(ANCHORS)
ALIKE = frozenset(
    frozenset(pair)
    for pair in (
        ("orange", "yellow"),
        ("orange", "brown"),
        ("orange", "red"),
        ("red", "brown"),
        ("blue", "purple"),
        ("black", "brown"),
        ("white", "yellow"),
        ("white", "pink"),
        ("gray", "brown"),
        ("gray", "green"),
        ("gray", "purple"),
        ("gray", "pink"),
        ("red", "pink"),
        ("black", "purple"),
        ("brown", "purple"),
    )
)
BACKGROUNDS = dict(zip(NAMES, (1, 1, 1, 1, 1, 1, 1, 1, 2, 5, 1.5), strict=True))


def shade(rng: random.Random, name: str) -> RGB:
    """Return one RGB value that people still call by `name`."""
    base = rng.choice(ANCHORS[name])
    wander = 4 if name in ("black", "white", "gray") else 10
    level = rng.randint(-wander, wander)
    red, green, blue = (min(255, max(0, value + level + rng.randint(-3, 3))) for value in base)
    return red, green, blue


def contrasting(background: str) -> list[str]:
    """Return the names that stand out clearly from `background`."""
    return [name for name in NAMES if name != background and frozenset((name, background)) not in ALIKE]


def background(rng: random.Random) -> str:
    """Pick a background; plain white and black are the most frequent, as among real drawings."""
    return rng.choices(NAMES, [BACKGROUNDS[name] for name in NAMES])[0]
