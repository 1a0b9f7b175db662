"""The shapes of config that are compared, and the media shown to both sides."""

from dataclasses import dataclass

import numpy as np

from model.config import PreprocessConfig
from model.preprocess import Kind, MediaTensors, prepare
from tests.tiny import Json, tiny_config

IDS = tiny_config()
IMAGE, VIDEO = IDS["image_token_id"], IDS["video_token_id"]
START, END = IDS["vision_start_token_id"], IDS["vision_end_token_id"]
PLAIN = 256  # ids below this one are plain text


@dataclass(frozen=True)
class Shape:
    """What differs between the compared checkpoints."""

    name: str
    heads: int
    kv_heads: int
    tied: bool
    window_size: int
    full_blocks: tuple[int, ...]
    section: tuple[int, int, int]
    vision_heads: int
    theta: float = 1e6
    eps: float = 1e-6

    def config(self) -> Json:
        """Return config.json in the layout of the published checkpoints."""
        width = self.heads * 2 * sum(self.section)
        return tiny_config(
            {
                "hidden_size": 48,
                "intermediate_size": 72,
                "num_heads": self.vision_heads,
                "fullatt_block_indexes": list(self.full_blocks),
                "window_size": self.window_size,
                "out_hidden_size": width,
            },
            hidden_size=width,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            tie_word_embeddings=self.tied,
            rms_norm_eps=self.eps,
            rope_theta=self.theta,
            rope_scaling={"type": "mrope", "mrope_section": list(self.section)},
        )


SHAPES = (
    Shape("group2-tied-win112", 4, 2, True, 112, (1, 3), (2, 3, 3), vision_heads=4),
    Shape("group1-untied-win56", 4, 4, False, 56, (3,), (2, 3, 3), vision_heads=2, theta=1e4),
    Shape("group6-untied-win112", 6, 1, False, 112, (0, 2), (2, 1, 3), vision_heads=3, eps=1e-5),
    Shape("group2-tied-win28-nofull", 2, 1, True, 28, (), (4, 6, 6), vision_heads=4),
)


def medium(kind: Kind, rows: int, columns: int, frames: int = 1, fps: float = 2.0, seed: int = 0) -> MediaTensors:
    """Make a random picture or clip of rows x columns merged tokens."""
    shape = (frames, 28 * rows, 28 * columns, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return prepare(pixels, kind, fps, PreprocessConfig())


MEDIA: dict[str, list[MediaTensors]] = {
    "none": [],
    "5x7": [medium("image", 5, 7)],
    "1x1": [medium("image", 1, 1)],
    "9x4": [medium("image", 9, 4)],
    "pictures": [medium("image", 3, 6), medium("image", 1, 1, seed=1), medium("image", 5, 2, seed=2)],
    "clip": [medium("video", 3, 5, frames=6, fps=2.0)],
    "long-clip": [medium("video", 1, 2, frames=31, fps=1.5)],
    "mixed": [medium("image", 4, 3), medium("video", 2, 5, frames=5, fps=3.0, seed=1), medium("image", 6, 2, seed=2)],
}


def prompt(media: list[MediaTensors], seed: int = 0) -> list[int]:
    """Put each medium between its markers, with random text around it."""
    numbers = np.random.default_rng(seed)
    ids: list[int] = numbers.integers(0, PLAIN, 4).tolist()
    for item in media:
        pad = IMAGE if item.kind == "image" else VIDEO
        ids += [START, *[pad] * (len(item.patches) // 4), END, *numbers.integers(0, PLAIN, 3).tolist()]
    return ids
