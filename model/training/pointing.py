"""Pointing: teaches the middle of the decoder which tokens of a picture a question is about.

The last token of a question, from which the answer is read, has to find the thing that is asked for among the others,
and so has every token of a caption from which the next thing is read, and every token of a reading from which the next
letter is. The answer alone teaches that slowly; a label for every token of the picture teaches it at once. What a
number says as a whole is told at each of its figures, which alone say little, and which everyday thing is meant where
it is asked for: its article has to be said before its name.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.tokenizer import Tokenizer
from model.training.naming import of_all
from model.training.pictured import ITEM
from model.training.sample import QA, Sample, Spot

HEADS = ("about", "other", "anchor", "spot")
IGNORED = -1
FIGURES = "0123456789."
INNER = 64  # width of a pointer's query and keys
UNLIKELY = -2.0  # a pointer's bias at first: most tokens show something else
ELSEWHERE = 0.3  # weight of a token that is not meant beside one that is


@dataclass(frozen=True)
class Asker:
    """A token that asks: its column, the ids of the things, or the media tokens, that it shall point at; a number."""

    column: int
    about: tuple[int, ...] | None
    other: tuple[int, ...] | None = None
    spot: tuple[int, ...] | None = None
    number: int = 0


@dataclass(frozen=True)
class Pointers:
    """Up to A asking tokens of each of B rows: columns (B, A) says where they stand among all N tokens.

    labels (4, B, A, M) of the row's own M tokens of media, IGNORED where none asks; numbers (B, A) are the classes of
    the numbers whose figures are read from there, 0 for none; things (B, A) those of the everyday thing that is meant,
    one of all, 0 where it is none or several.
    """

    columns: Tensor
    labels: Tensor
    numbers: Tensor
    things: Tensor

    def to(self, device: torch.device) -> "Pointers":
        """Move its tensors."""
        return Pointers(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


def member(owners: Tensor, ids: tuple[int, ...]) -> Tensor:
    """Owners (M,), 1 + the id of a thing -> (M,) 1 at the tokens of these things, else 0."""
    return torch.isin(owners, torch.tensor(ids, dtype=owners.dtype) + 1).to(torch.int8)


def answer_tokens(qa: QA, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Encode an answer: its tokens, and the character at which each begins, with the length of the answer at the end.

    What is read off the picture is encoded letter by letter, whatever longer tokens the vocabulary has: so each token
    has one place to be read from, and an invented word is no harder than a known one.
    """
    tokens, starts, at = list[int](), list[int](), 0
    for piece in pieces(qa.answer, character_places(qa.answer, qa.spots)):
        own = tokenizer.encode(piece)
        starts += [at + start for start in starts_of(piece, own, tokenizer)]
        tokens, at = tokens + own, at + len(piece)
    return tokens, [*starts, at]


def starts_of(text: str, tokens: list[int], tokenizer: Tokenizer) -> list[int]:
    """The character at which each token of a text begins; only beyond ASCII can tokens share one."""
    stream = tokenizer.stream()
    ends = list(accumulate(len(stream.push(token)) for token in tokens))
    return [0, *ends[:-1]]


def pieces(answer: str, places: Sequence[tuple[int, ...]]) -> Iterator[str]:
    """Cut an answer into single characters where they have places, spaces between these too, and what is around."""
    shown = [bool(place) for place in places]
    single = [
        here or (char == " " and 0 < at < len(answer) - 1 and shown[at - 1] and shown[at + 1])
        for at, (char, here) in enumerate(zip(answer, shown, strict=True))
    ]
    start = 0
    for at in range(1, len(answer) + 1):
        if at == len(answer) or single[at] or single[start]:
            yield answer[start:at]
            start = at


def phrase_starts(qa: QA, starts: Sequence[int]) -> list[int]:
    """The token of an answer with which each phrase that it tells begins; `starts` are those of `answer_tokens`."""
    found, start, answer = list[int](), 0, qa.answer.lower()
    for phrase, _ in qa.told:
        start = answer.index(phrase.lower(), start)
        found.append(bisect_left(starts, len(qa.answer[:start].rstrip())))
        start += len(phrase)
    return found


def askers_of(qa: QA, column: int, starts: Sequence[int]) -> list[Asker]:
    """The tokens of one question and its answer that point, the question's last one standing at `column`.

    `starts` are those of `answer_tokens`. The question's last token points at what the question is about; before each
    phrase of a long answer, the token from which the phrase is read points at what the phrase is about; before each
    letter that is read, at the letter.
    """
    found = [Asker(column, qa.about, qa.other)] if qa.about is not None else []
    found += [Asker(column + first, ids) for first, (_, ids) in zip(phrase_starts(qa, starts), qa.told, strict=True)]
    places = character_places(qa.answer, qa.spots)
    for index, (begin, end) in enumerate(pairwise(starts)):
        cells = {cell for place in places[begin : max(end, begin + 1)] for cell in place}
        if cells:
            found.append(Asker(column + index, None, spot=tuple(sorted(cells))))
    return found + figures_of(qa, column, starts)


