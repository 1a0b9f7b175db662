"""Still pictures of shapes and short words: what, which colour, how many, where."""

from model.training.language import caption
from model.training.parts import Part
from model.training.questions import WEIGHTS, ask
from model.training.sample import Sample, Size, Split
from model.training.world import make_sample


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture."""
    return make_sample(seed, "image", size, frames, fps, difficulty, split)


PART = Part("shapes", "image", make, ask, caption, WEIGHTS)
