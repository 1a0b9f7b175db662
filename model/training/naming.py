"""Naming: teaches tower and decoder to hold a thing so that the embedding of its name can be found by likeness.

A head with weights for each of 871 things learns them from what a tower sees, but the decoder has to turn what it sees
into names of which each is met some dozens of times. Where one linear map takes every thing to the embeddings of its
name, whatever the language, that map is learned from all things alike, and a rare name needs no path of its own.
Only answers move the embeddings, which four maps would pull at as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.tokenizer import Tokenizer
from model.training.pictured import ITEM, item_names
from model.training.thing_questions import noun

NONE = -1  # fills up the tokens of a short name
WIDEST = ITEM["all"]


def name_forms(name: str) -> tuple[str, str, str]:
    """A thing's name at the beginning of an answer, within a sentence, and in Chinese: each has tokens of its own."""
    return noun(name, "en"), f" {noun(name, 'en')}", noun(name, "zh")


def name_tokens(tokenizer: Tokenizer) -> Tensor:
    """Tokens of every form of the name of every thing (3, C, L), filled up with NONE."""
    found = [[tokenizer.encode(form) for form in name_forms(name)] for name in item_names("all")]
    longest = max(len(tokens) for forms in found for tokens in forms)
    rows = [[tokens + [NONE] * (longest - len(tokens)) for tokens in forms] for forms in found]
    return torch.tensor(rows).transpose(0, 1).contiguous()


@cache
def among_all() -> Tensor:
    """The class that each of the hundred things has among all, (101,), 0 of none."""
    every = {name: number for number, name in enumerate(item_names("all"), 1)}
    return torch.tensor([0, *(every[name] for name in item_names("cpu"))])


def of_all(labels: Mapping[str, Tensor]) -> Tensor | None:
    """Which of all things each token shows, from the labels of a picture of things of any scope; None without any."""
    if WIDEST in labels:
        return labels[WIDEST]
    few = labels.get(ITEM["cpu"])
    return None if few is None else among_all().to(few.device)[few]


@dataclass(frozen=True)
class NameTable:
    """Embeddings (3, C, D) of the first token of every form of every name, and whether it is the only one (3, C)."""

    rows: Tensor
    single: Tensor


class Namer(nn.Module):
    """Tells which thing a token shows, or means, by the product of its mapped features and the name's embedding.

    Names of several words are left out: they share words, and what they share says nothing of what is seen.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.map = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            self.map.weight.copy_(torch.eye(width) * width**-0.5)

    def forward(self, features: Tensor, classes: Tensor, table: NameTable) -> Tensor:
        """features (M, D), classes (M,) from 1 -> the mean loss over the forms of names that are one token."""
        mapped = self.map(self.norm(features.float()))
        logits = torch.einsum("md,fcd->fmc", mapped, table.rows).float()
        logits = logits.masked_fill(~table.single[:, None], -torch.inf)
        named = table.single[:, classes - 1]  # (3, M)
        each = F.cross_entropy(logits[named], (classes - 1).expand_as(named)[named], reduction="sum")
        return each / named.sum().clamp(min=1)


def name_table(tokens: Tensor, embeddings: Tensor) -> NameTable:
    """tokens (3, C, L) and embeddings (V, D) -> the embeddings of names, as they are, and which are one token."""
    single = (tokens != NONE).sum(dim=-1) == 1
    return NameTable(F.embedding(tokens[..., 0], embeddings.detach()), single)