def figures_of(qa: QA, column: int, starts: Sequence[int]) -> list[Asker]:
    """The tokens from which the figures of an answer's numbers are read."""
    found, start = list[Asker](), 0
    for phrase, ids, number in qa.numbers:
        start = qa.answer.index(phrase, start)
        for index, begin in enumerate(starts[:-1]):
            if start <= begin < start + len(phrase) and qa.answer[begin] in FIGURES:
                found.append(Asker(column + index, ids, number=number))
        start += len(phrase)
    return found


def character_places(answer: str, spots: tuple[Spot, ...]) -> list[tuple[int, ...]]:
    """For each character of an answer the media tokens that show it, none for what is not read off the picture."""
    places: list[tuple[int, ...]] = [()] * len(answer)
    start, lowered = 0, answer.lower()
    for phrase, cells in spots:
        start = lowered.index(phrase.lower(), start)
        shown = [at for at, char in enumerate(phrase, start) if char != " "]
        for at, place in zip(shown, cells, strict=True):
            places[at] = place
        start += len(phrase)
    return places


def labels_of(sample: Sample, asker: Asker) -> dict[str, Tensor]:
    """What each head shall point at, (M,) in the order of the media tokens; a head without a label is left out."""
    owner = torch.from_numpy(sample.dense["owner"]).flatten()
    found = {}
    if asker.about is not None:
        anchor = torch.from_numpy(sample.dense["anchor"]).flatten()
        found = {"about": member(owner, asker.about), "anchor": member(anchor, asker.about)}
    if asker.other is not None:
        found["other"] = member(owner, asker.other)
    if asker.spot is not None:
        found["spot"] = torch.zeros(len(owner), dtype=torch.int8)
        found["spot"][list(asker.spot)] = 1
    return found


def thing_meant(sample: Sample, asker: Asker) -> int:
    """Which of all things the one is, or the equal ones are, that a token shall point at; 0 for others."""
    if not asker.about:
        return 0
    labels = {name: torch.from_numpy(sample.dense[name]).flatten() for name in ITEM.values() if name in sample.dense}
    if (things := of_all(labels)) is None:
        return 0
    owner = torch.from_numpy(sample.dense["owner"]).flatten()
    found = {*things[member(owner, asker.about).bool()].tolist()} - {0}  # a clip's tokens may show it no longer
    return int(found.pop()) if len(found) == 1 else 0


def pointers(samples: Sequence[Sample], askers: Sequence[Sequence[Asker]], tokens: int) -> Pointers:
    """Label the asking tokens of each row of a batch, with `tokens` of media a row."""
    most = max(map(len, askers), default=0)
    columns = torch.zeros(len(samples), most, dtype=torch.long)
    numbers, things = torch.zeros_like(columns), torch.zeros_like(columns)
    labels = torch.full((len(HEADS), len(samples), most, tokens), IGNORED, dtype=torch.int8)
    for row, (sample, own) in enumerate(zip(samples, askers, strict=True)):
        for index, asker in enumerate(own):
            columns[row, index], numbers[row, index] = asker.column, asker.number
            things[row, index] = thing_meant(sample, asker)
            for name, label in labels_of(sample, asker).items():
                labels[HEADS.index(name), row, index] = label
    return Pointers(columns, labels, numbers, things)


class Pointer(nn.Module):
    """Scores every token for every question by the product of a query and a key, for each head of `HEADS`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, len(HEADS) * INNER)
        self.key = nn.Linear(width, len(HEADS) * INNER)
        self.bias = nn.Parameter(torch.full((len(HEADS),), UNLIKELY))

    def forward(self, asking: Tensor, shown: Tensor, given: Pointers) -> dict[str, Tensor]:
        """Asking tokens (B, A, D) and tokens of media (B, M, D) -> the loss of each head that is given a label."""
        query = self.query(self.norm(asking.float())).unflatten(-1, (len(HEADS), INNER))  # (B, A, 4, d)
        key = self.key(self.norm(shown.float())).unflatten(-1, (len(HEADS), INNER))  # (B, M, 4, d)
        scores = torch.einsum("bahd,bmhd->hbam", query, key).float() * INNER**-0.5 + self.bias[:, None, None, None]
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
