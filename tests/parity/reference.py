"""Both sides of a comparison: transformers' model and ours, with the same random weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from model.attention import Backend
from model.config import model_config
from model.preprocess import MediaTensors
from model.qwen import QwenVL
from tests.parity.shapes import IMAGE, VIDEO, Shape
from tests.tiny import random_weights, stored_name

MODULE_LIMIT, LOGIT_LIMIT = 1e-5, 1e-4


@dataclass(frozen=True)
class Pair:
    """One checkpoint on both sides."""

    shape: Shape
    theirs: Any
    ours: QwenVL


def make_weights(shape: Shape) -> dict[str, Tensor]:
    """Random weights under the published names, norms and biases included, so that no term is a silent 0 or 1."""
    weights = random_weights(shape.config(), seed=len(shape.name))
    # Rounding alone grows with the values: sums of 1176 larger products, or tied logits of 50, would pass the limits.
    weights["visual.patch_embed.proj.weight"] *= 0.5
    weights["model.embed_tokens.weight"] *= 0.2
    return weights


def make_reference(shape: Shape, weights: dict[str, Tensor]) -> Any:
    """Build the reference with these weights."""
    keys = {key: value for key, value in shape.config().items() if key not in ("model_type", "architectures")}
    theirs = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**keys, attn_implementation="eager"))
    state = {stored_name(name, "nested"): value for name, value in weights.items()}
    if shape.tied:
        state["lm_head.weight"] = weights["model.embed_tokens.weight"]
    theirs.load_state_dict(state, strict=True)
    return theirs.eval().float().requires_grad_(False)


def make_pair(shape: Shape) -> Pair:
    """Build both sides of one shape of config."""
    weights = make_weights(shape)
    ours = QwenVL(model_config(shape.config()), Backend("eager", "parity")).eval().requires_grad_(False)
    ours.load_state_dict(weights, strict=True)
    return Pair(shape, make_reference(shape, weights), ours)


def reference_inputs(ids: Tensor, media: Sequence[MediaTensors]) -> dict[str, Tensor]:
    """Arrange ids (B, S) and media as the reference takes them: pictures apart from clips, kinds marked."""
    inputs = {"input_ids": ids, "mm_token_type_ids": (ids == IMAGE).int() + 2 * (ids == VIDEO).int()}
    for kind, name, values in (("image", "image", "pixel_values"), ("video", "video", "pixel_values_videos")):
        chosen = [item for item in media if item.kind == kind]
        if chosen:
            inputs[values] = torch.cat([item.patches for item in chosen])
            inputs[f"{name}_grid_thw"] = torch.tensor([item.grid for item in chosen])
    return inputs


def assert_close(ours: Tensor, theirs: Tensor, limit: float, what: str) -> None:
    """Print the largest and the mean difference, and fail above `limit`; values must be worth comparing."""
    assert ours.shape == theirs.shape, f"{what}: {tuple(ours.shape)} against {tuple(theirs.shape)}"
    assert 0.05 < theirs.std() < 50, f"{what}: values of spread {theirs.std():.3g} make no proof"
    apart = (ours - theirs).abs()
    print(f"{what}: max {apart.max():.2e}, mean {apart.mean():.2e}, of values up to {theirs.abs().max():.2f}")
    assert apart.max() <= limit, f"{what}: differs by {apart.max():.2e}, more than {limit:.0e}"
