"""Samples to tensors: several questions about one picture share its prefix, each in a branch that sees only itself.

A branch has the positions and the view it would have alone, so what is trained is exactly single-turn inference, while
the vision tower is paid once for all questions.
"""

import time
from collections.abc import Iterator, Sequence
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
from model.training.data import Plan, batch_samples, plan_batch
from model.training.pointing import Asker, Pointers, answer_tokens, askers_of, pointers
from model.training.sample import QA, Sample

IGNORE = -100
GROUPS = 6  # of branches of about one length


@dataclass(frozen=True)
class Batch:
    """One step's tensors. `targets` is the next token where it belongs to an answer, IGNORE elsewhere.

    `weights` of answer tokens fall with the root of the answer's length, so that a yes is heard beside a caption.
    """

    patches: Tensor  # (P, C*2*14*14)
    grids: tuple[Grid, ...]
    ids: Tensor  # (B, S)
    positions: Tensor  # (3, B, S)
    branches: Branched  # who sees whom
    targets: Tensor  # (B, S)
    weights: Tensor  # (B, S)
    media: Tensor  # (B, S), true at the tokens of media
    dense: dict[str, Tensor]  # name -> (M,)
    pointers: Pointers
    questions: int
    part: str = ""  # of the world
    seconds: float = 0.0  # that drawing and laying out took

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self) if f.type == Tensor}
        dense = {name: labels.to(device, non_blocking=True) for name, labels in self.dense.items()}
        branches, pointing = self.branches.to(device), self.pointers.to(device)
        return replace(self, **moved, dense=dense, branches=branches, pointers=pointing)


@dataclass(frozen=True)
class Row:
    """One sample with its questions, before padding; `branch` is 0 for the shared prefix, then 1, 2, ..."""

    ids: list[int]
    targets: list[int]
    weights: list[float]
    branch: list[int]
    positions: Tensor  # (3, S)
    askers: list[Asker]


def media_of(sample: Sample, preprocess: PreprocessConfig) -> list[MediaTensors]:
    """The pictures or the clip of one sample as the product prepares them."""
    return [prepare(frames, sample.kind, sample.sampled_fps, preprocess) for frames in sample.media()]


def make_row(media: Sequence[MediaTensors], questions: Sequence[QA], tokenizer: Tokenizer, config: ModelConfig) -> Row:
    """Lay out the shared prefix of one sample, with its one clip or its pictures, and one branch a question."""
    end_id = tokenizer.token_id(IM_END)
    prompts = [build_prompt(simple_messages(len(media), qa.question), media, tokenizer, config) for qa in questions]
    cut = len(prompts[0]) - prompts[0][::-1].index(config.vision_end_token_id)
    ids, targets, weights, branch = list(prompts[0][:cut]), [IGNORE] * cut, [0.0] * cut, [0] * cut
    prefix, start, _ = mrope_positions(ids, media, config)
    places, askers = [prefix], list[Asker]()
    for number, (prompt, qa) in enumerate(zip(prompts, questions, strict=True), start=1):
        tokens, starts = answer_tokens(qa, tokenizer)
        answer = [*tokens, end_id]
        tail = prompt[cut:] + tokens
        askers += askers_of(qa, len(ids) + len(tail) - len(answer), starts)
        ids += tail
        targets += [IGNORE] * (len(tail) - len(answer)) + answer
        weights += [len(answer) ** -0.5] * len(tail)
        branch += [number] * len(tail)
        places.append((torch.arange(len(tail)) + start).expand(3, -1))
    return Row(ids, targets, weights, branch, torch.cat(places, dim=1), askers)


