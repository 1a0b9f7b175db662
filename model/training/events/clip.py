"""Draws one clip with a clock: what a troupe acts, its facts and its dense labels. The parts ask about it."""

import random
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from model.training import colours, labels
from model.training.events.clock import make_clock
from model.training.events.facts import facts_of
from model.training.events.stage import plan
from model.training.events.tokens import dense, mark_moments
from model.training.events.troupe import Frames, Troupe
from model.training.paint import pixels, room_of
from model.training.sample import RGB, Sample, Size, Split
from model.training.worn import wear_more


def draw(
    rng: random.Random, size: Size, frames: int, fps: float, difficulty: float, split: Split, troupe: Troupe
) -> Sample:
    """Draw one clip; `fps` is a wish: about a third are timed as the product times files that give so many frames.

    What was drawn at one rate is often drawn at another, with other answers: only the rate that the sample carries, and
    with it the positions of its tokens, tells seconds. The seed and the questions are still missing.
    """
    clock = make_clock(rng, frames, fps)
    show = plan(rng, size, clock, difficulty, split, troupe)
    facts = facts_of(show, clock, size)
    tints = [colours.shade(rng, background) for background in show.backgrounds]
    cast = [[actor.poses[frame] for actor in show.actors] for frame in range(frames)]
    masks, pictures = painted(troupe, cast, [tints[show.scene_at(frame)] for frame in range(frames)], size)
    told = dense(np.concatenate([masks, masks[-1:]]) if frames % 2 else masks, cast, facts, clock, troupe)
    mark_moments(facts, told["owner"])
    worn = wear_more(rng, pictures, difficulty, room=room_of(chain.from_iterable(cast), troupe.needs))
    return Sample(
        seed=0,
        kind="video",
        frames=np.ascontiguousarray(worn),
        sampled_fps=clock.fps,
        dense=told,
        background=labels.colour_class(facts["background"]),
        facts=facts,
    )


def painted(
    troupe: Troupe, cast: Frames, tints: Sequence[RGB], size: Size
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Who owns each pixel (T, H, W) and the pictures (T, H, W, 3); frames that look alike are drawn once."""
    looks = [*zip(cast, tints, strict=True)]
    firsts = [looks.index(look) for look in looks]
    kept = [*dict.fromkeys(firsts)]
    brushes = troupe.paint([cast[frame] for frame in kept], [tints[frame] for frame in kept], size)
    at = [kept.index(first) for first in firsts]
    masks, pictures = [np.asarray(brush.ids) for brush in brushes], [pixels(brush) for brush in brushes]
    return np.stack([masks[place] for place in at]), np.stack([pictures[place] for place in at])
