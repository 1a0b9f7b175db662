"""Plans the stream of training samples: which buckets, how many, how hard, all as a pure function of the step.

A batch holds samples of one kind, size and number of frames. Sample i of step s has a seed of its own, so a run can
go on from any step and any worker can draw any sample.
"""

import hashlib
import random
from dataclasses import dataclass, replace

from model.training.labels import DECODER, TOWER, class_names, ranks
from model.training.parts import Part, parts
from model.training.questions import choose
from model.training.sample import CELL, QA, Kind, Sample, Size, Split

SHAPES: tuple[Size, ...] = (
    (224, 224), (196, 196), (196, 252), (196, 224), (168, 280), (168, 252), (168, 224), (168, 196), (140, 336),
    (140, 308), (140, 280), (140, 252), (112, 448), (112, 420), (112, 392), (112, 364), (112, 336),
)  # fmt: skip
PICTURE_SIZES = tuple(dict.fromkeys(size for low, high in SHAPES for size in ((low, high), (high, low))))
LONG, SELDOM = 2.6, 0.3  # times the shorter side, from where on a size is drawn that much more seldom
CLIP_SIZES: tuple[Size, ...] = ((84, 84), (112, 112), (84, 112), (112, 84), (84, 140), (140, 84), (56, 196), (196, 56))
CLIP_WEIGHTS = (1.0, 2.0, 2.0, 1.5, 3.0, 1.5, 0.3, 0.3)
FRAMES = (4, 6, 8, 10, 12)
FRAME_WEIGHTS = (2.0, 1.5, 2.0, 1.0, 1.5)
RUNGS = 8  # no question is padded by more than an eighth
RATES = (0.5, 1.0, 2.0, 4.0)
RATE_WEIGHTS = (1.0, 1.0, 3.0, 1.0)
LARGE_TOKENS = max(height * width for height, width in PICTURE_SIZES) // CELL**2  # merged, of the largest picture