def branched(branch: Tensor, groups: int = GROUPS) -> Branched:
    """Lay out attention for `branch` (B, S): 0 in the prefix, as long in every row, then 1, 2, ...; -1 at padding.

    The branches of all rows are sorted by length and computed in `groups` groups, so that little is padding.
    """
    count, length = branch.shape
    shared = int((branch[0] == 0).sum())
    if not bool(((branch == 0).sum(1) == shared).all()):
        raise ValueError("the rows of a batch begin with prefixes of different lengths")
    ends = [(int(row), torch.nonzero(branch[row] == number)[:, 0]) for row in range(count) for number in
            range(1, int(branch[row].max()) + 1)]  # fmt: skip
    spans = sorted(((row, int(at[0]), len(at)) for row, at in ends), key=lambda span: span[2])
    size = -(-len(spans) // groups)
    order, done = torch.zeros_like(branch), count * shared
    order[:, :shared] = torch.arange(done).view(count, shared)
    rows, slots = [], []
    for first in range(0, len(spans), size):
        chunk = spans[first : first + size]
        longest = chunk[-1][2]
        slots.append(torch.zeros(len(chunk), longest, dtype=torch.long))
        rows.append(torch.tensor([row for row, _, _ in chunk]))
        for index, (row, start, many) in enumerate(chunk):
            slots[-1][index, :many] = torch.arange(many) + row * length + start
            order[row, start : start + many] = torch.arange(many) + done + index * longest
        done += len(chunk) * longest
    return Branched(shared, tuple(rows), tuple(slots), order)


def collate(samples: Sequence[Sample], asked: Sequence[Sequence[QA]], tokenizer: Tokenizer, config: ModelConfig,
            preprocess: PreprocessConfig) -> Batch:  # fmt: skip
    """Turn samples of one size, each with the questions asked about it, into one batch."""
    media = [media_of(sample, preprocess) for sample in samples]
    rows = [make_row(own, qas, tokenizer, config) for own, qas in zip(media, asked, strict=True)]
    length = -(-max(len(row.ids) for row in rows) // 8) * 8
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    targets, branch = torch.full_like(ids, IGNORE), torch.full_like(ids, -1)
    positions, weights = torch.zeros(3, len(rows), length, dtype=torch.long), torch.zeros(ids.shape)
    for index, row in enumerate(rows):
        n = len(row.ids)
        ids[index, :n], targets[index, :n] = torch.tensor(row.ids), torch.tensor(row.targets)
        weights[index, :n] = torch.tensor(row.weights)
        branch[index, :n], positions[:, index, :n] = torch.tensor(row.branch), row.positions
    seen = (ids == config.image_token_id) | (ids == config.video_token_id)
    names = set.intersection(*(set(sample.dense) for sample in samples))
    dense = {name: torch.cat([torch.from_numpy(sample.dense[name]).flatten() for sample in samples]) for name in names}
    return Batch(
        patches=torch.cat([medium.patches for own in media for medium in own]),
        grids=tuple(medium.grid for own in media for medium in own),
        ids=ids,
        positions=positions,
        branches=branched(branch),
        targets=targets,
        weights=weights,
        media=seen,
        dense=dense,
        pointers=pointers(samples, [row.askers for row in rows], seen),
        questions=sum(len(qas) for qas in asked),
    )


class BatchSource(Dataset[Batch]):
    """Batch number -> batch, the same for the same seed; `progress` (0..1) is shared with worker processes."""

    def __init__(self, plan: Plan, tokenizer_path: str, config: ModelConfig, preprocess: PreprocessConfig) -> None:
        self.plan = plan
        self.tokenizer_path = tokenizer_path
        self.config = config
        self.preprocess = preprocess
        self.progress = torch.zeros(1).share_memory_()  # type: ignore[no-untyped-call]
        self._tokenizer: Tokenizer | None = None

    def __getitem__(self, step: int) -> Batch:
        """Draw and lay out the batch of one step."""
        if self._tokenizer is None:  # not in the constructor: worker processes load their own
            self._tokenizer = Tokenizer.from_file(Path(self.tokenizer_path))
        begin = time.perf_counter()
        progress = float(self.progress)
        samples, asked = batch_samples(self.plan, step, progress)
        batch = collate(samples, asked, self._tokenizer, self.config, self.preprocess)
        part = plan_batch(self.plan, step, progress)[0].part
        return replace(batch, part=part, seconds=time.perf_counter() - begin)


def stream(source: BatchSource, start: int, end: int, workers: int) -> Iterator[Batch]:
    """Yield the batches of steps start..end-1, drawn in this process or by worker processes ahead of need."""
    loader: DataLoader[Batch] = DataLoader(
        source,
        batch_size=None,
        sampler=range(start, end),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        persistent_workers=bool(workers),
    )
    yield from loader
