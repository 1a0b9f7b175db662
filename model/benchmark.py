"""How fast one model is on this machine: every stage timed and set against the machine's own ceilings.

The media are noise and the answer is not read, since speed depends on sizes only. Medians after a warm-up; what is
measured is what `generate` calls.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.cache import KVCache
from model.config import PreprocessConfig
from model.errors import PromptError
from model.generate import GenerateOptions, generate
from model.geometry import smart_resize, video_frame_size
from model.loading import LoadedModel, load
from model.preprocess import prepare
from model.prompt import build_prompt, simple_messages
from model.roofline import (
    Ceilings,
    decode_bytes,
    machine,
    measure_ceilings,
    now,
    peak_bytes,
    prefill_flops,
    vision_flops,
)
from model.sampling import Sampler

QUESTION = "Describe what can be seen, and say what is written where something is."
SAMPLED_FPS = 2.0
Frames = npt.NDArray[np.uint8]
Stage = dict[str, float | None]


@dataclass(frozen=True)
class Settings:
    """What to load, and how much work to measure; sizes in pixels are brought within the model's limits."""

    model: str
    device: str = "auto"
    dtype: str = "auto"
    quantize: str = "none"
    attention: str = "auto"
    offline: bool = False
    runs: int = 5
    tokens: int = 32
    image_side: int = 448
    clip_frames: int = 8


@dataclass(frozen=True)
class Report:
    """What was measured: seconds, tokens, operations (FLOP) and bytes per second, shares of a ceiling from 0 to 1."""

    model: dict[str, Any]
    machine: dict[str, Any]
    work: dict[str, Any]
    stages: dict[str, Stage]
    peak_memory_bytes: int | None
    ceilings: Ceilings
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


def noise(frames: int, height: int, width: int) -> Frames:
    """Return frames (T, H, W, 3) of which no two patches are alike."""
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def measure(settings: Settings, say: Callable[[str], None] = lambda _: None) -> Report:
    """Load the model, run every stage and measure the ceilings; `say` hears what is being done."""
    say(f"loading {settings.model} …")
    began = now(torch.device("cpu"))
    loaded = load(
        settings.model,
        device=settings.device,
        dtype=settings.dtype,
        quantize=settings.quantize,
        attention=settings.attention,
        offline=settings.offline,
    )
    load_s = now(loaded.model.device) - began
    bench = Bench(loaded, settings)
    times = bench.run(say)
    # Before the ceilings, whose buffers are no part of what the model needs.
    peak = peak_bytes(loaded.model.device)
    say("measuring what the machine can do …")
    ceilings = measure_ceilings(loaded.model.device, _formats(loaded), settings.runs)
    stages = {"load": Stage(seconds=load_s)} | bench.stages(times, ceilings)
    return Report(
        model=_model_facts(loaded),
        machine=machine(loaded.model.device),
        work=bench.work(),
        stages=stages,
        peak_memory_bytes=peak,
        ceilings=ceilings,
        warnings=_warnings(stages),
    )


