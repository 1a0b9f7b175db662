"""Draws a scene or a clip from a seed and knows everything about it: pixels, dense labels, facts and questions.

`make_sample` is a pure function of its arguments. Seeds of training and of evaluation live in two domains.
"""

import hashlib
import random
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from model.training import colours, labels, questions
from model.training.clips import Actor, Event, plan_clip
from model.training.paint import paint, pixels, room_of, scale_for
from model.training.placing import extent, place_of
from model.training.sample import RGB, Facts, Kind, Sample, Size, Split
from model.training.scene import plan_scene
from model.training.things import Brush, Figure
from model.training.worn import wear_more


def randomness(seed: int, kind: str, split: Split) -> random.Random:
    """A generator of its own for every seed, kind (or part) and split."""
    digest = hashlib.sha256(f"{split}/{kind}/{seed}".encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))


def thing_fact(number: int, figure: Figure, size: Size) -> Facts:
    """What is true of one thing; the box is left, top, right, bottom in pixels."""
    fact: Facts = {
        "id": number,
        "thing": figure.thing,
        "colour": figure.colour,
        "place": list(place_of(figure.x, figure.y, size)),
        "box": [round(value, 1) for value in extent(figure)],
    }
    return fact | {"text": figure.text} if figure.text else fact


def event_fact(number: int, event: Event) -> Facts:
    """What happens to one thing."""
    fact: Facts = {"id": number, "what": event.what, "order": event.order, "start": event.start, "end": event.end}
    return fact | {"to": event.to} if event.to else fact


def _chars(brushes: list[Brush]) -> NDArray[np.uint8] | None:
    if brushes[0].chars is None:
        return None
    return np.stack([np.asarray(brush.chars) for brush in brushes])


def _doubled(masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last frame when their number is odd, as preprocessing does."""
    return masks if len(masks) % 2 == 0 else np.concatenate([masks, masks[-1:]])


def _picture(
    rng: random.Random, size: Size, difficulty: float, split: Split
) -> tuple[list[list[Figure | None]], Facts]:
    background, figures = plan_scene(rng, size, difficulty, split)
    facts = {"background": background, "things": [thing_fact(i, f, size) for i, f in enumerate(figures)], "events": []}
    return [list(figures)], facts


def _clip(
    rng: random.Random, size: Size, frames: int, difficulty: float, split: Split
) -> tuple[list[list[Figure | None]], Facts]:
    background, actors = plan_clip(rng, size, frames, difficulty, split)
    events = [(i, actor.event or Event("still", 0, frames - 1)) for i, actor in enumerate(actors)]
    facts = {
        "background": background,
        "things": [thing_fact(i, actor.figure, size) for i, actor in enumerate(actors)],
        "events": [event_fact(i, event) for i, event in events],
    }
    return [_cast(actors, frame) for frame in range(frames)], facts


def _cast(actors: list[Actor], frame: int) -> list[Figure | None]:
    return [actor.at(frame) for actor in actors]


def make_sample(
    seed: int, kind: Kind, size: Size, frames: int, fps: float, difficulty: float, split: Split = "train"
) -> Sample:
    """Draw one sample; `size` is (height, width) in multiples of 28, `frames` is 1 for a picture."""
    rng = randomness(seed, kind, split)
    if kind == "image":
        cast, facts = _picture(rng, size, difficulty, split)
    else:
        cast, facts = _clip(rng, size, frames, difficulty, split)
    sample = finish(rng, cast, {"kind": kind, "size": list(size), **facts}, size, difficulty)
    sample.seed, sample.sampled_fps = seed, fps if kind == "video" else 1.0
    sample.questions = questions.ask(sample.facts, rng, split)
    return sample


def finish(
    rng: random.Random,
    cast: list[list[Figure | None]],
    facts: Facts,
    size: Size,
    difficulty: float,
    plain: RGB | None = None,
) -> Sample:
    """Paint the figures of every frame on `plain`, label them and wear the frames; questions are still missing."""
    plain = plain or colours.shade(rng, facts["background"])
    brushes = [paint(figures, plain, size, scale_for(size)) for figures in cast]
    masks = _doubled(np.stack([np.asarray(brush.ids) for brush in brushes]))
    chars = _chars(brushes)
    shown = cast if len(cast) % 2 == 0 else [*cast, cast[-1]]
    dense = labels.dense_maps(masks, None if chars is None else _doubled(chars), shown, facts["events"])
    drawn = np.stack([pixels(brush) for brush in brushes])
    pictures = wear_more(rng, drawn, difficulty, room=room_of(chain.from_iterable(cast)))
    return Sample(
        seed=0,
        kind=facts["kind"],
        frames=np.ascontiguousarray(pictures),
        sampled_fps=1.0,
        dense=dense,
        background=labels.colour_class(facts["background"]),
        facts=facts,
    )
