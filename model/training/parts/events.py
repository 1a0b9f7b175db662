"""Clips in which things happen at a time: diagonal and round ways, blinking, meetings, scene cuts, and when it was."""

import random
from itertools import chain

import numpy as np

from model.training import colours, labels
from model.training.events import questions, time_questions
from model.training.events.clock import make_clock
from model.training.events.facts import facts_of
from model.training.events.says import caption
from model.training.events.stage import plan
from model.training.events.tokens import CLASSES, TOLD, dense, mark_moments
from model.training.paint import paint, pixels, room_of, scale_for
from model.training.parts import Part
from model.training.questions import ask as word
from model.training.sample import QA, Facts, Sample, Size, Split
from model.training.world import randomness
from model.training.worn import wear_more

SKILLS = {
    "caption": 3.0,
    "motion": 1.2,
    "event": 2.0,
    "order": 2.6,
    "when": 2.4,
    "time": 3.0,
    "length": 0.8,
    "there": 2.6,
    "scene": 1.4,
    "shape": 0.2,
    "colour": 0.5,
    "exists": 0.5,
    "background": 0.2,
}


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one clip; `fps` is a wish: about a third are timed as the product times files that give so many frames.

    What was drawn at one rate is often drawn at another, with other answers: only the rate that the sample carries, and
    with it the positions of its tokens, tells seconds.
    """
    rng = randomness(seed, "events", split)
    clock = make_clock(rng, frames, fps)
    show = plan(rng, size, clock, difficulty, split)
    facts = facts_of(show, clock, size)
    tints = [colours.shade(rng, background) for background in show.backgrounds]
    cast = [[actor.poses[frame] for actor in show.actors] for frame in range(frames)]
    brushes = [paint(figures, tints[show.scene_at(frame)], size, scale_for(size)) for frame, figures in enumerate(cast)]
    masks = np.stack([np.asarray(brush.ids) for brush in brushes + brushes[-1:] * (frames % 2)])
    told = dense(masks, cast, facts, clock)
    mark_moments(facts, told["owner"])
    drawn = np.stack([pixels(brush) for brush in brushes])
    worn = wear_more(rng, drawn, difficulty, room=room_of(chain.from_iterable(cast)))
    return Sample(
        seed=seed,
        kind="video",
        frames=np.ascontiguousarray(worn),
        sampled_fps=clock.fps,
        dense=told,
        background=labels.colour_class(facts["background"]),
        facts=facts,
        questions=ask(facts, rng, split),
    )


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word the questions about a clip."""
    return word(facts, rng, split, (*questions.MAKERS, *time_questions.MAKERS))


PART = Part("events", "video", make, ask, caption, SKILLS, CLASSES | TOLD, late=tuple(TOLD))
