"""Clips in which shapes move, appear, vanish and change, one after the other or at once."""

from model.training.language import clip_caption
from model.training.parts import Part
from model.training.questions import WEIGHTS, ask
from model.training.sample import Sample, Size, Split
from model.training.world import make_sample


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one clip."""
    return make_sample(seed, "video", size, frames, fps, difficulty, split)


PART = Part("clips", "video", make, ask, clip_caption, WEIGHTS)
