"""Decoding from the cache equals scoring the whole sequence, wherever it is cut; batched rows equal lone ones."""

import pytest
import torch
from torch import Tensor

from model.cache import KVCache
from model.config import model_config
from model.preprocess import MediaTensors
from model.qwen import QwenVL
from tests.model.test_language import medium, network, prompt
from tests.tiny import tiny_config

CPU = torch.device("cpu")


def decoded(model: QwenVL, ids: Tensor, media: list[MediaTensors], split: int) -> Tensor:
    """Prefill ids[:split], then feed the rest one by one -> logits (S - split + 1, V)."""
    cache = model.new_cache(1, ids.shape[1])
    rows = [model.prefill(ids[:, :split], media, cache)]
    rows += [model.step(ids[:, position], cache) for position in range(split, ids.shape[1])]
    assert cache.length == ids.shape[1]
    return torch.cat(rows)


@pytest.mark.parametrize("heads", [(4, 2), (4, 4), (4, 1)])
def test_cached_equals_uncached_at_every_split_of_a_text(heads: tuple[int, int]) -> None:
    model = network(num_attention_heads=heads[0], num_key_value_heads=heads[1])
    ids = torch.randint(0, 256, (1, 9), generator=torch.Generator().manual_seed(4))
    whole = model(ids)[0]
    for split in range(1, 10):
        torch.testing.assert_close(decoded(model, ids, [], split), whole[split - 1 :], atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_cached_equals_uncached_after_media(kind: str) -> None:
    """After a clip the next position is far from the number of tokens: the step must go on from the former."""
    model = network()
    media = [medium("video", 12, 1, 2, fps=1.0)] if kind == "video" else [medium("image", 1, 5, 2)]
    ids = torch.cat([prompt(model, *media), torch.tensor([[7, 8, 9, 10]])], dim=1)
    _, following = model.positions(ids, media)
    assert following.item() != ids.shape[1], "the case must tell positions from lengths"
    whole = model(ids, media)[0]
    for split in range(ids.shape[1] - 6, ids.shape[1] + 1):
        torch.testing.assert_close(decoded(model, ids, media, split), whole[split - 1 :], atol=1e-4, rtol=0)


def test_a_batch_equals_one_by_one() -> None:
    """Rows of different lengths, padded at the left, some with media and one without."""
    model = network()
    rows = [[medium("image", 1, 3, 2)], [], [medium("video", 5, 1, 2), medium("image", 1, 1, 1)]]
    prompts = [prompt(model, *media, text=text) for media, text in zip(rows, (3, 4, 2), strict=True)]
    longest = max(ids.shape[1] for ids in prompts)
    pad = [longest - ids.shape[1] for ids in prompts]
    assert len(set(pad)) == 3
    tail = torch.randint(0, 256, (3, 5), generator=torch.Generator().manual_seed(5))

    padded = torch.cat([torch.nn.functional.pad(ids, (left, 0)) for ids, left in zip(prompts, pad, strict=True)])
    cache = model.new_cache(3, longest + 5)
    batch = [model.prefill(padded, [item for media in rows for item in media], cache, pad=pad)]
    batch += [model.step(tail[:, step], cache) for step in range(5)]

    for row, (ids, media) in enumerate(zip(prompts, rows, strict=True)):
        alone = decoded(model, torch.cat([ids, tail[row : row + 1]], dim=1), media, ids.shape[1])
        together = torch.stack([logits[row] for logits in batch])
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_features_may_be_encoded_beforehand() -> None:
    model, media = network(), [medium("image", 1, 2, 3)]
    ids = prompt(model, *media)
    one, other = model.new_cache(1, 20), model.new_cache(1, 20)
    features = model.encode_media(media)
    assert torch.equal(model.prefill(ids, media, one), model.prefill(ids, media, other, features=features))
    assert one.next_position.tolist() == other.next_position.tolist() == model.positions(ids, media)[1].tolist()


def test_update_stores_behind_what_is_filled_and_advances_once() -> None:
    config = model_config(tiny_config()).text
    cache = KVCache(config, batch=2, capacity=6, device=CPU, dtype=torch.float32)
    first, second = torch.randn(2, 2, 4, 16), torch.randn(2, 2, 1, 16)
    for layer in range(config.num_hidden_layers):
        k, v = cache.update(layer, first + layer, first - layer)
        assert torch.equal(k, first + layer) and torch.equal(v, first - layer)
    assert cache.length == 0, "a layer must not move the position"
    cache.advance(4)
    for layer in range(config.num_hidden_layers):
        k, v = cache.update(layer, second, second)
        assert torch.equal(k, torch.cat([first + layer, second], dim=2)) and v.shape == (2, 2, 5, 16)
    cache.advance(1)
    assert cache.length == 5 and cache.visible is None


def test_decoding_does_not_copy_the_cache() -> None:
    """What update returns is the cache's own memory, so a step costs what it reads."""
    cache = KVCache(model_config(tiny_config()).text, 1, 8, CPU, torch.float32)
    k, _ = cache.update(1, torch.randn(1, 2, 3, 16), torch.randn(1, 2, 3, 16))
    assert k.untyped_storage().data_ptr() == cache.keys.untyped_storage().data_ptr()