class Bench:
    """A loaded model with its work: a picture, a clip and a prompt that shows the picture."""

    def __init__(self, loaded: LoadedModel, settings: Settings) -> None:
        self.loaded, self.settings = loaded, settings
        self.frames = picture_frames(settings.image_side, loaded.preprocess)
        clip = clip_frames(settings.image_side, settings.clip_frames, loaded.preprocess)
        self.picture = prepare(self.frames, "image", 1.0, loaded.preprocess)
        self.clip = prepare(clip, "video", SAMPLED_FPS, loaded.preprocess)
        self.clip_shape = clip.shape
        self.messages = simple_messages(1, QUESTION)
        self.ids = build_prompt(self.messages, [self.picture], loaded.tokenizer, loaded.config)
        self._check_context()

    def _check_context(self) -> None:
        room, length = self.loaded.config.text.max_position_embeddings, len(self.ids)
        if length + self._capacity > room:
            raise PromptError(
                f"a prompt of {length} tokens and {self.settings.tokens} more do not fit the {room} of the model",
                "lower --image-side or --tokens",
            )

    @property
    def _capacity(self) -> int:
        """Tokens of the answer: those timed and one before."""
        return self.settings.tokens + 1

    def run(self, say: Callable[[str], None]) -> dict[str, float]:
        """Return the median seconds of every stage; of decode, of one token."""
        say("timing the first token …")
        cold = self.first_token()
        times = {"first_token_cold": cold, "first_token": self._median(self.first_token)}
        say("timing vision …")
        times["vision_picture"] = self._median(lambda: self.vision(self.picture))
        times["vision_clip"] = self._median(lambda: self.vision(self.clip))
        say("timing prefill and decode …")
        self.answer()
        prefill, decode = zip(*[self.answer() for _ in range(self.settings.runs)], strict=True)
        return times | {"prefill": median(prefill), "decode": median(decode)}

    def _median(self, stage: Callable[[], float]) -> float:
        """Return the median of the runs, after one that does not count."""
        stage()
        return median(stage() for _ in range(self.settings.runs))

    def first_token(self) -> float:
        """Seconds from a decoded picture to the first token of an answer."""
        began = self._now()
        picture = prepare(self.frames, "image", 1.0, self.loaded.preprocess)
        for _ in generate(self.loaded, self.messages, [picture], GenerateOptions(max_tokens=1)):
            pass
        return self._now() - began

    @torch.inference_mode()
    def vision(self, media: Any) -> float:
        """Seconds of the vision tower."""
        began = self._now()
        self.loaded.model.encode_media([media])
        return self._now() - began

    @torch.inference_mode()
    def answer(self) -> tuple[float, float]:
        """Seconds of reading the prompt, and of one token after the first; as `generate`, but nothing ends it."""
        network, sampler = self.loaded.model, self._sampler()
        features = network.encode_media([self.picture])
        ids = torch.tensor([self.ids], device=network.device)  # (B, S)
        began = self._now()
        cache = network.new_cache(1, len(self.ids) + self._capacity)
        logits = network.prefill(ids, [self.picture], cache, features=features)
        prefill_s = self._now() - began
        logits = self._step(logits, sampler, cache)
        began = self._now()
        for _ in range(self.settings.tokens):
            logits = self._step(logits, sampler, cache)
        return prefill_s, (self._now() - began) / self.settings.tokens

    def _sampler(self) -> Sampler:
        sampler = GenerateOptions().sampler(1, self.loaded.generation)
        sampler.observe([self.ids], self.loaded.config.text.vocab_size, self.loaded.model.device)
        return sampler

    def _step(self, logits: Tensor, sampler: Sampler, cache: KVCache) -> Tensor:
        """Choose a token and read it; its id is fetched, as it is to be shown."""
        ids, logprobs = sampler.sample(logits)
        ids.tolist(), logprobs.tolist()
        return self.loaded.model.step(ids, cache)

    def _now(self) -> float:
        return now(self.loaded.model.device)

    def stages(self, times: dict[str, float], ceilings: Ceilings) -> dict[str, Stage]:
        """Put the work of every stage beside its seconds."""
        config = self.loaded.config
        grids = (self.picture.grid, self.clip.grid)
        picture, clip = (prod(grid) // config.vision.merge_unit for grid in grids)
        vision = [vision_flops(config, [grid]) for grid in grids]
        reading = prefill_flops(config, len(self.ids))
        return {
            "vision_picture": _computed(times["vision_picture"], picture, vision[0], ceilings.matrix),
            "vision_clip": _computed(times["vision_clip"], clip, vision[1], ceilings.matrix),
            "prefill": _computed(times["prefill"], len(self.ids), reading, ceilings.matrix),
            "decode": _read(times["decode"], decode_bytes(self.loaded.model), ceilings.memory_bytes_per_s),
            "first_token": Stage(seconds=times["first_token"]),
            "first_token_cold": Stage(seconds=times["first_token_cold"]),
        }

    def work(self) -> dict[str, Any]:
        """Say how much was measured."""
        _, height, width, _ = self.frames.shape
        frames, clip_height, clip_width, _ = self.clip_shape
        return {
            "image": [width, height],
            "clip": [clip_width, clip_height],
            "clip_frames": frames,
            "prompt_tokens": len(self.ids),
            "decoded_tokens": self.settings.tokens,
            "runs": self.settings.runs,
        }


def picture_frames(side: int, config: PreprocessConfig) -> Frames:
    """Return a square picture (1, H, W, 3) of about `side` pixels, at a size that the model takes."""
    low, high = config.min_pixels, config.max_pixels
    return noise(1, *smart_resize(side, side, factor=config.factor, min_pixels=low, max_pixels=high))


def clip_frames(side: int, frames: int, config: PreprocessConfig) -> Frames:
    """Return a square clip (T, H, W, 3) of about `side` pixels, at a size and length that the model takes."""
    count = min(frames, config.video_max_frames)
    size = video_frame_size(
        side,
        side,
        count,
        factor=config.factor,
        min_pixels=config.video_min_pixels,
        max_pixels=config.video_max_pixels,
        total_pixels=config.video_total_pixels,
    )
    return noise(count, *size)


def _computed(seconds: float, tokens: int, flops: int, ceiling: float | None) -> Stage:
    """Describe a stage that is bound by matrix products."""
    rate = flops / seconds
    return Stage(
        seconds=seconds,
        tokens_per_s=tokens / seconds,
        flops=flops,
        flops_per_s=rate,
        share=rate / ceiling if ceiling else None,
    )


def _read(seconds: float, count: int | None, ceiling: float | None) -> Stage:
    """Describe a stage of one token that is bound by reading the weights."""
    rate = count / seconds if count else None
    return Stage(
        seconds=seconds,
        tokens_per_s=1 / seconds,
        bytes=count,
        bytes_per_s=rate,
        share=rate / ceiling if rate and ceiling else None,
    )


def _formats(loaded: LoadedModel) -> list[torch.dtype]:
    """List the formats whose products may bound this model; quantised weights may be multiplied as int8."""
    return [loaded.model.dtype] + ([torch.int8] if loaded.quantize != "none" else [])


def _warnings(stages: dict[str, Stage]) -> list[str]:
    """Say what makes a share mean less than it seems."""
    found = []
    if (stages["decode"].get("share") or 0.0) > 1.0:
        found.append("decode is above the memory ceiling: weights of this size stay in the caches of the processor")
    if stages["decode"].get("bytes") is None:
        found.append("the share of decode is unknown: packed weights of this kind cannot be counted")
    if any((stages[name].get("share") or 0.0) > 1.0 for name in ("vision_picture", "vision_clip", "prefill")):
        found.append("a stage is above the matrix ceiling: other work slowed its measurement, so run it again")
    return found


def _model_facts(loaded: LoadedModel) -> dict[str, Any]:
    return {
        "id": loaded.id,
        "digest": loaded.digest,
        "dtype": loaded.dtype,
        "quantize": loaded.quantize,
        "device": loaded.device,
        "attention": loaded.model.backend.name,
    }
