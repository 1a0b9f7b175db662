"""Turns a checkpoint of training into the bundled model's folder."""

from typing import Any

from model.config import IMAGE_MEAN, IMAGE_STD

PREPROCESSOR: dict[str, Any] = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor",
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "min_pixels": 12544,
    "max_pixels": 28224,
    "image_mean": list(IMAGE_MEAN),
    "image_std": list(IMAGE_STD),
}
VIDEO_PREPROCESSOR: dict[str, Any] = {"frame_min_pixels": 7056, "frame_max_pixels": 12544, "max_frames": 12}
