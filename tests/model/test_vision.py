"""The vision tower: packed media equal separate ones in any order; windows and frames keep to themselves."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from model.attention import Backend
from model.config import model_config
from model.positions import Grid
from model.vision import VisionTower
from tests.tiny import Json, random_weights, tiny_config

SDPA = Backend("sdpa", "test")
GRIDS: list[Grid] = [(1, 10, 14), (1, 2, 2), (3, 6, 10), (1, 18, 8), (1, 10, 14)]


def tower(**changes: Json | int | list[int]) -> VisionTower:
    config = tiny_config(changes)
    weights = {
        name.removeprefix("visual."): value
        for name, value in random_weights(config).items()
        if name.startswith("visual.")
    }
    built = VisionTower(model_config(config).vision)
    built.load_state_dict(weights, strict=True)
    return built.eval().requires_grad_(False)


def patches(grids: Sequence[Grid]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(t * h * w, 3 * 2 * 14 * 14, generator=generator) for t, h, w in grids]


def tokens(grid: Grid) -> int:
    return grid[0] * grid[1] * grid[2] // 4


@pytest.mark.parametrize("backend", [SDPA, Backend("eager", "test")], ids=lambda backend: backend.name)
def test_packed_equals_separate(backend: Backend) -> None:
    network, inputs = tower(), patches(GRIDS)
    packed = network(torch.cat(inputs), GRIDS, backend)
    alone = [network(item, [grid], backend) for item, grid in zip(inputs, GRIDS, strict=True)]
    assert [len(item) for item in alone] == [tokens(grid) for grid in GRIDS]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-5, rtol=0)


def test_order_of_media_is_kept() -> None:
    network, inputs = tower(), patches(GRIDS)
    forth = network(torch.cat(inputs), GRIDS, SDPA).split([tokens(grid) for grid in GRIDS])
    back = network(torch.cat(inputs[::-1]), GRIDS[::-1], SDPA).split([tokens(grid) for grid in GRIDS[::-1]])
    for one, other in zip(forth, back[::-1], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert (forth[0] - forth[4]).abs().max() > 0.1, "equal grids with different pixels must differ"


def test_a_tower_that_has_answered_can_be_trained() -> None:
    """What is kept from one picture to the next was made while answering, where tensors have no part in gradients."""
    network, inputs = tower(), torch.cat(patches([(1, 14, 6)]))
    with torch.inference_mode():
        network(inputs, [(1, 14, 6)], SDPA)
    network.requires_grad_(True)
    network(inputs, [(1, 14, 6)], SDPA).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_backends_agree() -> None:
    network, inputs = tower(), torch.cat(patches(GRIDS))
    eager = network(inputs, GRIDS, Backend("eager", "test"))
    torch.testing.assert_close(network(inputs, GRIDS, SDPA), eager, atol=1e-5, rtol=0)


@pytest.mark.parametrize("grid", [(1, 2, 2), (1, 2, 30), (1, 22, 4), (1, 8, 8), (5, 2, 2), (2, 10, 18)])
def test_every_token_of_an_odd_size_depends_on_its_own_pixels(grid: Grid) -> None:
    network, (item,) = tower(), patches([grid])
    out = network(item, [grid], SDPA)
    assert out.shape == (tokens(grid), 64) and out.isfinite().all()
    for token in {0, tokens(grid) // 2, tokens(grid) - 1}:
        changed = item.clone()
        changed[4 * token : 4 * token + 4] += 1.0
        moved = (network(changed, [grid], SDPA) - out).norm(dim=-1)
        assert moved.argmax() == token, "merged token and patches must stand in the same order"


def reach(network: VisionTower, grid: Grid, token: int) -> list[int]:
    """List the merged tokens which change when the pixels of `token` do."""
    (item,) = patches([grid])
    changed = item.clone()
    changed[4 * token : 4 * token + 4] += 1.0
    moved = (network(changed, [grid], SDPA) - network(item, [grid], SDPA)).abs().amax(-1)
    return torch.nonzero(moved > 1e-7).flatten().tolist()


def test_windows_keep_to_themselves() -> None:
    """6 x 7 tokens without a full block: the token at row 5, column 4 sees rows 4 to 5 and columns 4 to 6."""
    expected = [7 * row + column for row in (4, 5) for column in (4, 5, 6)]
    assert reach(tower(fullatt_block_indexes=[]), (1, 12, 14), 7 * 5 + 4) == expected
    assert reach(tower(fullatt_block_indexes=[], window_size=28), (1, 12, 14), 39) == [39]


def test_full_blocks_keep_to_their_frame() -> None:
    """Three frame pairs of 2 x 5 tokens: a change in the second reaches all of it and nothing else."""
    assert reach(tower(fullatt_block_indexes=[1]), (3, 4, 10), 13) == list(range(10, 20))


def test_rows_are_told_from_columns() -> None:
    """A picture and its transpose have the same patches in another order, but not the same features."""
    network, (item,) = tower(), patches([(1, 4, 12)])
    wide = network(item, [(1, 4, 12)], SDPA)
    tall = network(item, [(1, 12, 4)], SDPA)
    assert (wide - tall).abs().max() > 0.01


def test_half_precision_stays_near() -> None:
    network, inputs = tower(), torch.cat(patches(GRIDS))
    exact = network(inputs, GRIDS, SDPA)
    rough = network.to(torch.bfloat16)(inputs, GRIDS, SDPA)
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).norm() / exact.norm() < 0.05
