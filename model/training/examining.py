"""Parts that examine what `things` taught on drawings that training never meets; they refuse to draw for training."""

from model.training.assets.blobs import AssetsWithheld
from model.training.box_questions import LONGEST
from model.training.parts import Part
from model.training.parts.things import SKILLS, ask
from model.training.pictured import draw
from model.training.sample import Sample, Size, Split
from model.training.thing_questions import caption
from model.training.world import randomness


def examining(name: str) -> Part:
    """A part of that name, which says to `draw` which drawings are meant."""

    def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
        """Draw one picture and ask about it."""
        if split == "train":
            raise AssetsWithheld(f"{name} is kept from training", f"train on things, examine on {name}")
        sample = draw(seed, size, difficulty, split, "cpu", name)
        sample.questions = ask(sample.facts, randomness(seed, f"{name}/questions", split), split)
        return sample

    return Part(name, "image", make, ask, caption, SKILLS, longest=LONGEST)
