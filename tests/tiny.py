"""Tiny random checkpoints in the published format, made in the test: config, tokenizer, weights, one or more shards."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import tokenizers
import torch
from safetensors.torch import save_file
from tokenizers import models, pre_tokenizers, trainers
from torch import Tensor

from model.config import model_config
from model.parameters import expected_shapes
from model.tokenizer import added_tokens, published_pipeline

Layout = Literal["flat", "nested"]
Json = dict[str, Any]

CORPUS = (
    "a red circle left of a blue square, two green stars above a yellow heart",
    "what colour is the shape? how many stars are there? describe the picture.",
    "图中有一个红色的圆形和两个蓝色的正方形。视频里小球向右移动。",
    "the ball moves to the right, then it disappears 🙂🎉",
)
NEW_PREFIXES = (("visual.", "model.visual."), ("model.", "model.language_model."))
OWN_KEYS = ("model_type", "architectures", "vision_config", "tie_word_embeddings", "dtype")


@lru_cache(maxsize=1)
def tiny_tokenizer_json() -> str:
    """Train a byte-level BPE with the published word pattern and the published control tokens; about 450 entries."""
    built = published_pipeline(models.BPE())
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    built.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    )
    built.add_tokens(added_tokens())
    return built.to_str()


def tiny_config(vision: Json | None = None, **changes: Any) -> Json:
    """A published-format flat config.json: `vision` changes the tower's keys, the rest the decoder's."""
    ids = tokenizers.Tokenizer.from_str(tiny_tokenizer_json())
    tower = {
        "model_type": "qwen2_5_vl",
        "depth": 4,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "out_hidden_size": changes.get("hidden_size", 64),
        "fullatt_block_indexes": [1, 3],
        "hidden_act": "silu",
        "in_chans": 3,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
        "tokens_per_second": 2,
        "window_size": 112,
    }
    config: Json = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "max_position_embeddings": 4096,
        "use_sliding_window": False,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "bos_token_id": ids.token_to_id("<|endoftext|>"),
        "eos_token_id": ids.token_to_id("<|im_end|>"),
        "vision_start_token_id": ids.token_to_id("<|vision_start|>"),
        "vision_end_token_id": ids.token_to_id("<|vision_end|>"),
        "image_token_id": ids.token_to_id("<|image_pad|>"),
        "video_token_id": ids.token_to_id("<|video_pad|>"),
        "vision_config": tower | (vision or {}),
    }
    return config | changes


def nested_config(flat: Json) -> Json:
    """The newer form of a flat config: the decoder in `text_config`, rope in `rope_parameters`."""
    outside = {key: value for key, value in flat.items() if key in OWN_KEYS or key.endswith("_token_id")}
    text = {key: value for key, value in flat.items() if key not in outside and not key.startswith("rope_")}
    text["model_type"] = "qwen2_5_vl_text"
    section = flat["rope_scaling"]["mrope_section"]
    text["rope_parameters"] = {"rope_type": "default", "mrope_section": section, "rope_theta": flat["rope_theta"]}
    return outside | {"text_config": text, "dtype": text.pop("torch_dtype")}


def random_weights(config: Json, seed: int = 0, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random weights under the published flat names, scaled so that answers vary."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in expected_shapes(model_config(config)).items():
        values = torch.randn(shape, generator=generator)
        if name.endswith(".bias"):
            values *= 0.1
        elif len(shape) == 1:
            values = 1 + 0.1 * values
        elif "embed_tokens" not in name:
            values /= values[0].numel() ** 0.5
        weights[name] = values.to(dtype)
    return weights


def stored_name(name: str, layout: Layout) -> str:
    """The name under which a layout stores one of our parameters."""
    if layout == "nested":
        for ours, stored in NEW_PREFIXES:
            if name.startswith(ours):
                return stored + name[len(ours) :]
    return name


def save_weights(folder: Path, weights: dict[str, Tensor], shards: int = 1) -> None:
    """Write one file, or `shards` files with an index."""
    if shards == 1:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        return
    names = list(weights)
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: weights[name] for name in names[shard::shards]}
        save_file(part, folder / file, {"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    _write(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


def make_checkpoint(
    folder: Path,
    *,
    layout: Layout = "flat",
    tied: bool = False,
    shards: int = 1,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    vision: Json | None = None,
    **changes: Any,
) -> Path:
    """Write a whole checkpoint folder and return it; `vision` and `changes` as in tiny_config."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = tiny_config(vision, tie_word_embeddings=tied, **changes)
    weights = {stored_name(name, layout): value for name, value in random_weights(flat, seed, dtype).items()}
    save_weights(folder, weights, shards)
    _write(folder / "config.json", nested_config(flat) if layout == "nested" else flat)
    ends = [flat["eos_token_id"], flat["bos_token_id"]]
    _write(folder / "generation_config.json", {"eos_token_id": ends, "repetition_penalty": 1.0, "do_sample": False})
    _write(folder / "preprocessor_config.json", preprocessor_json())
    (folder / "tokenizer.json").write_text(tiny_tokenizer_json(), encoding="utf-8")
    return folder


def preprocessor_json() -> Json:
    """The published preprocessor_config.json."""
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "min_pixels": 3136,
        "max_pixels": 12_845_056,
        "merge_size": 2,
        "patch_size": 14,
        "temporal_patch_size": 2,
    }


def _write(file: Path, value: Json) -> None:
    file.write_text(json.dumps(value, indent=1), encoding="utf-8")
