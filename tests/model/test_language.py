"""The decoder and the whole network around it: causality, padding, placeholders, tied heads, positions that matter."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model.attention import Backend
from model.config import PreprocessConfig, model_config
from model.errors import PromptError
from model.language import padded_mask
from model.preprocess import Kind, MediaTensors, prepare
from model.prompt import media_ids
from model.qwen import QwenVL
from tests.tiny import random_weights, tiny_config


def network(**changes: Any) -> QwenVL:
    config = tiny_config(**changes)
    built = QwenVL(model_config(config), Backend("sdpa", "test"))
    built.load_state_dict(random_weights(config), strict=True)
    return built.eval().requires_grad_(False)


def medium(kind: Kind, frames: int, rows: int, columns: int, fps: float = 2.0, seed: int = 0) -> MediaTensors:
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, 28 * rows, 28 * columns, 3), dtype=np.uint8)
    return prepare(pixels, kind, fps, PreprocessConfig())


def prompt(model: QwenVL, *media: MediaTensors, text: int = 3) -> Tensor:
    ids = list(range(20, 20 + text))
    for item in media:
        ids += [*media_ids(item, model.config), *range(40, 40 + text)]
    return torch.tensor([ids])


def test_nothing_looks_ahead() -> None:
    model = network()
    ids = torch.arange(10, 22)[None]
    changed = ids.clone()
    changed[0, 7] = 99
    moved = (model(ids) - model(changed)).abs().amax(-1)[0]
    assert moved[:7].max() == 0 and moved[7:].min() > 1e-4


def test_tied_head_is_the_embedding() -> None:
    tied, untied = network(tie_word_embeddings=True), network()
    assert tied.lm_head is None and "lm_head.weight" not in tied.state_dict()
    hidden = torch.randn(2, 64)
    torch.testing.assert_close(tied.logits(hidden), hidden @ tied.model.embed_tokens.weight.T)
    assert untied.lm_head is not None
    torch.testing.assert_close(untied.logits(hidden), hidden @ untied.lm_head.weight.T)


def test_features_stand_where_the_placeholders_are() -> None:
    model = network()
    picture, clip = medium("image", 1, 2, 3), medium("video", 4, 1, 2)
    ids = prompt(model, picture, clip)
    features = torch.randn(6 + 4, 64)
    embeds = model.embed(ids, features)[0]
    holders = [i for i, token in enumerate(ids[0].tolist()) if token in (model.config.image_token_id,)]
    holders += [i for i, token in enumerate(ids[0].tolist()) if token in (model.config.video_token_id,)]
    assert torch.equal(embeds[holders], features)
    text = [i for i in range(ids.shape[1]) if i not in holders]
    assert torch.equal(embeds[text], model.model.embed_tokens(ids[0, text]))


def test_features_and_placeholders_must_agree_in_number() -> None:
    model = network()
    picture = medium("image", 1, 2, 3)
    with pytest.raises(PromptError, match="6 placeholders for 5"):
        model.embed(prompt(model, picture), torch.randn(5, 64))
    with pytest.raises(PromptError, match="2 media given"):
        model(prompt(model, picture), [picture, picture], features=torch.randn(6, 64))
    with pytest.raises(PromptError):
        model(prompt(model, picture, picture), [picture], features=torch.randn(12, 64))


def test_media_and_their_shape_and_time_reach_the_answer() -> None:
    """The same features in another shape, or the same clip at another rate, must give other logits."""
    model = network()
    clip, slow = medium("video", 6, 2, 2), medium("video", 6, 2, 2, fps=0.5)
    ids, features = prompt(model, clip), torch.randn(12, 64)
    last = model(ids, [clip], features=features)[0, -1]
    assert (last - model(ids, [slow], features=features)[0, -1]).abs().max() > 1e-3
    wide, tall = medium("image", 1, 2, 6), medium("image", 1, 6, 2)
    ids = prompt(model, wide)
    last = model(ids, [wide], features=features)[0, -1]
    assert (last - model(ids, [tall], features=features)[0, -1]).abs().max() > 1e-3
    assert (last - model(ids, [wide], features=features.flip(0))[0, -1]).abs().max() > 1e-3


def test_backends_agree_on_logits() -> None:
    model, picture = network(), medium("image", 1, 3, 5)
    ids = prompt(model, picture)
    fused = model(ids, [picture])
    model.backend = Backend("eager", "test")
    torch.testing.assert_close(model(ids, [picture]), fused, atol=1e-4, rtol=0)


def test_padded_mask_in_full() -> None:
    """Two pads, then three tokens: pads see themselves only, tokens see the tokens so far."""
    visible = torch.tensor([[False, False, True, True, True]])
    assert padded_mask(visible, 5)[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 1],
    ]
    assert padded_mask(visible, 1)[0, 0].int().tolist() == [[0, 0, 1, 1, 1]]


def test_branches_that_share_a_prefix() -> None:
    """Two questions after one picture in one row, by mask and positions, answer as each would alone."""
    model, picture = network(), medium("image", 1, 2, 2)
    shared = prompt(model, picture)
    asked = torch.tensor([[50, 51, 52]]), torch.tensor([[60, 61]])
    alone = [model(torch.cat([shared, ids], dim=1), [picture])[:, shared.shape[1] :] for ids in asked]
    row, start = torch.cat([shared, *asked], dim=1), shared.shape[1]
    mask = torch.ones(row.shape[1], row.shape[1], dtype=torch.bool).tril()
    mask[start + 3 :, start : start + 3] = False
    positions, following = model.positions(shared, [picture])
    after = [torch.arange(n).expand(3, 1, n) + following for n in (3, 2)]
    positions = torch.cat([positions, *after], dim=2)
    out = model(row, [picture], positions=positions, mask=mask[None, None])[:, start:]
    torch.testing.assert_close(out, torch.cat(alone, dim=1), atol=1e-5, rtol=0)


def test_what_is_not_wanted_is_not_needed() -> None:
    """The last layer may work on the last positions alone: same numbers, and the cache is filled all the same."""
    model, ids = network(), torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8]])
    positions, _ = model.positions(ids, [])
    visible = torch.ones(2, 8, dtype=torch.bool)
    visible[0, :3] = False
    for mask in (None, padded_mask(visible, 8)):
        some, every = model.new_cache(2, 8), model.new_cache(2, 8)
        whole = model.model(model.embed(ids), positions, model.backend, every, mask)
        for wanted in (slice(-1, None), slice(-3, None)):
            some.length = 0
            part = model.model(model.embed(ids), positions, model.backend, some, mask, wanted)
            torch.testing.assert_close(part, whole[:, wanted], atol=1e-5, rtol=0)
            torch.testing.assert_close(some.keys, every.keys, atol=1e-5, rtol=0)
            torch.testing.assert_close(some.values, every.values, atol=1e-5, rtol=0)
