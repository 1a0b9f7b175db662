"""Configurations: both published forms become one, and nothing but a typed error comes out of a damaged one."""

import json
import random
from copy import deepcopy
from math import prod
from pathlib import Path
from typing import Any

import pytest

from model.config import (
    GenerationDefaults,
    generation_defaults,
    model_config,
    preprocess_config,
)
from model.errors import ConfigError, ModelError
from model.parameters import expected_shapes
from model.reading import read_json
from tests.tiny import nested_config, preprocessor_json, tiny_config

Json = dict[str, Any]

# config.json of Qwen/Qwen2.5-VL-3B-Instruct; the 7B one differs in what stands below it.
PUBLISHED_3B: Json = {
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_token_id": 151654,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "hidden_act": "silu",
    "hidden_size": 2048,
    "initializer_range": 0.02,
    "intermediate_size": 11008,
    "max_position_embeddings": 128000,
    "max_window_layers": 70,
    "model_type": "qwen2_5_vl",
    "num_attention_heads": 16,
    "num_hidden_layers": 36,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vision_config": {
        "depth": 32,
        "hidden_act": "silu",
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "in_chans": 3,
        "out_hidden_size": 2048,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 2,
        "temporal_patch_size": 2,
    },
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vocab_size": 151936,
}
CHANGES_7B: Json = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
    "vision_config": PUBLISHED_3B["vision_config"] | {"out_hidden_size": 3584},
}
# A vision_config of the 32B shape that holds only what differs from the values of the reference's class.
SHORT_32B: Json = {
    "hidden_size": 1280,
    "in_chans": 3,
    "intermediate_size": 3456,
    "model_type": "qwen2_5_vl",
    "out_hidden_size": 5120,
    "spatial_patch_size": 14,
    "tokens_per_second": 2,
    "torch_dtype": "bfloat16",
}
CHANGES_32B: Json = {
    "hidden_size": 5120,
    "intermediate_size": 27_648,
    "num_attention_heads": 40,
    "num_hidden_layers": 64,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "vocab_size": 152_064,
    "vision_config": SHORT_32B,
}


@pytest.mark.parametrize(("changes", "parameters"), [({}, 3_754_622_976), (CHANGES_7B, 8_292_166_656)])
def test_published_sizes_have_the_published_number_of_parameters(changes: Json, parameters: int) -> None:
    config = model_config(PUBLISHED_3B | changes)
    assert sum(prod(shape) for shape in expected_shapes(config).values()) == parameters
    assert (config.text.head_dim, config.text.mrope_section, config.vision.head_dim) == (128, (16, 24, 24), 80)
    assert (config.vision.window_tokens, config.vision.merge_unit) == (4, 4)


@pytest.mark.parametrize("source", [PUBLISHED_3B, PUBLISHED_3B | CHANGES_7B, tiny_config()])
def test_flat_and_nested_become_one(source: Json) -> None:
    assert model_config(nested_config(source)) == model_config(source)


def test_what_a_file_leaves_out_is_what_the_reference_means() -> None:
    whole = PUBLISHED_3B["vision_config"] | {"out_hidden_size": 5120, "intermediate_size": 3456}
    short = model_config(PUBLISHED_3B | CHANGES_32B)
    assert short == model_config(PUBLISHED_3B | CHANGES_32B | {"vision_config": whole})
    assert short.vision.fullatt_block_indexes == (7, 15, 23, 31) and short.vision.tokens_per_second == 2
    windows = model_config(PUBLISHED_3B | CHANGES_32B | {"vision_config": SHORT_32B | {"fullatt_block_indexes": []}})
    assert windows.vision.fullatt_block_indexes == ()
    nested = nested_config(PUBLISHED_3B | CHANGES_32B)
    left = {key: nested["text_config"].pop(key) for key in ("num_key_value_heads", "vocab_size")}
    assert (model_config(nested).text.num_key_value_heads, model_config(nested).text.vocab_size) == tuple(left.values())
    with pytest.raises(ConfigError, match="fullatt_block_indexes"):  # rather than windows everywhere
        model_config(PUBLISHED_3B | CHANGES_32B | {"vision_config": SHORT_32B | {"depth": 24}})


