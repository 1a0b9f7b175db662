"""Frozen configurations of every part, read from the published JSON files.

Flat (older hub layout) and nested (`text_config`, `rope_parameters`) config.json become one form here, so that the
rest of the code sees a single shape. Values this network does not implement are refused by name. No torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import ConfigError

Json = Mapping[str, Any]

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
MAX_TOTAL_TOKENS = 128_000
VIDEO_TOKEN_SHARE = 0.9
# Beyond these a number in a file is damage, and sizes made from it would only exhaust the machine.
MAX_SIZE, MAX_LAYERS, MAX_PIXELS, MAX_NUMBER = 1 << 24, 1024, 1 << 40, 1e12
DAMAGED = "the file is damaged: download it again"


@dataclass(frozen=True)
class VisionConfig:
    """The vision tower: widths in channels, `window_size` in pixels, `patch_size` in pixels."""

    depth: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    out_hidden_size: int
    fullatt_block_indexes: tuple[int, ...]
    in_channels: int = 3
    patch_size: int = 14
    spatial_merge_size: int = 2
    temporal_patch_size: int = 2
    window_size: int = 112
    tokens_per_second: float = 2.0

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_heads

    @property
    def merge_unit(self) -> int:
        """Patches that become one merged token."""
        return self.spatial_merge_size**2

    @property
    def window_tokens(self) -> int:
        """Side of a full window, in merged tokens."""
        return self.window_size // self.patch_size // self.spatial_merge_size


@dataclass(frozen=True)
class TextConfig:
    """The decoder."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    mrope_section: tuple[int, int, int]
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1_000_000.0
    max_position_embeddings: int = 128_000
    tie_word_embeddings: bool = False


@dataclass(frozen=True)
class ModelConfig:
    """A whole checkpoint: both parts and the ids of the placeholder tokens."""

    vision: VisionConfig
    text: TextConfig
    image_token_id: int
    video_token_id: int
    vision_start_token_id: int
    vision_end_token_id: int
    dtype: str = "bfloat16"


@dataclass(frozen=True)
class PreprocessConfig:
    """How pictures and frames become patches: limits in pixels, mean and deviation per RGB channel in 0..1."""

    patch_size: int = 14
    temporal_patch_size: int = 2
    merge_size: int = 2
    min_pixels: int = 4 * 28 * 28
    max_pixels: int = 16384 * 28 * 28
    video_min_pixels: int = 128 * 28 * 28
    video_max_pixels: int = 768 * 28 * 28
    video_total_pixels: int = int(MAX_TOTAL_TOKENS * 28 * 28 * VIDEO_TOKEN_SHARE)
    video_max_frames: int = 768
    image_mean: tuple[float, float, float] = IMAGE_MEAN
    image_std: tuple[float, float, float] = IMAGE_STD

    @property
    def factor(self) -> int:
        """Sides of resized pictures are multiples of this many pixels."""
        return self.patch_size * self.merge_size


@dataclass(frozen=True)
class GenerationDefaults:
    """What generation_config.json asks for; sampling values are used only when sampling is asked for."""

    eos_token_ids: tuple[int, ...] = ()
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object; raise ConfigError when the file is missing, torn or not an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path.name} is missing in {path.parent}", "point --model at a complete folder") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}", "download the file again") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds {type(value).__name__}, not a JSON object", "download the file again")
    return value


def _whole(source: Json, key: str, where: str, default: int | None = None, most: int = MAX_SIZE, least: int = 1) -> int:
    """Read a whole number; a key without a default must be there."""
    value = source.get(key)
    if value is None and default is not None:
        return default
    if key not in source:
        raise ConfigError(f"{where} has no {key!r}", "the folder does not hold a Qwen2.5-VL config.json")
    if type(value) is not int or not least <= value <= most:
        raise ConfigError(f"{where}: {key} = {value!r} is not usable", DAMAGED)
    return value


def _number(source: Json, key: str, where: str, default: float) -> float:
    """Read a positive number; null and 0 mean the default, as in files that spell out what they do not use."""
    value = source.get(key) or default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MAX_NUMBER:
        raise ConfigError(f"{where}: {key} = {value!r} is not usable", DAMAGED)
    return float(value)


