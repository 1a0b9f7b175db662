"""Samples to tensors: several questions about one picture share its prefix, each in a branch that sees only itself.

A branch has the positions and the view it would have alone, so what is trained is exactly single-turn inference, while
the vision tower is paid once for all questions. A step's prefixes and branches are packed into one row of the decoder,
so that hardly any of it is padding.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model.attention import Branched
from model.config import ModelConfig, PreprocessConfig
from model.positions import Grid, mrope_positions
from model.preprocess import MediaTensors, prepare
from model.prompt import build_prompt, simple_messages
from model.tokenizer import IM_END, Tokenizer
from model.training.data import RUNGS, Plan, batch_samples, for_tower, plan_batch, teaches_tower_only
from model.training.pointing import Asker, Pointers, answer_tokens, askers_of, phrase_starts, pointers
from model.training.sample import QA, Sample

IGNORE = -100
# Weight of the token with which a phrase of an answer begins, beside its others: an article or a number is said before
# the thing is named, and many captions that were wrong were so there ("a cherries", "a bee and a bee").
DECIDING = 3.0


@dataclass(frozen=True)
class Batch:
    """One step's tensors. `targets` is the next token where it belongs to an answer, IGNORE elsewhere.

    `weights` of answer tokens fall with the root of the answer's length, so that a yes is heard beside a caption; those
    that begin a phrase weigh more.
    """

    patches: Tensor  # (P, C*2*14*14)
    grids: tuple[Grid, ...]
    ids: Tensor  # (1, N)
    positions: Tensor  # (3, 1, N)
    branches: Branched  # who sees whom
    targets: Tensor  # (N,)
    weights: Tensor  # (N,)
    media: Tensor  # (B, M), where each row's tokens of media stand among the N
    dense: dict[str, Tensor]  # name -> (B*M,)
    pointers: Pointers
    questions: int
    part: str = ""  # of the world
    tower_only: bool = False  # whether nothing but the tower is taught
    seconds: float = 0.0  # that drawing and laying out took

    @property
    def samples(self) -> int:
        """How many pictures, pairs of them or clips there are."""
        return self.branches.count

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self) if f.type == Tensor}
        dense = {name: labels.to(device, non_blocking=True) for name, labels in self.dense.items()}
        branches, pointing = self.branches.to(device), self.pointers.to(device)
        return replace(self, **moved, dense=dense, branches=branches, pointers=pointing)


@dataclass(frozen=True)
class Branch:
    """One question with its answer: targets and weights as in Batch; its tokens that point, counted from its first."""

    ids: list[int]
    targets: list[int]
    weights: list[float]
    askers: list[Asker]


@dataclass(frozen=True)
class Row:
    """One sample with its questions, before packing; the branches' positions go on from `start`."""

    prefix: list[int]
    positions: Tensor  # (3, P)
    start: int
    branches: list[Branch]


def media_of(sample: Sample, preprocess: PreprocessConfig) -> list[MediaTensors]:
    """The pictures or the clip of one sample as the product prepares them."""
    return [prepare(frames, sample.kind, sample.sampled_fps, preprocess) for frames in sample.media()]


def make_row(media: Sequence[MediaTensors], questions: Sequence[QA], tokenizer: Tokenizer, config: ModelConfig) -> Row:
    """Lay out the shared prefix of one sample, with its one clip or its pictures, and one branch a question."""
    end_id = tokenizer.token_id(IM_END)
    prompts = [build_prompt(simple_messages(len(media), qa.question), media, tokenizer, config) for qa in questions]
    cut = len(prompts[0]) - prompts[0][::-1].index(config.vision_end_token_id)
    prefix, branches = prompts[0][:cut], []
    positions, start, _ = mrope_positions(prefix, media, config)
    for prompt, qa in zip(prompts, questions, strict=True):
        tokens, starts = answer_tokens(qa, tokenizer)
        answer = [*tokens, end_id]
        asked = prompt[cut:]
        targets = [IGNORE] * (len(asked) - 1) + answer
        weights = [len(answer) ** -0.5] * len(targets)
        for first in phrase_starts(qa, starts):
            weights[len(asked) - 1 + first] *= DECIDING
        branches.append(Branch(asked + tokens, targets, weights, askers_of(qa, len(asked) - 1, starts)))
    return Row(prefix, positions, start, branches)


