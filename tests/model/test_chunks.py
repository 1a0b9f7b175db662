"""Long clips go through the tower in chunks of whole frame pairs: the same features, one chunk in memory at a time."""

import doctest
import threading
from collections.abc import Sequence
from copy import deepcopy
from math import prod

import numpy as np
import pytest
import torch
from torch import Tensor

from model import preprocess
from model.config import PreprocessConfig, model_config
from model.positions import Grid
from model.preprocess import Kind, MediaTensors, Span, patch_chunks, plan_chunks, prepare
from model.qwen import QwenVL
from tests.tiny import random_weights, tiny_config

CPU = torch.device("cpu")
Item = tuple[Kind, int, int, int]  # frames, merged rows, merged columns
MIXES: dict[str, list[Item]] = {
    "clip of an odd number of frames": [("video", 15, 3, 5)],
    "picture, clip and picture": [("image", 1, 4, 3), ("video", 9, 2, 5), ("image", 1, 6, 1)],
    "clips of other sizes": [("video", 6, 1, 1), ("video", 7, 5, 6), ("video", 1, 2, 2), ("video", 8, 1, 7)],
}


def medium(item: Item, seed: int) -> MediaTensors:
    kind, frames, rows, columns = item
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, 28 * rows, 28 * columns, 3), dtype=np.uint8)
    return prepare(pixels, kind, 2.0, PreprocessConfig())


def mix(name: str) -> list[MediaTensors]:
    return [medium(item, seed) for seed, item in enumerate(MIXES[name])]


def whole(network: QwenVL, media: Sequence[MediaTensors]) -> Tensor:
    """All patches through the tower at once."""
    patches = torch.cat([item.patches for item in media])
    features: Tensor = network.visual(patches, [item.grid for item in media], network.backend)
    return features


@pytest.fixture(scope="module")
def network() -> QwenVL:
    config = tiny_config()
    built = QwenVL(model_config(config))
    built.load_state_dict(random_weights(config), strict=True)
    return built.eval().requires_grad_(False)


@pytest.mark.parametrize("limit", [1, 40, 100, 200])
@pytest.mark.parametrize("name", MIXES)
def test_chunks_give_the_features_of_the_whole(
    name: str, limit: int, network: QwenVL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64: sums over other heights run in other orders, which in float32 tells processors apart."""
    media, precise = mix(name), deepcopy(network).double()
    monkeypatch.setattr(preprocess, "CPU_CHUNK", limit)
    assert len(list(patch_chunks(media, CPU))) > 1
    expected = whole(precise, media)
    apart = (precise.encode_media(media) - expected).norm(dim=1) / expected.norm(dim=1)  # (M,)
    assert apart.max() < 1e-7


@pytest.mark.parametrize("name", MIXES)
def test_chunks_hold_the_patches_of_the_whole_in_order(name: str) -> None:
    media = mix(name)
    chunks = list(patch_chunks(media, CPU, 100))
    assert torch.equal(torch.cat([chunk.patches for chunk in chunks]), torch.cat([item.patches for item in media]))
    for chunk in chunks:
        assert len(chunk.patches) == sum(map(prod, chunk.grids))


def test_chunks_are_as_full_as_whole_steps_allow() -> None:
    """Steps of 8 and of 24 patches under a limit of 32; one of 40 is too large and goes alone."""
    grids: list[Grid] = [(5, 2, 4), (2, 4, 6), (1, 4, 10), (1, 2, 2)]
    assert plan_chunks(grids, 32) == [
        [Span(0, 0, 4)],
        [Span(0, 4, 5), Span(1, 0, 1)],
        [Span(1, 1, 2)],
        [Span(2, 0, 1)],
        [Span(3, 0, 1)],
    ]
    assert plan_chunks(grids, 10_000) == [[Span(0, 0, 5), Span(1, 0, 2), Span(2, 0, 1), Span(3, 0, 1)]]
    assert plan_chunks([], 32) == []


def test_the_docstrings_are_right() -> None:
    result = doctest.testmod(preprocess)
    assert result.failed == 0 and result.attempted > 0


def test_no_floats_are_made_before_they_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ahead of what is being used there is one chunk, and never more, made in another thread."""
    made: list[str] = []
    normalise = preprocess._normalise

    def noted(patches: Tensor, config: PreprocessConfig) -> Tensor:
        made.append(threading.current_thread().name)
        return normalise(patches, config)

    monkeypatch.setattr(preprocess, "_normalise", noted)
    clip = medium(("video", 40, 1, 1), 0)
    assert made == []
    for used, chunk in enumerate(patch_chunks([clip], CPU, 8), start=1):
        assert len(chunk.patches) == 8 and used <= len(made) <= used + 1
    assert used == len(made) == 10 and all(name.startswith("qwenvl-patches") for name in made)


def test_the_next_chunk_is_made_while_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    second = threading.Event()
    normalise = preprocess._normalise
    calls: list[int] = []

    def noted(patches: Tensor, config: PreprocessConfig) -> Tensor:
        calls.append(1)
        if len(calls) == 2:
            second.set()
        return normalise(patches, config)

    monkeypatch.setattr(preprocess, "_normalise", noted)
    chunks = patch_chunks([medium(("video", 8, 1, 1), 0)], CPU, 4)
    next(chunks)
    assert second.wait(30), "the second chunk must come without being asked for"
    chunks.close()


def test_an_error_comes_out_where_the_chunk_would(monkeypatch: pytest.MonkeyPatch) -> None:
    normalise = preprocess._normalise
    calls: list[int] = []

    def failing(patches: Tensor, config: PreprocessConfig) -> Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise MemoryError("the third")
        return normalise(patches, config)

    monkeypatch.setattr(preprocess, "_normalise", failing)
    chunks = patch_chunks([medium(("video", 12, 1, 1), 0)], CPU, 4)
    assert len(next(chunks).patches) == len(next(chunks).patches) == 4
    with pytest.raises(MemoryError, match="the third"):
        next(chunks)
    assert not any(thread.name.startswith("qwenvl-patches") for thread in threading.enumerate())


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_tower_that_stops_leaves_no_thread(
    error: type[BaseException], network: QwenVL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(*_: object) -> Tensor:
        raise error

    monkeypatch.setattr(preprocess, "CPU_CHUNK", 4)
    monkeypatch.setattr(network.visual, "forward", stopping)
    with pytest.raises(error):
        network.encode_media([medium(("video", 12, 1, 1), 0)])
    assert not any(thread.name.startswith("qwenvl-patches") for thread in threading.enumerate())