def _section(value: Any, where: str) -> Json:
    """Read a JSON object that may be left out."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {value!r}, not a JSON object", DAMAGED)
    return value


def _list(value: Any, where: str, kinds: type | tuple[type, ...] = int) -> list[Any]:
    """Read a list of numbers; null is an empty one."""
    items = [] if value is None else value
    if not isinstance(items, list | tuple) or not all(isinstance(x, kinds) and type(x) is not bool for x in items):
        raise ConfigError(f"{where} {value!r} is not a list of numbers", DAMAGED)
    return list(items)


def _refuse(source: Json, where: str, allowed: Mapping[str, tuple[Any, ...]]) -> None:
    for key, values in allowed.items():
        if key in source and source[key] not in values:
            raise ConfigError(
                f"{where}: {key} = {source[key]!r} is not supported (only {', '.join(map(repr, values))})",
                "this program runs checkpoints of the Qwen2.5-VL architecture",
            )


def vision_config(source: Json) -> VisionConfig:
    """Read `vision_config`; both `in_channels` and the older `in_chans` are understood."""
    where = "vision_config"
    _refuse(source, where, {"hidden_act": ("silu",), "spatial_merge_size": (2,), "temporal_patch_size": (2,)})
    hidden, heads = _whole(source, "hidden_size", where), _whole(source, "num_heads", where)
    if hidden % heads or (hidden // heads) % 4:
        raise ConfigError(f"{where}: hidden_size {hidden} does not split into {heads} rotary heads", DAMAGED)
    depth = _whole(source, "depth", where, most=MAX_LAYERS)
    full = tuple(_list(source.get("fullatt_block_indexes"), f"{where}: fullatt_block_indexes"))
    if any(not 0 <= index < depth for index in full):
        raise ConfigError(f"{where}: fullatt_block_indexes {list(full)} outside 0..{depth - 1}", DAMAGED)
    config = VisionConfig(
        depth=depth,
        hidden_size=hidden,
        intermediate_size=_whole(source, "intermediate_size", where),
        num_heads=heads,
        out_hidden_size=_whole(source, "out_hidden_size", where),
        fullatt_block_indexes=full,
        in_channels=_whole(source, "in_channels", where, _whole(source, "in_chans", where, 3)),
        patch_size=_whole(source, "patch_size", where, 14),
        window_size=_whole(source, "window_size", where, 112),
        tokens_per_second=_number(source, "tokens_per_second", where, 2.0),
    )
    if config.window_size % (config.patch_size * config.spatial_merge_size):
        raise ConfigError(f"{where}: window_size {config.window_size} is not a multiple of the merged patch", DAMAGED)
    return config


def _rope(source: Json, head_dim: int) -> tuple[float, tuple[int, int, int]]:
    """Return (theta, section) from `rope_parameters` (nested) or `rope_scaling` beside `rope_theta` (flat)."""
    rope = _section(source.get("rope_parameters") or source.get("rope_scaling"), "rope_scaling")
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ("default", "mrope"):
        raise ConfigError(f"rope type {kind!r} is not supported", "only 'mrope' and 'default' are")
    section = _list(rope.get("mrope_section"), "mrope_section")
    if len(section) != 3 or min(section) < 1 or sum(section) != head_dim // 2:
        raise ConfigError(f"mrope_section {section} does not split half a head ({head_dim // 2})", DAMAGED)
    theta = _number(rope, "rope_theta", "rope_scaling", _number(source, "rope_theta", "text_config", 1_000_000.0))
    return theta, (section[0], section[1], section[2])


def text_config(source: Json, tied: bool) -> TextConfig:
    """Read the decoder's keys from a flat config or from `text_config`."""
    where = "text_config"
    _refuse(source, where, {"hidden_act": ("silu",), "use_sliding_window": (False, None)})
    hidden, heads = _whole(source, "hidden_size", where), _whole(source, "num_attention_heads", where)
    kv_heads = _whole(source, "num_key_value_heads", where, heads)
    if heads % kv_heads:
        raise ConfigError(f"{where}: {heads} query heads do not share {kv_heads} key/value heads", DAMAGED)
    head_dim = _whole(source, "head_dim", where, hidden // heads)
    theta, section = _rope(source, head_dim)
    return TextConfig(
        vocab_size=_whole(source, "vocab_size", where),
        hidden_size=hidden,
        intermediate_size=_whole(source, "intermediate_size", where),
        num_hidden_layers=_whole(source, "num_hidden_layers", where, most=MAX_LAYERS),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        mrope_section=section,
        rms_norm_eps=_number(source, "rms_norm_eps", where, 1e-6),
        rope_theta=theta,
        max_position_embeddings=_whole(source, "max_position_embeddings", where, 128_000),
        tie_word_embeddings=tied,
    )


def model_config(source: Json) -> ModelConfig:
    """Turn a flat or nested config.json into one form; raise ConfigError naming key and value when it cannot."""
    where = "config.json"
    _refuse(source, where, {"model_type": ("qwen2_5_vl",)})
    if not isinstance(source.get("vision_config"), Mapping):
        raise ConfigError("config.json has no 'vision_config'", "the folder does not hold a Qwen2.5-VL checkpoint")
    text = source if source.get("text_config") is None else _section(source["text_config"], "text_config")
    tied = source.get("tie_word_embeddings", text.get("tie_word_embeddings", False))
    vision = vision_config(source["vision_config"])
    decoder = text_config(text, bool(tied))
    if vision.out_hidden_size != decoder.hidden_size:
        raise ConfigError(
            f"vision out_hidden_size {vision.out_hidden_size} differs from hidden_size {decoder.hidden_size}", DAMAGED
        )

    def token(key: str, default: int) -> int:
        return _whole(source, key, where, _whole(text, key, where, default, least=0), least=0)

    return ModelConfig(
        vision=vision,
        text=decoder,
        image_token_id=token("image_token_id", 151_655),
        video_token_id=token("video_token_id", 151_656),
        vision_start_token_id=token("vision_start_token_id", 151_652),
        vision_end_token_id=token("vision_end_token_id", 151_653),
        dtype=str(source.get("dtype", source.get("torch_dtype", text.get("torch_dtype", "bfloat16")))),
    )


def _limits(source: Json, low: int, high: int) -> tuple[int, int]:
    """Read `min_pixels`/`max_pixels`, or the newer `size.{shortest,longest}_edge` which also counts pixels."""
    size, where = _section(source.get("size"), "size"), "preprocessor_config.json"

    def limit(own: str, newer: str, default: int) -> int:
        either = _whole(size, newer, where, _whole(size, own, where, default, MAX_PIXELS), MAX_PIXELS)
        return _whole(source, own, where, either, MAX_PIXELS)

    least, most = limit("min_pixels", "shortest_edge", low), limit("max_pixels", "longest_edge", high)
    if least > most:
        raise ConfigError(f"min_pixels {least} and max_pixels {most} leave no size", DAMAGED)
    return least, most


def _channels(source: Json, key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
    values = _list(source.get(key, default), key, (int, float))
    if len(values) != 3 or not all(0 < value < MAX_NUMBER for value in values):
        raise ConfigError(f"{key} {values} is not one number for each of R, G and B", DAMAGED)
    return float(values[0]), float(values[1]), float(values[2])


def preprocess_config(image: Json, video: Json | None = None) -> PreprocessConfig:
    """Read preprocessor_config.json and, where there is one, video_preprocessor_config.json.

    The per-frame limits of videos come from `frame_min_pixels` / `frame_max_pixels` of the video file (this project's
    own keys, since the published file states limits of a whole clip) and else from the published defaults.
    """
    default, where, there = PreprocessConfig(), "preprocessor_config.json", "video_preprocessor_config.json"
    least, most = _limits(image, default.min_pixels, default.max_pixels)
    clip = _section(video, there)
    frame_least = _whole(clip, "frame_min_pixels", there, default.video_min_pixels, MAX_PIXELS)
    frame_most = _whole(clip, "frame_max_pixels", there, default.video_max_pixels, MAX_PIXELS)
    if frame_least > frame_most:
        raise ConfigError(f"frame_min_pixels {frame_least} and frame_max_pixels {frame_most} leave no size", DAMAGED)
    return PreprocessConfig(
        patch_size=_whole(image, "patch_size", where, default.patch_size),
        temporal_patch_size=_whole(image, "temporal_patch_size", where, default.temporal_patch_size),
        merge_size=_whole(image, "merge_size", where, default.merge_size),
        min_pixels=least,
        max_pixels=most,
        video_min_pixels=frame_least,
        video_max_pixels=frame_most,
        video_total_pixels=_whole(clip, "total_pixels", there, default.video_total_pixels, MAX_PIXELS),
        video_max_frames=_whole(clip, "max_frames", there, default.video_max_frames),
        image_mean=_channels(image, "image_mean", IMAGE_MEAN),
        image_std=_channels(image, "image_std", IMAGE_STD),
    )


def generation_defaults(source: Json) -> GenerationDefaults:
    """Read generation_config.json; `eos_token_id` may be one id or a list."""
    where, eos = "generation_config.json", source.get("eos_token_id")
    ends = _list([eos] if isinstance(eos, int) else eos, f"{where}: eos_token_id")
    return GenerationDefaults(
        eos_token_ids=tuple(ends),
        repetition_penalty=_number(source, "repetition_penalty", where, 1.0),
        temperature=_number(source, "temperature", where, 1.0),
        top_p=_number(source, "top_p", where, 1.0),
        top_k=_whole(source, "top_k", where, 0, least=0),
    )