def rung(length: int, rungs: int = RUNGS) -> int:
    """The length that a branch is padded to: one of `rungs` between a power of two and the next."""
    step = max(2, (1 << max(0, length.bit_length() - 1)) // rungs)
    return -(-length // step) * step


def branched(rows: Sequence[Row], rungs: int = RUNGS) -> tuple[Branched, list[tuple[int, Branch, int]]]:
    """Order the branches of all rows by length: the pattern, and each branch with its row and its padded length.

    Raises ValueError for rows of different prefixes.
    """
    if len({len(row.prefix) for row in rows}) > 1:
        raise ValueError("the rows of a batch begin with prefixes of different lengths")
    spans = [(index, branch, rung(len(branch.ids), rungs)) for index, row in enumerate(rows) for branch in row.branches]
    spans.sort(key=lambda span: span[2])
    groups = {length: torch.tensor([index for index, _, own in spans if own == length]) for _, _, length in spans}
    return Branched(len(rows), len(rows[0].prefix), tuple(groups.values()), tuple(groups)), spans


def collate(samples: Sequence[Sample], asked: Sequence[Sequence[QA]], tokenizer: Tokenizer, config: ModelConfig,
            preprocess: PreprocessConfig, rungs: int = RUNGS) -> Batch:  # fmt: skip
    """Turn samples of one size, each with the questions asked about it, into one batch."""
    media = [media_of(sample, preprocess) for sample in samples]
    rows = [make_row(own, qas, tokenizer, config) for own, qas in zip(media, asked, strict=True)]
    pattern, spans = branched(rows, rungs)
    shared = torch.tensor([row.prefix for row in rows])  # (B, P)
    ids, targets, weights = shared.flatten().tolist(), [IGNORE] * shared.numel(), [0.0] * shared.numel()
    places, askers = [row.positions for row in rows], [list[Asker]() for _ in rows]
    for index, branch, length in spans:
        askers[index] += [replace(asker, column=len(ids) + asker.column) for asker in branch.askers]
        spare = length - len(branch.ids)
        ids += branch.ids + [0] * spare
        targets += branch.targets + [IGNORE] * spare
        weights += branch.weights + [0.0] * spare
        places.append((torch.arange(length) + rows[index].start).expand(3, -1))
    seen = (shared == config.image_token_id) | (shared == config.video_token_id)
    where = torch.nonzero(seen.flatten())[:, 0].view(len(rows), -1)  # (B, M)
    names = set.intersection(*(set(sample.dense) for sample in samples))
    dense = {name: torch.cat([torch.from_numpy(sample.dense[name]).flatten() for sample in samples]) for name in names}
    return Batch(
        patches=torch.cat([medium.patches for own in media for medium in own]),
        grids=tuple(medium.grid for own in media for medium in own),
        ids=torch.tensor(ids)[None],
        positions=torch.cat(places, dim=1)[:, None],
        branches=pattern,
        targets=torch.tensor(targets),
        weights=torch.tensor(weights),
        media=where,
        dense=dense,
        pointers=pointers(samples, askers, where.shape[1]),
        questions=len(spans),
    )


class BatchSource(Dataset[Batch]):
    """Batch number -> batch, the same for the same seed.

    `progress` (0..1) and `tower_share`, how many of the steps teach the tower alone, are shared with worker processes.
    Patches come in the precision of `width`.
    """

    def __init__(
        self,
        plan: Plan,
        tokenizer_path: str,
        config: ModelConfig,
        preprocess: PreprocessConfig,
        width: torch.dtype = torch.float32,
    ) -> None:
        self.plan = plan
        self.width = width
        self.tokenizer_path = tokenizer_path
        self.config = config
        self.preprocess = preprocess
        self.progress = torch.zeros(1).share_memory_()  # type: ignore[no-untyped-call]
        self.tower_share = torch.zeros(1).share_memory_()  # type: ignore[no-untyped-call]
        self._tokenizer: Tokenizer | None = None

    def __getitem__(self, step: int) -> Batch:
        """Draw and lay out the batch of one step."""
        if self._tokenizer is None:  # not in the constructor: worker processes load their own
            self._tokenizer = Tokenizer.from_file(Path(self.tokenizer_path))
        begin = time.perf_counter()
        progress, alone = float(self.progress), teaches_tower_only(self.plan, step, float(self.tower_share))
        plan = for_tower(self.plan) if alone else self.plan
        samples, asked = batch_samples(plan, step, progress)
        batch = collate(samples, asked, self._tokenizer, self.config, self.preprocess, plan.rungs)
        part, patches = plan_batch(plan, step, progress)[0].part, batch.patches.to(self.width)
        return replace(batch, patches=patches, part=part, tower_only=alone, seconds=time.perf_counter() - begin)


def allow_files() -> None:
    """Raise the number of open files to what the system allows: every tensor that a worker sends ahead is one."""
    with suppress(ImportError, ValueError, OSError):  # no such limit on Windows; some systems refuse
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def stream(source: BatchSource, numbers: range, workers: int) -> Iterator[Batch]:
    """The batches of these numbers, drawn in this process or by worker processes, started at once, ahead of need."""
    if workers:
        allow_files()
    loader: DataLoader[Batch] = DataLoader(
        source,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        persistent_workers=bool(workers),
    )
    return iter(loader)
