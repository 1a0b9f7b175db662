"""Patches from frames: every value where the published layout puts it, and normalised as published."""

import random

import numpy as np
import numpy.typing as npt
import pytest
import torch

from model.config import IMAGE_MEAN, IMAGE_STD, PreprocessConfig
from model.errors import PromptError
from model.preprocess import prepare

CONFIG = PreprocessConfig()
Frames = npt.NDArray[np.uint8]


def frames(count: int, height: int, width: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_shapes_and_time() -> None:
    picture = prepare(frames(1, 56, 84), "image", 1.0, CONFIG)
    assert (picture.grid, picture.patches.shape, picture.seconds_per_grid) == ((1, 4, 6), (24, 1176), 0.0)
    clip = prepare(frames(6, 28, 56), "video", 4.0, CONFIG)
    assert (clip.grid, clip.patches.shape, clip.seconds_per_grid) == ((3, 2, 4), (24, 1176), 0.5)
    assert clip.patches.dtype == torch.float32 and clip.patches.is_contiguous()


def test_every_value_stands_where_the_layout_says() -> None:
    """Written as index arithmetic: patch = (t, h/2, w/2, 2, 2), value = (C, 2, 14, 14)."""
    clip = frames(4, 84, 112)
    patches = prepare(clip, "video", 2.0, CONFIG).patches
    draw = random.Random(0)
    for _ in range(500):
        t, y, x, c = draw.randrange(4), draw.randrange(84), draw.randrange(112), draw.randrange(3)
        row, column = y // 14, x // 14
        group = ((t // 2) * 3 + row // 2) * 4 + column // 2  # 84 / 28 = 3 groups down, 112 / 28 = 4 across
        patch = group * 4 + (row % 2) * 2 + column % 2
        value = ((c * 2 + t % 2) * 14 + y % 14) * 14 + x % 14
        wanted = (clip[t, y, x, c] / 255 - IMAGE_MEAN[c]) / IMAGE_STD[c]
        assert patches[patch, value].item() == pytest.approx(wanted, abs=1e-6)


def test_normalising_is_exact_for_every_byte() -> None:
    """A 28x28 picture holds all 256 bytes; the worst error over them is float32 rounding."""
    ramp = np.arange(28 * 28, dtype=np.uint8).reshape(1, 28, 28, 1).repeat(3, axis=3)
    patches = prepare(ramp, "image", 1.0, CONFIG).patches.view(4, 3, 2, 14, 14)
    first = patches[0, :, 0].double()
    bytes_ = torch.from_numpy(ramp[0, :14, :14].copy()).permute(2, 0, 1).double()
    mean, std = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (IMAGE_MEAN, IMAGE_STD))
    assert (first - (bytes_ / 255 - mean) / std).abs().max() < 1e-6


def test_a_picture_is_two_equal_frames() -> None:
    patches = prepare(frames(1, 28, 28), "image", 1.0, CONFIG).patches.view(4, 3, 2, 14, 14)
    assert torch.equal(patches[:, :, 0], patches[:, :, 1])


def test_a_still_clip_of_two_frames_has_the_patches_of_the_picture() -> None:
    one = frames(1, 56, 56)
    picture, clip = prepare(one, "image", 1.0, CONFIG), prepare(one.repeat(2, 0), "video", 2.0, CONFIG)
    assert torch.equal(picture.patches, clip.patches)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_an_odd_clip_repeats_its_last_frame(count: int) -> None:
    clip = frames(count, 28, 56)
    full = np.concatenate([clip, clip[-1:]])
    odd, even = prepare(clip, "video", 2.0, CONFIG), prepare(full, "video", 2.0, CONFIG)
    assert odd.grid == even.grid and torch.equal(odd.patches, even.patches)


def test_read_only_and_strided_frames_are_taken_and_left_alone() -> None:
    """Decoders hand out read-only buffers, and flipping gives negative strides; torch takes neither."""
    clip = frames(2, 28, 56)
    wanted = prepare(np.ascontiguousarray(clip[:, ::-1]), "video", 2.0, CONFIG).patches
    clip.flags.writeable = False
    before = clip.copy()
    assert torch.equal(prepare(clip[:, ::-1], "video", 2.0, CONFIG).patches, wanted)
    assert np.array_equal(clip, before)


@pytest.mark.parametrize(
    ("given", "kind", "fps", "words"),
    [
        (np.zeros((1, 28, 30, 3), np.uint8), "image", 1.0, "30x28"),
        (np.zeros((1, 0, 28, 3), np.uint8), "image", 1.0, "28x0"),
        (np.zeros((1, 28, 28, 3), np.float32), "image", 1.0, "float32"),
        (np.zeros((28, 28, 3), np.uint8), "image", 1.0, "uint8"),
        (np.zeros((1, 28, 28, 4), np.uint8), "image", 1.0, "uint8"),
        (np.zeros((0, 28, 28, 3), np.uint8), "video", 1.0, "0 frames"),
        (np.zeros((2, 28, 28, 3), np.uint8), "image", 1.0, "2 frames"),
        (np.zeros((2, 28, 28, 3), np.uint8), "video", 0.0, "0.0"),
        (np.zeros((2, 28, 28, 3), np.uint8), "video", float("nan"), "nan"),
        (np.zeros((2, 28, 28, 3), np.uint8), "sound", 1.0, "sound"),
    ],
)
def test_what_cannot_be_cut_is_refused(given: Frames, kind: str, fps: float, words: str) -> None:
    with pytest.raises(PromptError, match=words) as caught:
        prepare(given, kind, fps, CONFIG)  # type: ignore[arg-type]
    assert caught.value.hint
