"""Short texts in large letters: what a small network has the time to learn of `text`."""

from model.training.lettering import asks
from model.training.lettering.boards import Board, plan
from model.training.lettering.marks import CLASSES
from model.training.lettering.sentences import caption
from model.training.parts import Part
from model.training.parts.text import ask, drawn
from model.training.sample import Sample, Size, Split
from model.training.world import randomness

SHORT = 6  # characters
EASE = 0.3  # of the full difficulty: larger letters, mostly one board, little tilt


def short(board: Board) -> bool:
    """Whether a board has few characters, none of them Chinese."""
    return len(board.text) <= SHORT and board.sort != "chinese"


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture."""
    rng = randomness(seed, "short_text", split)
    planned = plan(rng, size, EASE * difficulty, split)
    while not all(map(short, planned[2])):
        planned = plan(rng, size, EASE * difficulty, split)
    return drawn(rng, seed, size, planned, difficulty, split)


PART = Part("short_text", "image", make, ask, caption, asks.WEIGHTS, CLASSES)
