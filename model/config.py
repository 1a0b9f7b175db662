"""Frozen configurations of every part, read from the published JSON files.

Flat (older hub layout) and nested (`text_config`, `rope_parameters`) config.json become one form here, so that the
rest of the code sees a single shape. Values this network does not implement are refused by name. No torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from model.errors import ConfigError
from model.reading import (
    DAMAGED,
    MAX_LAYERS,
    MAX_NUMBER,
    MAX_PIXELS,
    Json,
    mapping,
    number,
    numbers,
    refuse,
    share,
    whole,
)

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
MAX_TOTAL_TOKENS = 128_000
VIDEO_TOKEN_SHARE = 0.9
# What a key of these sections means that is not there: the reference's classes have these values, and a file may hold
# only what differs from them. Keys with a default in the classes below need no line here.
VISION_DEFAULTS: Json = {
    "depth": 32,
    "hidden_size": 3584,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 3584,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
TEXT_DEFAULTS: Json = {
    "vocab_size": 152_064,
    "hidden_size": 8192,
    "intermediate_size": 29_568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
}


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
    tokens_per_second: float = 4.0

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
    rms_norm_eps: float = 1e-5
    rope_theta: float = 1_000_000.0
    max_position_embeddings: int = 32_768
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
    """What generation_config.json asks for; sampling values are used only when sampling is asked for.

    Two words are this project's own: `single_turn` says that a model was taught single questions, no conversations;
    an answer whose mean token probability is below `low_confidence` is uncertain, by what was measured of the model.
    """

    eos_token_ids: tuple[int, ...] = ()
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    single_turn: bool = False
    low_confidence: float | None = None


def vision_config(source: Json) -> VisionConfig:
    """Read `vision_config`; both `in_channels` and the older `in_chans` are understood."""
    where, source = "vision_config", {**VISION_DEFAULTS, **source}
    refuse(source, where, {"hidden_act": ("silu",), "spatial_merge_size": (2,), "temporal_patch_size": (2,)})
    hidden, heads = whole(source, "hidden_size", where), whole(source, "num_heads", where)
    if hidden % heads or (hidden // heads) % 4:
        raise ConfigError(f"{where}: hidden_size {hidden} does not split into {heads} rotary heads", DAMAGED)
    depth = whole(source, "depth", where, most=MAX_LAYERS)
    full = tuple(numbers(source.get("fullatt_block_indexes"), f"{where}: fullatt_block_indexes"))
    if any(not 0 <= index < depth for index in full):
        raise ConfigError(f"{where}: fullatt_block_indexes {list(full)} outside 0..{depth - 1}", DAMAGED)
    config = VisionConfig(
        depth=depth,
        hidden_size=hidden,
        intermediate_size=whole(source, "intermediate_size", where),
        num_heads=heads,
        out_hidden_size=whole(source, "out_hidden_size", where),
        fullatt_block_indexes=full,
        in_channels=whole(source, "in_channels", where, whole(source, "in_chans", where, 3)),
        patch_size=whole(source, "patch_size", where, 14),
        window_size=whole(source, "window_size", where, 112),
        tokens_per_second=number(source, "tokens_per_second", where, VisionConfig.tokens_per_second),
    )
    if config.window_size % (config.patch_size * config.spatial_merge_size):
        raise ConfigError(f"{where}: window_size {config.window_size} is not a multiple of the merged patch", DAMAGED)
    return config


def _rope(source: Json, head_dim: int) -> tuple[float, tuple[int, int, int]]:
    """Return (theta, section) from `rope_parameters` (nested) or `rope_scaling` beside `rope_theta` (flat)."""
    rope = mapping(source.get("rope_parameters") or source.get("rope_scaling"), "rope_scaling")
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ("default", "mrope"):
        raise ConfigError(f"rope type {kind!r} is not supported", "only 'mrope' and 'default' are")
    section = numbers(rope.get("mrope_section"), "mrope_section")
    if len(section) != 3 or min(section) < 1 or sum(section) != head_dim // 2:
        raise ConfigError(f"mrope_section {section} does not split half a head ({head_dim // 2})", DAMAGED)
    theta = number(rope, "rope_theta", "rope_scaling", number(source, "rope_theta", "text_config", 1_000_000.0))
    return theta, (section[0], section[1], section[2])


def text_config(source: Json, tied: bool) -> TextConfig:
    """Read the decoder's keys from a flat config or from `text_config`."""
    where = "text_config"
    refuse(source, where, {"hidden_act": ("silu",), "use_sliding_window": (False, None)})
    hidden, heads = whole(source, "hidden_size", where), whole(source, "num_attention_heads", where)
    kv_heads = whole(source, "num_key_value_heads", where, heads)
    if heads % kv_heads:
        raise ConfigError(f"{where}: {heads} query heads do not share {kv_heads} key/value heads", DAMAGED)
    head_dim = whole(source, "head_dim", where, hidden // heads)
    theta, section = _rope(source, head_dim)
    positions = whole(source, "max_position_embeddings", where, TextConfig.max_position_embeddings)
    return TextConfig(
        vocab_size=whole(source, "vocab_size", where),
        hidden_size=hidden,
        intermediate_size=whole(source, "intermediate_size", where),
        num_hidden_layers=whole(source, "num_hidden_layers", where, most=MAX_LAYERS),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        mrope_section=section,
        rms_norm_eps=number(source, "rms_norm_eps", where, TextConfig.rms_norm_eps),
        rope_theta=theta,
        max_position_embeddings=positions,
        tie_word_embeddings=tied,
    )


def model_config(source: Json) -> ModelConfig:
    """Turn a flat or nested config.json into one form; raise ConfigError naming key and value when it cannot."""
    where = "config.json"
    refuse(source, where, {"model_type": ("qwen2_5_vl",)})
    if not isinstance(source.get("vision_config"), Mapping):
        raise ConfigError("config.json has no 'vision_config'", "the folder does not hold a Qwen2.5-VL checkpoint")
    text = source  # a flat file spells out its decoder
    if source.get("text_config") is not None:
        text = {**TEXT_DEFAULTS, **mapping(source["text_config"], "text_config")}
    tied = source.get("tie_word_embeddings") or text.get("tie_word_embeddings")
    vision = vision_config(source["vision_config"])
    decoder = text_config(text, bool(tied))
    if vision.out_hidden_size != decoder.hidden_size:
        raise ConfigError(
            f"vision out_hidden_size {vision.out_hidden_size} differs from hidden_size {decoder.hidden_size}", DAMAGED
        )

    def token(key: str, default: int) -> int:
        return whole(source, key, where, whole(text, key, where, default, least=0), least=0)

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
    size, where = mapping(source.get("size"), "size"), "preprocessor_config.json"

    def limit(own: str, newer: str, default: int) -> int:
        either = whole(size, newer, where, whole(size, own, where, default, MAX_PIXELS), MAX_PIXELS)
        return whole(source, own, where, either, MAX_PIXELS)

    least, most = limit("min_pixels", "shortest_edge", low), limit("max_pixels", "longest_edge", high)
    if least > most:
        raise ConfigError(f"min_pixels {least} and max_pixels {most} leave no size", DAMAGED)
    return least, most


def _channels(source: Json, key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
    values = numbers(source.get(key, default), key, (int, float))
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
    clip = mapping(video, there)
    frame_least = whole(clip, "frame_min_pixels", there, default.video_min_pixels, MAX_PIXELS)
    frame_most = whole(clip, "frame_max_pixels", there, default.video_max_pixels, MAX_PIXELS)
    if frame_least > frame_most:
        raise ConfigError(f"frame_min_pixels {frame_least} and frame_max_pixels {frame_most} leave no size", DAMAGED)
    return PreprocessConfig(
        patch_size=whole(image, "patch_size", where, default.patch_size),
        temporal_patch_size=whole(image, "temporal_patch_size", where, default.temporal_patch_size),
        merge_size=whole(image, "merge_size", where, default.merge_size),
        min_pixels=least,
        max_pixels=most,
        video_min_pixels=frame_least,
        video_max_pixels=frame_most,
        video_total_pixels=whole(clip, "total_pixels", there, default.video_total_pixels, MAX_PIXELS),
        video_max_frames=whole(clip, "max_frames", there, default.video_max_frames),
        image_mean=_channels(image, "image_mean", IMAGE_MEAN),
        image_std=_channels(image, "image_std", IMAGE_STD),
    )


def generation_defaults(source: Json) -> GenerationDefaults:
    """Read generation_config.json; `eos_token_id` may be one id or a list."""
    where, eos = "generation_config.json", source.get("eos_token_id")
    ends = numbers([eos] if isinstance(eos, int) else eos, f"{where}: eos_token_id")
    return GenerationDefaults(
        eos_token_ids=tuple(ends),
        repetition_penalty=number(source, "repetition_penalty", where, 1.0),
        temperature=number(source, "temperature", where, 1.0),
        top_p=number(source, "top_p", where, 1.0),
        top_k=whole(source, "top_k", where, 0, least=0),
        single_turn=source.get("single_turn") is True,
        low_confidence=share(source, "low_confidence", where),
    )