Shares = tuple[tuple[str, float], ...]
PARTS: Shares = (("shapes", 0.45), ("clips", 0.55))
CPU: Shares = (  # things are the hundred; what a CPU has the time to learn something of
    ("shapes", 0.09), ("clips", 0.05), ("pairs", 0.02), ("things", 0.24), ("short_text", 0.07), ("text", 0.05),
    ("letters", 0.01), ("events", 0.09), ("drawings", 0.17), ("boxes", 0.1), ("any_photos", 0.03), ("any_films", 0.01),
    ("thing_events", 0.05), ("thing_pairs", 0.02),
)  # fmt: skip
WIDE: Shares = (
    ("shapes", 0.05), ("clips", 0.06), ("pairs", 0.02), ("things", 0.11), ("many_things", 0.14), ("short_text", 0.14),
    ("text", 0.04), ("letters", 0.01), ("events", 0.09), ("drawings", 0.11), ("boxes", 0.1), ("photos", 0.04),
    ("thing_events", 0.05), ("thing_pairs", 0.02), ("any_films", 0.02),  # any_photos: where no photo is named
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a run draws: about `batch` of the largest pictures a step (more of small ones), `questions` about each.

    `parts` says how large a share of the steps each part of the world has, `tower_parts` (where given) of those that
    teach the tower alone; parts with clips join when `clips_from` of the run is done. Difficulty rises over `ramp` of
    it. Questions are padded to one of `rungs` lengths between a power of two and the next.
    """

    seed: int = 0
    batch: int = 32
    questions: int = 4
    parts: Shares = PARTS
    tower_parts: Shares = ()
    clips_from: float = 0.03
    ramp: float = 0.3
    rungs: int = RUNGS


@dataclass(frozen=True)
class SampleArgs:
    """Which part of the world draws a sample, and from what."""

    part: str
    seed: int
    size: Size
    frames: int
    fps: float
    difficulty: float
    split: Split = "train"

    def make(self) -> Sample:
        """Draw it; a single picture's labels also say when its caption comes to each thing."""
        part = parts()[self.part]
        sample = part.make(self.seed, self.size, self.frames, self.fps, self.difficulty, self.split)
        told = next((qa.told for qa in sample.questions if qa.skill == "caption" and qa.told), ())
        if told and part.kind == "image" and part.pictures == 1:
            sample.dense["rank"] = ranks(sample.dense["owner"], told)
        return sample


def merged_tokens(size: Size, frames: int) -> int:
    """Merged vision tokens of a picture or a clip."""
    return (size[0] // CELL) * (size[1] // CELL) * ((frames + 1) // 2)


def sample_seed(run_seed: int, step: int, index: int) -> int:
    """A seed of 62 bits that no other sample of the run has but by a rare accident."""
    digest = hashlib.sha256(f"{run_seed}/{step}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def difficulty_at(rng: random.Random, fraction: float, ramp: float) -> float:
    """How hard a sample is: up to the point of the ramp mostly, with some easy and some full ones throughout."""
    reached = min(1.0, fraction / ramp) if ramp > 0 else 1.0
    roll = rng.random()
    if roll < 0.1:
        return 0.0
    return 1.0 if roll < 0.2 else reached


def picture_size(rng: random.Random, fraction: float) -> Size:
    """Small pictures in the first quarter of a run, then large ones more often, as the product mostly makes them."""
    grow = min(1.0, fraction / 0.25)
    weights = []
    for height, width in PICTURE_SIZES:
        large = height * width / (LARGE_TOKENS * CELL**2)
        often = SELDOM if max(height, width) >= LONG * min(height, width) else 1.0
        weights.append(often * ((1 - grow) * (1.0 if large < 0.8 else 0.15) + grow * large**2))
    return rng.choices(PICTURE_SIZES, weights)[0]


def batch_size(plan: Plan, tokens: int) -> int:
    """How many samples of `tokens` merged tokens make a step of the usual cost."""
    return max(plan.batch // 2, min(2 * plan.batch, plan.batch * LARGE_TOKENS // tokens), 1)


def part_of(plan: Plan, rng: random.Random, progress: float) -> Part:
    """The part that a step draws from."""
    open_to = [(parts()[name], share) for name, share in plan.parts]
    if progress < plan.clips_from:  # a plan of clips alone has nothing to wait for
        open_to = [(part, share) for part, share in open_to if part.kind == "image"] or open_to
    return rng.choices([part for part, _ in open_to], [share for _, share in open_to])[0]


def bucket(rng: random.Random, kind: Kind, progress: float) -> tuple[Size, int]:
    """Size and number of frames of a step."""
    if kind == "image":
        return picture_size(rng, progress), 1
    return rng.choices(CLIP_SIZES, CLIP_WEIGHTS)[0], rng.choices(FRAMES, FRAME_WEIGHTS)[0]


def plan_batch(plan: Plan, step: int, progress: float) -> list[SampleArgs]:
    """The arguments of all samples of one step, `progress` (0..1) of the run being done: one bucket, many seeds."""
    rng = random.Random(f"{plan.seed}/{step}")
    part = part_of(plan, rng, progress)
    size, frames = bucket(rng, part.kind, progress)
    batch = []
    for index in range(batch_size(plan, merged_tokens(size, frames) * part.pictures)):
        fps = rng.choices(RATES, RATE_WEIGHTS)[0] if part.kind == "video" else 1.0
        hard = difficulty_at(rng, progress, plan.ramp)
        batch.append(SampleArgs(part.name, sample_seed(plan.seed, step, index), size, frames, fps, hard))
    return batch


def teaches_tower_only(plan: Plan, step: int, share: float) -> bool:
    """Whether a step is one of the share of steps, drawn by chance but always alike, that teach the tower alone."""
    return random.Random(f"{plan.seed}/{step}/tower").random() < share


def for_tower(plan: Plan) -> Plan:
    """The plan of steps that teach the tower alone: parts of their own, one question each, since none is answered."""
    return replace(plan, parts=plan.tower_parts or plan.parts, questions=1)


def batch_samples(plan: Plan, step: int, progress: float) -> tuple[list[Sample], list[list[QA]]]:
    """Draw the samples of one step and choose the questions about each."""
    every = [(args.part, args.make()) for args in plan_batch(plan, step, progress)]
    asked = [choose(one, random.Random(one.seed), plan.questions, parts()[part].skills) for part, one in every]
    return [sample for _, sample in every], asked


def written(shares: Shares) -> str:
    """A mix as the command line gives it."""
    return ",".join(f"{name}={share:g}" for name, share in shares)


def drawn_parts(shares: Shares, tower_shares: Shares) -> Shares:
    """The parts that a run draws, those that only the tower is shown after the others."""
    return (*shares, *((name, share) for name, share in tower_shares if name not in dict(shares)))


def dense_classes(shares: Shares = PARTS) -> tuple[dict[str, int], dict[str, int]]:
    """How many classes each dense map has that the tower, and that the decoder's middle, is told in these parts.

    Raises ValueError where two parts mean different things by one name.
    """
    common = {name: len(classes) for name, classes in class_names().items()}
    drawn = [parts()[name] for name, _ in shares]
    seen: dict[str, tuple[str, ...]] = {}
    for name, classes in (item for part in drawn for item in part.classes.items()):
        if seen.setdefault(name, classes) != classes:
            raise ValueError(f"two parts have a dense label {name!r} of different classes")
    own = {name: len(classes) for part in drawn for name, classes in part.classes.items() if name not in part.late}
    late = {name: len(part.classes[name]) for part in drawn for name in part.late}
    return {name: common[name] for name in TOWER} | own, {name: common[name] for name in DECODER} | late


def held_out(count: int, part: str, seed: int = 0) -> list[SampleArgs]:
    """Arguments of `count` samples of a part for evaluation: full difficulty, the sizes that the product makes."""
    kind = parts()[part].kind
    rng = random.Random(f"held/{part}/{seed}")
    found = []
    for index in range(count):
        size, frames = bucket(rng, kind, 1.0)
        fps = 1.0 if kind == "image" else rng.choices(RATES, RATE_WEIGHTS)[0]
        found.append(SampleArgs(part, sample_seed(seed, 0, index), size, frames, fps, 1.0, "held"))
    return found
