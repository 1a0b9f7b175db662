"""Logits to the next token: greedy, or temperature, top-k and top-p, with a repetition penalty.

Confidence is told under the unmodified distribution, whatever shaped the choice. Scores must be finite.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from model.errors import GenerationError


class Sampler:
    """Chooses tokens for a fixed set of rows.

    Each row has a generator of its own, seeded alike, so that what a row draws does not depend on its neighbours; they
    live on the CPU, so that a seed means the same on every device. Temperature 0 is greedy.
    """

    def __init__(
        self,
        rows: int,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
    ) -> None:
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.repetition_penalty = repetition_penalty
        self._seen: Tensor | None = None
        self._generators = [torch.Generator() for _ in range(rows if temperature > 0 else 0)]
        for generator in self._generators:
            if seed is None:
                generator.seed()
            else:
                generator.manual_seed(seed)

    def observe(self, prompts: Sequence[Sequence[int]], vocab_size: int, device: torch.device) -> None:
        """Let the repetition penalty know the prompts, one per row; chosen tokens are added as they come."""
        if self.repetition_penalty == 1.0:
            return
        self._seen = torch.zeros(len(prompts), vocab_size, dtype=torch.bool, device=device)
        for row, ids in enumerate(prompts):
            self._seen[row, torch.tensor(list(ids), dtype=torch.long, device=device)] = True

    def sample(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Choose from logits (B, V) -> ids (B,) and their log-probabilities (B,) under the unmodified distribution."""
        raw = logits.float()
        total = raw.logsumexp(-1, keepdim=True)  # (B, 1)
        # A NaN or an overflow anywhere in a row shows in this sum, so no second pass over the row is needed. Looking at
        # it waits for the device, so a greedy choice is started before.
        scores = self._penalised(raw)
        greedy = scores.argmax(-1) if self.temperature == 0 else None
        if not bool(torch.isfinite(total).all()):
            raise _not_finite(logits)
        ids = self._draw(scores) if greedy is None else greedy
        if self._seen is not None:
            self._seen.scatter_(1, ids[:, None], True)
        return ids, (raw.gather(1, ids[:, None]) - total)[:, 0]

    def _penalised(self, scores: Tensor) -> Tensor:
        """Make tokens already seen less likely: positive scores are divided, negative ones multiplied."""
        if self._seen is None:
            return scores
        penalty = self.repetition_penalty
        return torch.where(self._seen, torch.where(scores > 0, scores / penalty, scores * penalty), scores)

    def _draw(self, scores: Tensor) -> Tensor:
        probabilities = filtered_probabilities(scores.cpu(), self.temperature, self.top_k, self.top_p)
        drawn = [torch.multinomial(p, 1, generator=g) for p, g in zip(probabilities, self._generators, strict=True)]
        return torch.cat(drawn).to(scores.device)


def filtered_probabilities(scores: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Shape scores (B, V) by temperature, then top-k, then top-p -> probabilities (B, V).

    top-p keeps the likeliest tokens until their sum reaches p, the token that crosses it included, so at least one.
    """
    # Taken from the maximum first: a very small temperature must not overflow, it must become greedy.
    scores = (scores - scores.amax(-1, keepdim=True)) / temperature
    if 0 < top_k < scores.shape[-1]:
        least = scores.topk(top_k).values[:, -1:]  # (B, 1)
        scores = scores.masked_fill(scores < least, float("-inf"))
    probabilities = scores.softmax(-1)
    if top_p >= 1.0:
        return probabilities
    ordered, places = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered  # mass that stands before each token
    ordered = ordered.masked_fill(before >= top_p, 0.0)
    kept = torch.zeros_like(probabilities).scatter_(1, places, ordered)
    return kept / kept.sum(-1, keepdim=True)


def _not_finite(logits: Tensor) -> GenerationError:
    if logits.dtype == torch.float16:
        return GenerationError(
            "the network's scores are not finite: they overflow in float16",
            "use --dtype bfloat16 or float32",
        )
    return GenerationError(
        f"the network's scores are not finite although computed in {str(logits.dtype).removeprefix('torch.')}",
        "the weights may be damaged: run 'qwenvl models verify', or try --dtype float32 --device cpu",
    )
