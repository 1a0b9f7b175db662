"""The two sides of the measurement: what this project does, and what transformers does, stage by stage.

Each side offers the same stages; each stage returns the seconds it took, so that a side decides what is its own work.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from model.benchmark import QUESTION, noise
from model.cache import KVCache
from model.config import PreprocessConfig, model_config, preprocess_config
from model.generate import Finished, GenerateOptions, generate
from model.loading import LoadedModel, load
from model.preprocess import MediaTensors, prepare
from model.prompt import build_prompt, simple_messages
from model.reading import read_json
from model.tokenizer import Tokenizer
from qwenvl_cli.media.image import load_still
from qwenvl_cli.media.items import PixelLimits

Clock = Callable[[], float]


@dataclass(frozen=True)
class Running:
    """How both sides run: the device; the rest is our side's."""

    device: str = "cpu"
    quantize: str = "none"
    attention: str = "auto"


@dataclass(frozen=True)
class Load:
    """How much work: side of the picture and of the clip in pixels after resizing, frames, tokens to decode."""

    picture: int
    clip: int
    frames: int
    tokens: int


LOADS = {"tiny": Load(224, 112, 4, 24), "small": Load(448, 224, 8, 24), "3b": Load(448, 448, 8, 16)}


@dataclass(frozen=True)
class Work:
    """The same media and prompt for both sides."""

    source: Image.Image
    picture: MediaTensors
    clip: MediaTensors
    ids: list[int]
    config: PreprocessConfig
    tokens: int


def make_work(load: Load, folder: Path, tokenizer: Tokenizer) -> Work:
    """Make a large picture which is resized to `load.picture`, and a clip at its final size."""
    config = preprocess_config(read_json(folder / "preprocessor_config.json"))
    config = replace(config, max_pixels=load.picture**2)
    source = Image.fromarray(noise(1, 3 * load.picture, 3 * load.picture)[0])
    picture = _prepared(source, config)
    clip = prepare(noise(load.frames, load.clip, load.clip), "video", 2.0, config)
    network = model_config(read_json(folder / "config.json"))
    ids = build_prompt(simple_messages(1, QUESTION), [picture], tokenizer, network)
    return Work(source, picture, clip, ids, config, load.tokens)


def _prepared(source: Image.Image, config: PreprocessConfig) -> MediaTensors:
    limits = PixelLimits(config.min_pixels, config.max_pixels, config.min_pixels, config.max_pixels, config.max_pixels)
    return prepare(load_still(source, limits).frames, "image", 1.0, config)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the other side's warnings and progress bars out of the table."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


class Ours:
    """This project."""

    def __init__(self, folder: Path, clock: Clock, running: Running) -> None:
        self.folder, self.clock, self.running = folder, clock, running
        loaded = self._loaded()
        # No token has this id, so that nothing ends an answer before its length.
        never = replace(loaded.generation, eos_token_ids=(loaded.config.text.vocab_size,))
        self.loaded = replace(loaded, generation=never)

    def _loaded(self) -> LoadedModel:
        running = self.running
        return load(self.folder, device=running.device, quantize=running.quantize, attention=running.attention)

    def load(self) -> float:
        began = self.clock()
        self._loaded()
        return self.clock() - began

    def preprocess(self, work: Work) -> float:
        """Decoded picture to what the tower takes; patches are cut there, so that this side pays in vision."""
        began = self.clock()
        _prepared(work.source, work.config)
        return self.clock() - began

    @torch.inference_mode()
    def vision(self, media: MediaTensors) -> float:
        began = self.clock()
        self.loaded.model.encode_media([media])
        return self.clock() - began

    @torch.inference_mode()
    def prefill(self, work: Work) -> float:
        features = self.loaded.model.encode_media([work.picture])
        began = self.clock()
        self._prompted(features, work)
        return self.clock() - began

    @torch.inference_mode()
    def first(self, work: Work) -> float:
        """From the decoded picture to the logits of the first token."""
        began = self.clock()
        self._prompted(self.loaded.model.encode_media([_prepared(work.source, work.config)]), work)
        return self.clock() - began

    def _prompted(self, features: Tensor, work: Work) -> None:
        network = self.loaded.model
        cache = network.new_cache(1, len(work.ids) + work.tokens)
        network.prefill(self._ids(work), [work.picture], cache, features=features)

    def decode(self, work: Work) -> float:
        """Seconds a token of generate(), as the command line calls it, from the first step to the last."""
        network, times = self.loaded.model, list[float]()
        plain = network.step

        def noted(ids: Tensor, cache: KVCache) -> Tensor:
            times.append(self.clock())
            return plain(ids, cache)

        network.step = noted  # type: ignore[method-assign]
        options = GenerateOptions(max_tokens=work.tokens)
        *_, finished = generate(self.loaded, simple_messages(1, QUESTION), [work.picture], options)
        del network.step
        assert isinstance(finished, Finished) and len(times) > 2, "the answer ended at once: nothing to time"
        return (times[-1] - times[0]) / (len(times) - 1)

    def _ids(self, work: Work) -> Tensor:
        return torch.tensor([work.ids], device=self.loaded.model.device)  # (B, S)

    @torch.inference_mode()
    def logits(self, work: Work) -> Tensor:
        return self.loaded.model(self._ids(work), [work.picture])[0, -1].float()

    def answer(self, work: Work) -> None:
        self.preprocess(work)
        self.decode(work)


