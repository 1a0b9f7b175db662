"""Rotary tables against worked angles, and the properties that make a rotation a relative position."""

import math

import pytest
import torch
from torch import Tensor

from model.rope import inverse_frequencies, mrope_table, rotate, vision_table


def angles_of(cos: Tensor, sin: Tensor) -> list[float]:
    """Read the angles (d/2) back from one row of a table, checking that its two halves agree."""
    (cos, again), (negated, sin) = cos.chunk(2), sin.chunk(2)
    assert torch.equal(cos, again) and torch.equal(negated, -sin)
    return torch.atan2(sin, cos).tolist()  # type: ignore[no-any-return]


def test_frequencies_fall_geometrically() -> None:
    assert inverse_frequencies(8, 10_000.0).tolist() == pytest.approx([1.0, 0.1, 0.01, 0.001])
    assert inverse_frequencies(4, 1e6).dtype == torch.float32


def test_vision_table_turns_half_by_row_and_half_by_column() -> None:
    """A head of 8: frequencies 1 and 0.01 for the row, the same for the column."""
    cos, sin = vision_table(torch.tensor([[3, 5], [0, 7]]), head_dim=8)
    assert cos.shape == sin.shape == (2, 8)
    assert angles_of(cos[0], sin[0]) == pytest.approx([3.0, 0.03, 5.0 - 2 * math.pi, 0.05])
    assert angles_of(cos[1], sin[1]) == pytest.approx([0.0, 0.0, 7.0 - 2 * math.pi, 0.07])


def test_mrope_sections_follow_t_h_and_w() -> None:
    """A head of 12 split (1, 2, 3), theta 10^6: the six frequencies fall by ten, and take t, h, h, w, w, w."""
    positions = torch.tensor([7, 20, 300])[:, None, None]
    cos, sin = mrope_table(positions, 12, 1e6, (1, 2, 3))
    assert cos.shape == sin.shape == (1, 1, 12)
    angles = [7.0 - 2 * math.pi, 20 * 0.1, 20 * 0.01, 300 * 1e-3, 300 * 1e-4, 300 * 1e-5]
    assert angles_of(cos[0, 0], sin[0, 0]) == pytest.approx(angles)


def test_mrope_of_text_is_plain_rope() -> None:
    """With equal axes the sections do not matter."""
    positions = torch.arange(40).view(2, 20).expand(3, 2, 20)
    one, other = (mrope_table(positions, 16, 1e6, section) for section in ((2, 3, 3), (6, 1, 1)))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    plain = positions[0, ..., None] * inverse_frequencies(16, 1e6)
    torch.testing.assert_close(one[0][..., :8], plain.cos())


def test_rotation_pairs_the_two_halves_and_keeps_the_norm() -> None:
    """A head of 4 at theta 10^6 and position pi/2: the first pair turns a quarter, the second by pi/2000."""
    quarter = torch.full((3, 1, 1), math.pi / 2)
    turned = rotate(torch.tensor([1.0, 2.0, 3.0, 4.0]), *mrope_table(quarter, 4, 1e6, (0, 1, 1)))[0, 0]
    cos, sin = math.cos(math.pi / 2000), math.sin(math.pi / 2000)
    torch.testing.assert_close(turned, torch.tensor([-3.0, 2 * cos - 4 * sin, 1.0, 4 * cos + 2 * sin]))
    x, positions = torch.randn(5, 16), torch.randint(0, 99, (3, 1, 5))
    once = rotate(x, *(part[0] for part in mrope_table(positions, 16, 1e4, (2, 3, 3))))
    torch.testing.assert_close(once.norm(dim=-1), x.norm(dim=-1))


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
    torch.testing.assert_close(cos[0, :, :8], torch.tensor(expected), atol=0.02, rtol=0)
