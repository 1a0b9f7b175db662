"""Every module within 1e-5 of the reference, logits within 1e-4."""

import pytest
import torch
from torch import Tensor
from transformers.vision_utils import get_vision_position_ids, get_vision_window_index

from model.attention import Backend, Causal
from model.positions import vision_plan
from model.preprocess import MediaTensors
from model.rope import mrope_table, vision_table
from tests.parity.reference import LOGIT_LIMIT, MODULE_LIMIT, Pair, assert_close, reference_inputs
from tests.parity.shapes import MEDIA, prompt

EAGER = Backend("eager", "parity")
SHOWN = [name for name in MEDIA if name != "none"]


def hidden(rows: int, width: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(5))


def grids_of(media: list[MediaTensors]) -> Tensor:
    return torch.tensor([item.grid for item in media])


def in_order(x: Tensor, order: Tensor) -> Tensor:
    """Permute patches (P, D) in groups of four."""
    return x.view(len(order), 4, -1)[order].view(x.shape)


def test_patch_embed(pair: Pair) -> None:
    patches = MEDIA["5x7"][0].patches
    theirs = pair.theirs.model.visual.patch_embed(patches)
    assert_close(pair.ours.visual.patch_embed(patches), theirs, MODULE_LIMIT, "patch embed")


def test_merger(pair: Pair) -> None:
    x = hidden(60, pair.ours.config.vision.hidden_size)
    assert_close(pair.ours.visual.merger(x), pair.theirs.model.visual.merger(x), MODULE_LIMIT, "merger")


def blocks(pair: Pair, media: list[MediaTensors], *, windowed: bool) -> tuple[Tensor, Tensor]:
    """Run the first block of both sides, each in its own order of windows; return both in the media's order."""
    visual, config = pair.theirs.model.visual, pair.ours.config.vision
    grids = grids_of(media)
    x = hidden(int(grids.prod(1).sum()), config.hidden_size)

    order = torch.arange(len(x) // 4)
    bounds = torch.cat([torch.zeros(1), (grids[:, 1] * grids[:, 2]).repeat_interleave(grids[:, 0]).cumsum(0)]).int()
    if windowed:
        order, bounds = get_vision_window_index(grids, 2, config.window_size, 14)
        bounds = torch.unique_consecutive(torch.as_tensor(bounds))
    table = visual.rotary_pos_emb(x, get_vision_position_ids(grids, 2))
    table = tuple(in_order(part, order) for part in table)
    theirs = visual.blocks[0](in_order(x, order), cu_seqlens=bounds, position_embeddings=table)
    theirs = in_order(theirs, torch.argsort(order))

    plan = vision_plan([item.grid for item in media], config.window_tokens)
    cos, sin = vision_table(plan.positions, config.head_dim)
    segments = plan.windows if windowed else plan.frames
    ours = pair.ours.visual.blocks[0](in_order(x, plan.order), (cos[:, None], sin[:, None]), segments, EAGER)
    return in_order(ours, plan.restore), theirs


@pytest.mark.parametrize("name", ["5x7", "pictures", "mixed"])
@pytest.mark.parametrize("windowed", [True, False], ids=["windowed", "full"])
def test_vision_block(pair: Pair, name: str, windowed: bool) -> None:
    ours, theirs = blocks(pair, MEDIA[name], windowed=windowed)
    assert_close(ours, theirs, MODULE_LIMIT, f"vision block on {name}")


@pytest.mark.parametrize("name", SHOWN)
def test_vision_tower(pair: Pair, name: str) -> None:
    media = MEDIA[name]
    patches = torch.cat([item.patches for item in media])
    theirs = pair.theirs.model.visual(patches, grid_thw=grids_of(media)).pooler_output
    assert_close(pair.ours.encode_media(media), theirs, MODULE_LIMIT, f"vision tower on {name}")


def sequence(pair: Pair) -> tuple[Tensor, Tensor]:
    """Return embeddings (2, S, D) and the M-RoPE positions (3, 2, S) of two prompts of equal length."""
    ids = torch.tensor([prompt(MEDIA["mixed"]), prompt(MEDIA["mixed"], seed=1)])
    positions, _ = pair.ours.positions(ids, MEDIA["mixed"] * 2)
    width = pair.ours.config.text.hidden_size
    return hidden(ids.numel(), width).view(*ids.shape, width), positions


def test_decoder_layer(pair: Pair) -> None:
    x, positions = sequence(pair)
    reference = pair.theirs.model.language_model
    mask = torch.full((x.shape[1], x.shape[1]), float("-inf")).triu(1)[None, None]
    theirs = reference.layers[1](
        x, attention_mask=mask, position_embeddings=reference.rotary_emb(x, position_ids=positions)
    )
    config = pair.ours.config.text
    cos, sin = mrope_table(positions, config.head_dim, config.rope_theta, config.mrope_section)
    ours = pair.ours.model.layers[1](x, (cos[:, :, None], sin[:, :, None]), Causal(), None, EAGER)
    assert_close(ours, theirs, MODULE_LIMIT, "decoder layer")


def test_language_model(pair: Pair) -> None:
    x, positions = sequence(pair)
    theirs = pair.theirs.model.language_model(inputs_embeds=x, position_ids=positions, use_cache=False)
    ours = pair.ours.model(x, positions, EAGER)
    assert_close(ours, theirs.last_hidden_state, MODULE_LIMIT, "language model")


@pytest.mark.parametrize("name", MEDIA)
def test_logits(pair: Pair, name: str) -> None:
    """The reference gets our positions: with clips its own are not the published ones (issue 45381)."""
    media = MEDIA[name]
    ids = torch.tensor([prompt(media)])
    positions, _ = pair.ours.positions(ids, media)
    theirs = pair.theirs(**reference_inputs(ids, media), position_ids=positions).logits
    assert_close(pair.ours(ids, media), theirs, LOGIT_LIMIT, f"logits of {name}")


@pytest.mark.parametrize("name", ["5x7", "1x1", "9x4", "pictures"])
def test_positions_of_pictures(pair: Pair, name: str) -> None:
    media = MEDIA[name]
    ids = torch.tensor([prompt(media)])
    inputs = reference_inputs(ids, media)
    theirs, delta = pair.theirs.model.get_rope_index(
        ids, mm_token_type_ids=inputs["mm_token_type_ids"], image_grid_thw=inputs["image_grid_thw"]
    )
    ours, following = pair.ours.positions(ids, media)
    assert torch.equal(ours, theirs)
    assert following.tolist() == (delta.flatten() + ids.shape[1]).tolist()


@pytest.mark.parametrize("size", [1e-3, 1.0])
def test_norms(pair: Pair, size: float) -> None:
    """Small values show the epsilon, which hides behind large ones."""
    theirs, ours = pair.theirs.model, pair.ours
    wide, narrow = ours.config.text.hidden_size, ours.config.vision.hidden_size
    for name, mine, reference, width in (
        ("decoder norm", ours.model.norm, theirs.language_model.norm, wide),
        ("layer norm", ours.model.layers[0].input_layernorm, theirs.language_model.layers[0].input_layernorm, wide),
        ("vision norm", ours.visual.blocks[0].norm1, theirs.visual.blocks[0].norm1, narrow),
    ):
        x = hidden(20, width) * size
        assert_close(mine(x), reference(x), MODULE_LIMIT, name)