class _Streamer:
    """Notes when each token comes; the first call is the prompt."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.times: list[float] = []

    def put(self, _: Tensor) -> None:
        self.times.append(self.clock())

    def end(self) -> None:
        pass


class Theirs:
    """transformers, with what it does by default: sdpa attention, the checkpoint's dtype, an eager loop."""

    def __init__(self, folder: Path, clock: Clock, running: Running, dtype: str) -> None:
        with quiet():
            from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration
            from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
        self.folder, self.clock, self.device, self.dtype = folder, clock, running.device, dtype
        self.kind = Qwen2_5_VLForConditionalGeneration
        self.tokenizer_kind, self.processor_kind = PreTrainedTokenizerFast, Qwen2VLImageProcessorPil
        self.model = self._loaded()

    def _loaded(self) -> Any:
        with quiet():
            dtype = getattr(torch, self.dtype)
            model = self.kind.from_pretrained(self.folder, dtype=dtype, low_cpu_mem_usage=True)
            return model.to(self.device)

    def load(self) -> float:
        """What an answer needs, as on the other side: weights, tokenizer, image processor."""
        began = self.clock()
        self._loaded()
        self.tokenizer_kind.from_pretrained(self.folder)
        self.processor_kind.from_pretrained(self.folder)
        return self.clock() - began

    def preprocess(self, work: Work) -> float:
        processor = self._processor(work)
        began = self.clock()
        processor(images=work.source, return_tensors="pt")
        return self.clock() - began

    def _processor(self, work: Work) -> Any:
        return self.processor_kind(min_pixels=work.config.min_pixels, max_pixels=work.config.max_pixels)

    @torch.inference_mode()
    def vision(self, media: MediaTensors) -> float:
        patches = media.patches  # made anew each time, which is preprocessing on this side
        began = self.clock()
        self._features(patches, media)
        return self.clock() - began

    def _features(self, patches: Tensor, media: MediaTensors) -> Any:
        grid = torch.tensor([media.grid], device=self.device)
        return self.model.model.visual(patches.to(self.device, self.model.dtype), grid_thw=grid).pooler_output

    def _inputs(self, work: Work) -> dict[str, Tensor]:
        ids = torch.tensor([work.ids], device=self.device)
        kinds = (ids == self.model.config.image_token_id).int()
        grid = torch.tensor([work.picture.grid], device=self.device)
        return {"input_ids": ids, "mm_token_type_ids": kinds, "image_grid_thw": grid}

    @torch.inference_mode()
    def prefill(self, work: Work) -> float:
        features = self._features(work.picture.patches, work.picture)
        began = self.clock()
        self._prompted(features, work)
        return self.clock() - began

    @torch.inference_mode()
    def first(self, work: Work) -> float:
        """From the decoded picture to the logits of the first token."""
        processor = self._processor(work)
        began = self.clock()
        patches = processor(images=work.source, return_tensors="pt")["pixel_values"]
        self._prompted(self._features(patches, work.picture), work)
        return self.clock() - began

    def _prompted(self, features: Any, work: Work) -> None:
        inputs, network = self._inputs(work), self.model.model
        embeds = network.get_input_embeddings()(inputs["input_ids"])
        holders, _ = network.get_placeholder_mask(inputs["input_ids"], inputs_embeds=embeds, image_features=features)
        embeds = embeds.masked_scatter(holders, features)
        positions, _ = network.get_rope_index(**inputs)
        out = network.language_model(inputs_embeds=embeds, position_ids=positions, use_cache=True)
        self.model.lm_head(out.last_hidden_state[:, -1])

    @torch.inference_mode()
    def decode(self, work: Work) -> float:
        """Seconds a token of generate(), from the first token to the last."""
        streamer = _Streamer(self.clock)
        with quiet():
            self.model.generate(
                **self._inputs(work),
                pixel_values=work.picture.patches.to(self.device),
                attention_mask=torch.ones(1, len(work.ids), dtype=torch.long, device=self.device),
                max_new_tokens=work.tokens,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
                streamer=streamer,
            )
        return (streamer.times[-1] - streamer.times[1]) / (len(streamer.times) - 2)

    @torch.inference_mode()
    def logits(self, work: Work) -> Tensor:
        inputs = self._inputs(work) | {"pixel_values": work.picture.patches.to(self.device)}
        return self.model(**inputs, logits_to_keep=1).logits[0, -1].float()  # type: ignore[no-any-return]

    def answer(self, work: Work) -> None:
        self.preprocess(work)
        self.decode(work)
