"""Pointing: teaches the middle of the decoder which tokens of a picture a question is about.

The last token of a question, from which the answer is read, has to find the thing that is asked for among the others,
and so has every token of a caption from which the next thing is read. The answer alone teaches that slowly; a label for
every token of the picture teaches it at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.tokenizer import Tokenizer
from model.training.sample import QA, Sample

HEADS = ("about", "other", "anchor")
IGNORED = -1
INNER = 64  # width of a pointer's query and keys
UNLIKELY = -2.0  # a pointer's bias at first: most tokens show something else
ELSEWHERE = 0.3  # weight of a token that is not meant beside one that is


@dataclass(frozen=True)
class Asker:
    """A token that asks: its column, and the ids of the things that it shall point at."""

    column: int
    about: tuple[int, ...]
    other: tuple[int, ...] | None


@dataclass(frozen=True)
class Pointers:
    """For N asking tokens: row and column (N, 2) of the token that asks, and labels (3, N, S), IGNORED beside media."""

    askers: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Pointers":
        """Move both tensors."""
        return Pointers(self.askers.to(device, non_blocking=True), self.labels.to(device, non_blocking=True))


def member(owners: Tensor, ids: tuple[int, ...]) -> Tensor:
    """Owners (M,), 1 + the id of a thing -> (M,) 1 at the tokens of these things, else 0."""
    return torch.isin(owners, torch.tensor(ids, dtype=owners.dtype) + 1).to(torch.int8)


def askers_of(qa: QA, column: int, tokenizer: Tokenizer) -> list[Asker]:
    """The tokens of one question and its answer that point, the question's last one standing at `column`.

    That one points at what the question is about; before each phrase of a long answer, the token from which the phrase
    is read points at what the phrase is about.
    """
    found = [Asker(column, qa.about, qa.other)] if qa.about is not None else []
    start, answer = 0, qa.answer.lower()
    for phrase, ids in qa.told:
        start = answer.index(phrase.lower(), start)
        before = len(tokenizer.encode(qa.answer[:start].rstrip()))
        found.append(Asker(column + before, ids, None))
        start += len(phrase)
    return found


def labels_of(sample: Sample, asker: Asker) -> dict[str, Tensor]:
    """What each head shall point at, (M,) in the order of the media tokens; a head without a label is left out."""
    owner = torch.from_numpy(sample.dense["owner"]).flatten()
    anchor = torch.from_numpy(sample.dense["anchor"]).flatten()
    found = {"about": member(owner, asker.about), "anchor": member(anchor, asker.about)}
    return found if asker.other is None else found | {"other": member(owner, asker.other)}


def pointers(samples: Sequence[Sample], askers: Sequence[Sequence[Asker]], media: Tensor) -> Pointers:
    """Label the asking tokens of each row of a batch; `media` is (B, S)."""
    places, rows = [], []
    for row, (sample, own) in enumerate(zip(samples, askers, strict=True)):
        for asker in own:
            labels = torch.full((len(HEADS), media.shape[1]), IGNORED, dtype=torch.int8)
            for name, label in labels_of(sample, asker).items():
                labels[HEADS.index(name), media[row]] = label
            places.append((row, asker.column))
            rows.append(labels)
    if not rows:
        return Pointers(
            torch.zeros(0, 2, dtype=torch.long), torch.zeros(len(HEADS), 0, media.shape[1], dtype=torch.int8)
        )
    return Pointers(torch.tensor(places), torch.stack(rows, dim=1))


class Pointer(nn.Module):
    """Scores every token for every question by the product of a query and a key, for each head of `HEADS`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, len(HEADS) * INNER)
        self.key = nn.Linear(width, len(HEADS) * INNER)
        self.bias = nn.Parameter(torch.full((len(HEADS),), UNLIKELY))

    def forward(self, hidden: Tensor, given: Pointers) -> dict[str, Tensor]:
        """hidden (B, S, D) -> the loss of each head that any question has a label for."""
        normed = self.norm(hidden.float())
        rows, columns = given.askers.unbind(1)
        query = self.query(normed[rows, columns]).unflatten(-1, (len(HEADS), INNER))  # (N, 3, d)
        key = self.key(normed).unflatten(-1, (len(HEADS), INNER))[rows]  # (N, S, 3, d)
        scores = torch.einsum("nhd,nshd->hns", query, key).float() * INNER**-0.5 + self.bias[:, None, None]
        losses = {}
        for index, name in enumerate(HEADS):
            known = given.labels[index] != IGNORED
            if not known.any():
                continue
            target = given.labels[index][known].float()
            each = F.binary_cross_entropy_with_logits(scores[index][known], target, reduction="none")
            weight = torch.where(target > 0, 1.0, ELSEWHERE)
            losses[name] = (each * weight).sum() / weight.sum()
        return losses
