"""Tokens from logits, with numbers worked by hand."""

import math

import pytest
import torch
from torch import Tensor

from model.errors import GenerationError
from model.sampling import Sampler, filtered_probabilities

HALVES = torch.tensor([[0.5, 0.25, 0.15, 0.1]]).log()  # scores whose softmax is those numbers


def drawn(sampler: Sampler, logits: Tensor, times: int) -> list[int]:
    return [int(sampler.sample(logits)[0][0]) for _ in range(times)]


def test_greedy_takes_the_largest_and_tells_its_log_probability() -> None:
    ids, logprobs = Sampler(2).sample(torch.stack([HALVES[0], HALVES[0].flip(0)]))
    assert ids.tolist() == [0, 3]
    assert logprobs.tolist() == pytest.approx([math.log(0.5)] * 2, abs=1e-6)


def test_confidence_is_of_the_unmodified_distribution() -> None:
    sampler = Sampler(1, temperature=0.01, top_k=1, repetition_penalty=1.5, seed=0)
    sampler.observe([[3]], 4, torch.device("cpu"))
    ids, logprobs = sampler.sample(HALVES)
    assert ids.tolist() == [0] and logprobs.item() == pytest.approx(math.log(0.5), abs=1e-6)


def test_repetition_penalty_divides_positive_and_multiplies_negative_scores() -> None:
    """Row 0: 2 / 1.5 = 1.33 falls below 1.5. Row 1: -1 * 1.5 = -1.5 falls below -1.2. Row 2: nothing seen there."""
    logits = torch.tensor([[2.0, 1.5, -9.0], [-1.0, -1.2, -9.0], [2.0, 1.5, -9.0]])
    sampler = Sampler(3, repetition_penalty=1.5)
    sampler.observe([[0, 0], [0], [2]], 3, torch.device("cpu"))
    assert sampler.sample(logits)[0].tolist() == [1, 1, 0]
    # The chosen tokens count as seen from now on: 2 and 1.5 are both divided, so 0 leads again in row 0.
    assert sampler.sample(logits)[0].tolist() == [0, 0, 1]


def test_top_k() -> None:
    kept = filtered_probabilities(HALVES, 1.0, 2, 1.0)
    assert kept[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0], abs=1e-6)
    assert torch.equal(filtered_probabilities(HALVES, 1.0, 400, 1.0), filtered_probabilities(HALVES, 1.0, 0, 1.0))


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.49, 1), (0.51, 2), (0.74, 2), (0.76, 3), (0.89, 3), (0.91, 4), (1.0, 4), (1e-9, 1)]
)
def test_nucleus_keeps_the_token_that_crosses_p(top_p: float, kept: int) -> None:
    shuffled = HALVES[:, [2, 0, 3, 1]]
    probabilities = filtered_probabilities(shuffled, 1.0, 0, top_p)
    order = [0.5, 0.25, 0.15, 0.1][:kept]
    wanted = {value / sum(order) for value in order}
    assert sorted(p for p in probabilities[0].tolist() if p) == pytest.approx(sorted(wanted), abs=1e-6)
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-6)


def test_temperature_sharpens_and_the_smallest_is_greedy() -> None:
    """At temperature 1/2 probabilities are squared: 0.25, 0.0625, 0.0225, 0.01 of 0.345."""
    squared = [p * p / 0.345 for p in (0.5, 0.25, 0.15, 0.1)]
    assert filtered_probabilities(HALVES, 0.5, 0, 1.0)[0].tolist() == pytest.approx(squared, abs=1e-6)
    assert filtered_probabilities(HALVES * 1e4, 1e-30, 0, 1.0)[0].tolist() == [1, 0, 0, 0]


def test_draws_follow_the_probabilities() -> None:
    draws = drawn(Sampler(1, temperature=1.0, seed=1), HALVES, 4000)
    shares = [draws.count(token) / 4000 for token in range(4)]
    assert shares == pytest.approx([0.5, 0.25, 0.15, 0.1], abs=0.03)


def test_a_seed_repeats_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    first = drawn(Sampler(1, temperature=1.0, seed=7), HALVES, 50)
    assert first == drawn(Sampler(1, temperature=1.0, seed=7), HALVES, 50)
    assert first != drawn(Sampler(1, temperature=1.0, seed=8), HALVES, 50)
    assert torch.equal(before, torch.get_rng_state())


def test_a_row_draws_the_same_in_a_batch_as_alone() -> None:
    alone, batch = Sampler(1, temperature=1.0, seed=7), Sampler(3, temperature=1.0, seed=7)
    together = [batch.sample(HALVES.expand(3, -1))[0].tolist() for _ in range(50)]
    assert drawn(alone, HALVES, 50) == [row[0] for row in together]
    assert all(len(set(row)) == 1 for row in together)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(("dtype", "words"), [(torch.float16, "float16"), (torch.float32, "verify")])
def test_scores_that_are_not_finite_are_an_error_with_a_remedy(bad: float, dtype: torch.dtype, words: str) -> None:
    logits = HALVES.repeat(2, 1).to(dtype)
    logits[1, 2] = bad
    with pytest.raises(GenerationError) as caught:
        Sampler(2).sample(logits)
    assert "not finite" in caught.value.message and words in caught.value.message + caught.value.hint
