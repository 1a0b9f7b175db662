"""Rotary tables against worked angles, and the properties that make a rotation a relative position."""

import math

import pytest
import torch

from model.rope import inverse_frequencies, mrope_table, rotate, vision_table


def test_frequencies_fall_geometrically() -> None:
    assert inverse_frequencies(8, 10_000.0).tolist() == pytest.approx([1.0, 0.1, 0.01, 0.001])
    assert inverse_frequencies(4, 1e6).dtype == torch.float32


def test_vision_table_turns_half_by_row_and_half_by_column() -> None:
    """A head of 8: frequencies 1 and 0.01 for the row, the same for the column."""
    cos, sin = vision_table(torch.tensor([[3, 5], [0, 7]]), head_dim=8)
    assert cos.shape == sin.shape == (2, 4)
    assert torch.atan2(sin[1], cos[1]).tolist() == pytest.approx([0.0, 0.0, 7.0 - 2 * math.pi, 0.07])
    assert cos[0].tolist() == pytest.approx([math.cos(angle) for angle in (3.0, 0.03, 5.0, 0.05)])
    assert sin[0].tolist() == pytest.approx([math.sin(angle) for angle in (3.0, 0.03, 5.0, 0.05)])


def test_mrope_sections_follow_t_h_and_w() -> None:
    """A head of 12 split (1, 2, 3), theta 10^6: the six frequencies fall by ten, and take t, h, h, w, w, w."""
    positions = torch.tensor([7, 20, 300])[:, None, None]
    cos, sin = mrope_table(positions, 12, 1e6, (1, 2, 3))
    assert cos.shape == (1, 1, 6)
    angles = [7.0, 20 * 0.1, 20 * 0.01, 300 * 1e-3, 300 * 1e-4, 300 * 1e-5]
    assert cos.flatten().tolist() == pytest.approx([math.cos(angle) for angle in angles])
    assert sin.flatten().tolist() == pytest.approx([math.sin(angle) for angle in angles])


def test_mrope_of_text_is_plain_rope() -> None:
    """With equal axes the sections do not matter."""
    positions = torch.arange(40).view(2, 20).expand(3, 2, 20)
    one, other = (mrope_table(positions, 16, 1e6, section) for section in ((2, 3, 3), (6, 1, 1)))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    plain = positions[0, ..., None] * inverse_frequencies(16, 1e6)
    torch.testing.assert_close(one[0], plain.cos())


def test_rotation_pairs_the_two_halves_and_keeps_the_norm() -> None:
    quarter = torch.tensor([math.pi / 2, 0.0])
    turned = rotate(torch.tensor([1.0, 2.0, 3.0, 4.0]), quarter.cos(), quarter.sin())
    torch.testing.assert_close(turned, torch.tensor([-3.0, 2.0, 1.0, 4.0]))
    x, angles = torch.randn(5, 16), torch.randn(5, 8)
    torch.testing.assert_close(rotate(x, angles.cos(), angles.sin()).norm(dim=-1), x.norm(dim=-1))


def test_scores_depend_on_the_distance_only() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(16), torch.randn(16)

    def score(first: list[int], second: list[int]) -> torch.Tensor:
        tables = [mrope_table(torch.tensor(p)[:, None, None], 16, 1e4, (2, 3, 3)) for p in (first, second)]
        a, b = (rotate(x, cos[0, 0], sin[0, 0]) for x, (cos, sin) in zip((q, k), tables, strict=True))
        return a @ b

    torch.testing.assert_close(score([9, 4, 2], [5, 1, 1]), score([59, 24, 12], [55, 21, 11]), atol=1e-4, rtol=0)
    assert (score([9, 4, 2], [5, 1, 1]) - score([9, 4, 2], [5, 1, 2])).abs() > 1e-3


def test_large_positions_keep_their_precision() -> None:
    """At position 100 000 half precision would not tell neighbours apart; the table is float32 throughout."""
    cos, sin = mrope_table(torch.tensor([100_000, 100_001]).expand(3, 1, 2), 16, 1e6, (2, 3, 3))
    assert cos.dtype == sin.dtype == torch.float32
    expected = [[math.cos(p * 1e6 ** (-i / 8)) for i in range(8)] for p in (100_000, 100_001)]
    torch.testing.assert_close(cos[0], torch.tensor(expected), atol=0.02, rtol=0)
