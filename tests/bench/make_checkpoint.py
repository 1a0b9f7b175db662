"""Random checkpoints in the published layout, large enough to time: python -m tests.bench.make_checkpoint small|3b DIR.

Speed does not depend on the values of weights, so these serve where a published checkpoint is not at hand.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import tokenizers
import torch
from safetensors.torch import save_file
from torch import Tensor

from model.config import model_config
from model.parameters import expected_shapes
from tests.tiny import preprocessor_json, tiny_config, tiny_tokenizer_json

ROOT = Path(__file__).resolve().parents[2]
# The published vocabulary, where it is at hand; the bundled model's; else what the tests train for themselves.
TOKENIZERS = (
    ROOT / ".." / "shared" / "qwen2_tokenizer" / "tokenizer.json",
    ROOT / "model" / "small" / "tokenizer.json",
)
SHARD_BYTES = 1 << 30
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"torch_dtype": "float32"},
    "small": {
        "vision_config": {
            "depth": 8,
            "hidden_size": 640,
            "num_heads": 8,
            "intermediate_size": 1712,
            "fullatt_block_indexes": [3, 7],
        },
        "vocab_size": 151_936,
        "hidden_size": 1024,
        "intermediate_size": 2816,
        "num_hidden_layers": 12,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
    },
    "3b": {
        "vision_config": {
            "depth": 32,
            "hidden_size": 1280,
            "num_heads": 16,
            "intermediate_size": 3420,
            "fullatt_block_indexes": [7, 15, 23, 31],
        },
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "max_position_embeddings": 128_000,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
    },
}
CONTROL = {
    "bos_token_id": "<|endoftext|>",
    "eos_token_id": "<|im_end|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
}


def make_checkpoint(shape: str, folder: Path, device: str = "cpu") -> Path:
    """Write one of SHAPES to a folder and return it; a GPU makes the values of a large one in seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    config = _with_tokenizer(shape, folder)
    weight_map: dict[str, str] = {}
    for number, part in enumerate(_shards(config, device), start=1):
        file = f"model-{number:05}.safetensors"
        save_file(part, folder / file, {"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    _write(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    _write(folder / "config.json", config)
    _write(folder / "preprocessor_config.json", preprocessor_json())
    _write(folder / "generation_config.json", {"eos_token_id": [config["eos_token_id"]], "repetition_penalty": 1.05})
    return folder


def _with_tokenizer(shape: str, folder: Path) -> dict[str, Any]:
    """Put a tokenizer.json into the folder and return the shape's config with its ids."""
    source = next((file for file in TOKENIZERS if file.exists()), None)
    if shape == "tiny" or source is None:
        (folder / "tokenizer.json").write_text(tiny_tokenizer_json(), encoding="utf-8")
    else:
        shutil.copyfile(source, folder / "tokenizer.json")
    vocabulary = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    changes = dict(SHAPES[shape])
    vision = changes.pop("vision_config", {})
    ids = {key: vocabulary.token_to_id(token) for key, token in CONTROL.items()}
    return tiny_config(vision | {"out_hidden_size": changes.get("hidden_size", 64)}, **changes | ids)


def _shards(config: dict[str, Any], device: str) -> Iterator[dict[str, Tensor]]:
    """Make the weights shard by shard, so that no more than one stands in memory."""
    generator = torch.Generator(device).manual_seed(0)
    dtype = getattr(torch, config["torch_dtype"])
    part: dict[str, Tensor] = {}
    size = 0
    for name, shape in expected_shapes(model_config(config)).items():
        spread = 0.02 if len(shape) == 1 else prod(shape[1:]) ** -0.5
        weight = torch.empty(shape, device=device).normal_(0.0, spread, generator=generator)
        part[name] = (weight + ("norm" in name or "ln_q" in name)).to(dtype).cpu()
        size += part[name].nbytes
        if size >= SHARD_BYTES:
            yield part
            part, size = {}, 0
    if part:
        yield part


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=1), encoding="utf-8")


def main() -> None:
    """Read the two arguments and write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu", help="where the values are made")
    arguments = parser.parse_args()
    print(make_checkpoint(arguments.shape, arguments.folder, arguments.device))


if __name__ == "__main__":
    main()