def test_spellings_of_one_thing() -> None:
    wanted = model_config(tiny_config())
    newer = tiny_config()
    newer["vision_config"]["in_channels"] = newer["vision_config"].pop("in_chans")
    newer["rope_scaling"] = {"type": "default", "rope_type": "default", "mrope_section": [2, 3, 3]}
    newer["dtype"] = newer.pop("torch_dtype")
    assert model_config(newer) == wanted
    inside = nested_config(tiny_config(tie_word_embeddings=True))
    inside["text_config"]["tie_word_embeddings"] = inside.pop("tie_word_embeddings")
    assert model_config(inside).text.tie_word_embeddings
    assert model_config(inside | {"tie_word_embeddings": False}).text.tie_word_embeddings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "qwen3_vl"}, "model_type = 'qwen3_vl'"),
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
        ({"use_sliding_window": True}, "use_sliding_window = True"),
        ({"rope_scaling": {"type": "yarn", "mrope_section": [2, 3, 3]}}, "rope type 'yarn'"),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 4]}}, r"mrope_section \[2, 3, 4\]"),
        ({"rope_scaling": None}, r"mrope_section \[\]"),
        ({"num_key_value_heads": 3}, "4 query heads do not share 3"),
        ({"num_hidden_layers": 0}, "num_hidden_layers = 0"),
        ({"hidden_size": "64"}, "hidden_size = '64'"),
        ({"vocab_size": True}, "vocab_size = True"),
        ({"vision_config": None}, "vision_config"),
        ({"vision": {"out_hidden_size": 32}}, "out_hidden_size 32 differs from hidden_size 64"),
        ({"vision": {"spatial_merge_size": 3}}, "spatial_merge_size = 3"),
        ({"vision": {"temporal_patch_size": 1}}, "temporal_patch_size = 1"),
        ({"vision": {"num_heads": 3}}, "hidden_size 32 does not split into 3"),
        ({"vision": {"fullatt_block_indexes": [4]}}, r"fullatt_block_indexes \[4\] outside 0..3"),
        ({"vision": {"window_size": 100}}, "window_size 100"),
    ],
)
def test_what_this_network_does_not_do_is_named(changes: Json, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        model_config(tiny_config(**changes))
    assert caught.value.hint


@pytest.mark.parametrize("key", ["hidden_size", "intermediate_size", "vocab_size", "num_attention_heads"])
def test_a_missing_key_is_named(key: str) -> None:
    source = tiny_config()
    del source[key]
    with pytest.raises(ConfigError, match=key):
        model_config(source)


def damage(whole: Json, draw: random.Random) -> Json:
    """Replace, remove or spoil one value anywhere in a JSON object."""
    key = draw.choice(sorted(whole))
    if draw.random() < 0.1:
        return {k: v for k, v in whole.items() if k != key}
    return whole | {key: spoilt(whole[key], draw)}


def spoilt(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict) and value and draw.random() < 0.9:
        return damage(value, draw)
    if isinstance(value, list) and value and draw.random() < 0.5:
        place = draw.randrange(len(value))
        return [*value[:place], spoilt(value[place], draw), *value[place + 1 :]]
    return draw.choice([None, True, 0, -1, 2.5, 1e400, float("nan"), "", "x", [], [0], ["x"], {}, {"a": 1}, 10**30])


@pytest.mark.parametrize("nested", [False, True])
def test_damaged_configs_give_only_typed_errors(nested: bool) -> None:
    draw = random.Random(0)
    whole = nested_config(tiny_config()) if nested else tiny_config()
    refused = 0
    for _ in range(3000):
        try:
            model_config(damage(deepcopy(whole), draw))
        except ModelError as error:
            refused += 1
            assert error.message and error.hint
    assert refused > 1000


def test_damaged_neighbours_give_only_typed_errors() -> None:
    draw = random.Random(0)
    video = {"frame_min_pixels": 784, "frame_max_pixels": 7840, "total_pixels": 78400, "max_frames": 16}
    ends = {"eos_token_id": [1, 2], "repetition_penalty": 1.05, "temperature": 0.1, "top_p": 0.9, "top_k": 20}
    refused = 0
    for _ in range(3000):
        for read, source in ((preprocess_config, preprocessor_json()), (generation_defaults, ends)):
            try:
                read(damage(deepcopy(source), draw))
            except ModelError as error:
                refused += 1
                assert error.message and error.hint
        try:
            preprocess_config(preprocessor_json(), damage(video, draw))
        except ModelError:
            refused += 1
    assert refused > 1000


def test_limits_in_both_spellings() -> None:
    older, newer = preprocessor_json(), preprocessor_json()
    del newer["min_pixels"], newer["max_pixels"]
    newer["size"] = {"shortest_edge": 3136, "longest_edge": 12_845_056}
    assert preprocess_config(newer) == preprocess_config(older)
    assert preprocess_config(older).factor == 28
    with pytest.raises(ConfigError, match="leave no size"):
        preprocess_config(older | {"min_pixels": 100, "max_pixels": 99})


def test_published_limits_of_clips() -> None:
    """128 and 768 tokens a frame; the whole clip within 90 % of 128000 tokens of 28 x 28 pixels."""
    read = preprocess_config(preprocessor_json())
    clip = (read.video_min_pixels, read.video_max_pixels, read.video_total_pixels, read.video_max_frames)
    assert clip == (128 * 784, 768 * 784, 90_316_800, 768)
    own = {"frame_min_pixels": 784, "frame_max_pixels": 7840, "total_pixels": 78400, "max_frames": 16}
    read = preprocess_config(preprocessor_json(), own)
    assert (read.video_min_pixels, read.video_max_pixels, read.video_total_pixels) == (784, 7840, 78400)


def test_generation_defaults() -> None:
    published = {"do_sample": True, "eos_token_id": [151645, 151643], "repetition_penalty": 1.05, "temperature": 1e-06}
    assert generation_defaults(published) == GenerationDefaults((151645, 151643), 1.05, 1e-6, 1.0, 0)
    assert generation_defaults({"eos_token_id": 7}).eos_token_ids == (7,)
    assert generation_defaults({"eos_token_id": 0}).eos_token_ids == (0,)
    assert generation_defaults({"eos_token_id": None, "top_p": None}) == GenerationDefaults()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 200_000])
def test_unreadable_json_is_a_typed_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_json(file)
    file.write_text(json.dumps({"a": 1}))
    assert read_json(file) == {"a": 1}
    with pytest.raises(ConfigError, match="missing"):
        read_json(tmp_path / "none.json")
