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
    def patch_dim(self) -> int:
        """Values in one flattened patch (channels x time x height x width)."""
        return self.in_channels * self.temporal_patch_size * self.patch_size**2

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
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}", "download the file again") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds {type(value).__name__}, not a JSON object", "download the file again")
    return value


def _need(source: Json, key: str, where: str, kinds: type | tuple[type, ...] = int) -> Any:
    if key not in source:
        raise ConfigError(f"{where} has no {key!r}", "the folder does not hold a Qwen2.5-VL config.json")
    value = source[key]
    if not isinstance(value, kinds) or isinstance(value, bool) or (isinstance(value, int | float) and value <= 0):
        raise ConfigError(f"{where}: {key} = {value!r} is not usable", "the config.json is damaged")
    return value


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
    hidden, heads = _need(source, "hidden_size", where), _need(source, "num_heads", where)
    if hidden % heads or (hidden // heads) % 4:
        raise ConfigError(f"{where}: hidden_size {hidden} does not split into {heads} rotary heads", "damaged config")
    depth = _need(source, "depth", where)
    full = tuple(source.get("fullatt_block_indexes", ()))
    if any(not isinstance(index, int) or not 0 <= index < depth for index in full):
        raise ConfigError(f"{where}: fullatt_block_indexes {list(full)} outside 0..{depth - 1}", "damaged config")
    config = VisionConfig(
        depth=depth,
        hidden_size=hidden,
        intermediate_size=_need(source, "intermediate_size", where),
        num_heads=heads,
        out_hidden_size=_need(source, "out_hidden_size", where),
        fullatt_block_indexes=full,
        in_channels=source.get("in_channels", source.get("in_chans", 3)),
        patch_size=source.get("patch_size", 14),
        window_size=source.get("window_size", 112),
        tokens_per_second=float(source.get("tokens_per_second", 2)),
    )
    if config.window_size % (config.patch_size * config.spatial_merge_size):
        raise ConfigError(f"{where}: window_size {config.window_size} is not a multiple of the merged patch", "damaged")
    return config


def _rope(source: Json, head_dim: int) -> tuple[float, tuple[int, int, int]]:
    """Return (theta, section) from `rope_parameters` (nested) or `rope_scaling` beside `rope_theta` (flat)."""
    rope = source.get("rope_parameters") or source.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ("default", "mrope"):
        raise ConfigError(f"rope type {kind!r} is not supported", "only 'mrope' and 'default' are")
    section = tuple(rope.get("mrope_section", ()))
    if len(section) != 3 or not all(isinstance(n, int) and n > 0 for n in section) or sum(section) != head_dim // 2:
        raise ConfigError(
            f"mrope_section {list(section)} does not split half a head ({head_dim // 2})", "damaged config"
        )
    theta = rope.get("rope_theta") or source.get("rope_theta") or 1_000_000.0
    return float(theta), (section[0], section[1], section[2])


def text_config(source: Json, tied: bool) -> TextConfig:
    """Read the decoder's keys from a flat config or from `text_config`."""
    where = "text_config"
    _refuse(source, where, {"hidden_act": ("silu",), "use_sliding_window": (False, None)})
    hidden, heads = _need(source, "hidden_size", where), _need(source, "num_attention_heads", where)
    kv_heads = source.get("num_key_value_heads", heads)
    if heads % kv_heads:
        raise ConfigError(f"{where}: {heads} query heads do not share {kv_heads} key/value heads", "damaged config")
    head_dim = source.get("head_dim") or hidden // heads
    theta, section = _rope(source, head_dim)
    return TextConfig(
        vocab_size=_need(source, "vocab_size", where),
        hidden_size=hidden,
        intermediate_size=_need(source, "intermediate_size", where),
        num_hidden_layers=_need(source, "num_hidden_layers", where),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        mrope_section=section,
        rms_norm_eps=float(source.get("rms_norm_eps", 1e-6)),
        rope_theta=theta,
        max_position_embeddings=source.get("max_position_embeddings", 128_000),
        tie_word_embeddings=tied,
    )


def model_config(source: Json) -> ModelConfig:
    """Turn a flat or nested config.json into one form; raise ConfigError naming key and value when it cannot."""
    _refuse(source, "config.json", {"model_type": ("qwen2_5_vl",)})
    if not isinstance(source.get("vision_config"), Mapping):
        raise ConfigError("config.json has no 'vision_config'", "the folder does not hold a Qwen2.5-VL checkpoint")
    nested = source.get("text_config")
    text = nested if isinstance(nested, Mapping) else source
    tied = source.get("tie_word_embeddings", text.get("tie_word_embeddings", False))
    vision = vision_config(source["vision_config"])
    decoder = text_config(text, bool(tied))
    if vision.out_hidden_size != decoder.hidden_size:
        raise ConfigError(
            f"vision out_hidden_size {vision.out_hidden_size} differs from hidden_size {decoder.hidden_size}",
            "the config.json is damaged",
        )
    return ModelConfig(
        vision=vision,
        text=decoder,
        image_token_id=source.get("image_token_id", 151_655),
        video_token_id=source.get("video_token_id", 151_656),
        vision_start_token_id=source.get("vision_start_token_id", text.get("vision_start_token_id", 151_652)),
        vision_end_token_id=source.get("vision_end_token_id", text.get("vision_end_token_id", 151_653)),
        dtype=str(source.get("dtype", source.get("torch_dtype", text.get("torch_dtype", "bfloat16")))),
    )


def _limits(source: Json, low: int, high: int) -> tuple[int, int]:
    """Read `min_pixels`/`max_pixels`, or the newer `size.{shortest,longest}_edge` which also counts pixels."""
    size = source.get("size") or {}
    least = source.get("min_pixels") or size.get("shortest_edge") or size.get("min_pixels") or low
    most = source.get("max_pixels") or size.get("longest_edge") or size.get("max_pixels") or high
    if not 0 < least <= most:
        raise ConfigError(
            f"min_pixels {least} and max_pixels {most} leave no size", "the preprocessor config is damaged"
        )
    return int(least), int(most)


def preprocess_config(image: Json, video: Json | None = None) -> PreprocessConfig:
    """Read preprocessor_config.json and, where there is one, video_preprocessor_config.json.

    The per-frame limits of videos come from `frame_min_pixels` / `frame_max_pixels` of the video file (this project's
    own keys, since the published file states limits of a whole clip) and else from the published defaults.
    """
    default = PreprocessConfig()
    least, most = _limits(image, default.min_pixels, default.max_pixels)
    clip: Json = video or {}
    mean, std = image.get("image_mean", IMAGE_MEAN), image.get("image_std", IMAGE_STD)
    return PreprocessConfig(
        patch_size=image.get("patch_size", 14),
        temporal_patch_size=image.get("temporal_patch_size", 2),
        merge_size=image.get("merge_size", 2),
        min_pixels=least,
        max_pixels=most,
        video_min_pixels=clip.get("frame_min_pixels", default.video_min_pixels),
        video_max_pixels=clip.get("frame_max_pixels", default.video_max_pixels),
        video_total_pixels=clip.get("total_pixels", default.video_total_pixels),
        video_max_frames=clip.get("max_frames", default.video_max_frames),
        image_mean=(mean[0], mean[1], mean[2]),
        image_std=(std[0], std[1], std[2]),
    )


def generation_defaults(source: Json) -> GenerationDefaults:
    """Read generation_config.json; `eos_token_id` may be one id or a list."""
    eos = source.get("eos_token_id", ())
    return GenerationDefaults(
        eos_token_ids=(eos,) if isinstance(eos, int) else tuple(eos or ()),
        repetition_penalty=float(source.get("repetition_penalty") or 1.0),
        temperature=float(source.get("temperature") or 1.0),
        top_p=float(source.get("top_p") or 1.0),
        top_k=int(source.get("top_k") or 0),
    )
