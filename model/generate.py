"""Prompts to answers: prefill, then one token at a time, told as typed events.

One loop serves a single streaming answer and a batch; a batch is decoded in lockstep, padded at the left, and gives
each row the answer that it would get alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import exp
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor

from model.cache import KVCache
from model.config import GenerationDefaults
from model.errors import GenerationError
from model.loading import LoadedModel
from model.preprocess import MediaTensors
from model.prompt import Message, build_prompt, check_context, vision_tokens
from model.sampling import Sampler
from model.text_stream import LoopDetector, TextStream
from model.tokenizer import Tokenizer

FinishReason = Literal["stop", "length", "loop"]
LEAST_TOP_P = 0.01  # of a checkpoint's own: at or under it hardly ever two tokens are left
Request = tuple[Sequence[Message], Sequence[MediaTensors]]


@dataclass(frozen=True)
class GenerateOptions:
    """How to answer; None means what the checkpoint's generation_config.json says."""

    # How much, and where to end.
    max_tokens: int = 512
    stop: tuple[str, ...] = ()

    # How to choose: greedy unless a temperature above 0 is given, whatever the checkpoint says.
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    seed: int | None = None

    # What to tell.
    logprobs: bool = False

    def __post_init__(self) -> None:
        checks = (
            (self.max_tokens >= 1, f"max_tokens is {self.max_tokens}", "ask for at least 1 token"),
            (all(self.stop), "a stop string is empty", "leave it out"),
            (_within(self.temperature, 0.0, 100.0), f"temperature is {self.temperature}", "use 0 (greedy) to 100"),
            (self.top_p != 0 and _within(self.top_p, 0.0, 1.0), f"top_p is {self.top_p}", "use above 0, up to 1"),
            (self.top_k is None or self.top_k >= 0, f"top_k is {self.top_k}", "use 0 (off) or more"),
            (
                self.repetition_penalty != 0 and _within(self.repetition_penalty, 0.0, 100.0),
                f"repetition_penalty is {self.repetition_penalty}",
                "use above 0; 1 is off",
            ),
            (self.seed is None or 0 <= self.seed < 2**63, f"seed is {self.seed}", "use 0 to 2^63 - 1"),
        )
        for good, message, hint in checks:
            if not good:
                raise GenerationError(message, hint)

    def sampler(self, rows: int, defaults: GenerationDefaults) -> Sampler:
        """Make the sampler these options ask for, over the checkpoint's defaults.

        Defaults that leave one token to choose (top_k 1, top_p 0.001, as the published 7B has them) say "greedy", which
        a temperature overrules.
        """
        greedy = defaults.top_k == 1 or defaults.top_p <= LEAST_TOP_P
        top_k, top_p = (0, 1.0) if greedy else (defaults.top_k, defaults.top_p)
        return Sampler(
            rows,
            temperature=self.temperature or 0.0,
            top_k=top_k if self.top_k is None else self.top_k,
            top_p=top_p if self.top_p is None else self.top_p,
            repetition_penalty=(
                defaults.repetition_penalty if self.repetition_penalty is None else self.repetition_penalty
            ),
            seed=self.seed,
        )


def _within(value: float | None, low: float, high: float) -> bool:
    return value is None or low <= value <= high


@dataclass(frozen=True)
class TokenLogprob:
    """One token of an answer and its log-probability under the unmodified distribution."""

    id: int
    token: str
    logprob: float


@dataclass(frozen=True)
class TextPiece:
    """New text of the answer, never taken back."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The end of an answer; `text` is all its pieces joined.

    Tokens and probabilities are those of the answer without the token that ended it; an answer that ended at once has
    the probability of that token. The times of answers given together are shares, which add up to what all took.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    vision_tokens: int
    completion_tokens: int
    mean_probability: float
    min_probability: float
    vision_s: float
    prefill_s: float
    generate_s: float
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass
class _Row:
    """One answer as it grows."""

    prompt: list[int]
    stream: TextStream
    loop: LoopDetector = field(default_factory=LoopDetector)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    end_logprob: float = 0.0
    reason: FinishReason | None = None
    seconds: float = 0.0

    def push(self, token_id: int, logprob: float, ends: Sequence[int], max_tokens: int) -> str:
        """Take the next token and return the text that may be shown now."""
        if token_id in ends:
            self.reason, self.end_logprob = "stop", logprob
            return self.stream.finish()
        self.tokens.append(token_id)
        self.logprobs.append(logprob)
        text = self.stream.push(token_id)
        if self.stream.stopped:
            self.reason = "stop"
        elif self.loop.push(token_id):
            self.reason = "loop"
        elif len(self.tokens) == max_tokens:
            self.reason = "length"
        return text if self.reason is None else text + self.stream.finish()

    def probabilities(self) -> list[float]:
        """Probabilities of the answer's tokens, or of its end when it has none."""
        return [exp(logprob) for logprob in self.logprobs or [self.end_logprob]]


class Run:
    """One prefill and the decoding of its rows.

    `cache` may hold the first tokens of a single row's prompt already; `media` are those of the rest, and `features`
    (M, D) spare encoding them.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompts: Sequence[list[int]],
        media: Sequence[MediaTensors],
        options: GenerateOptions,
        *,
        cache: KVCache | None = None,
        features: Tensor | None = None,
    ) -> None:
        self.loaded, self.media, self.options = loaded, media, options
        self.cache, self.features = cache, features
        for prompt in prompts:
            check_context(prompt, options.max_tokens, loaded.config)
        self.rows = [_Row(prompt, TextStream(loaded.tokenizer.stream(), options.stop)) for prompt in prompts]
        self.sampler = options.sampler(len(prompts), loaded.generation)
        self.sampler.observe(prompts, loaded.config.text.vocab_size, loaded.model.device)
        self.vision_s = self.prefill_s = 0.0

    @torch.inference_mode()
    def prefill(self) -> tuple[Tensor, KVCache]:
        """Encode the media and run what the cache does not hold of the prompts -> logits (B, V) and the cache."""
        network = self.loaded.model
        began = perf_counter()
        if self.features is None and self.media:
            self.features = network.encode_media(self.media)
            self.vision_s = self._lap(began)
        began = perf_counter()
        known = self.cache.length if self.cache else 0
        fresh = [row.prompt[known:] for row in self.rows]
        longest = max(map(len, fresh))
        pad = [longest - len(prompt) for prompt in fresh]
        filler = self.loaded.generation.eos_token_ids[0]
        padded = [[filler] * left + prompt for left, prompt in zip(pad, fresh, strict=True)]
        ids = torch.tensor(padded, device=network.device)  # (B, S)
        cache = self.cache or network.new_cache(len(self.rows), longest + self.options.max_tokens)
        logits = network.prefill(ids, self.media, cache, pad=pad, features=self.features)
        self.prefill_s = self._lap(began)
        return logits, cache

    @torch.inference_mode()
    def choose(self, logits: Tensor) -> tuple[Tensor, list[int], list[float]]:
        """Choose the next token of every row: on the device, and as plain numbers."""
        ids, logprobs = self.sampler.sample(logits)
        return ids, ids.tolist(), logprobs.tolist()

    @torch.inference_mode()
    def step(self, ids: Tensor, cache: KVCache) -> Tensor:
        """Decode one token per row -> logits (B, V)."""
        return self.loaded.model.step(ids, cache)

    def _lap(self, began: float) -> float:
        if self.loaded.model.device.type != "cpu":
            torch.accelerator.synchronize(self.loaded.model.device)
        return perf_counter() - began

    def pieces(self) -> Iterator[tuple[int, str]]:
        """Answer all rows; yield (row, new text), the text empty where a row only ends.

        Inference mode is entered call by call: held across a yield, it would leak into whoever reads the pieces.
        """
        ends, limit = self.loaded.generation.eos_token_ids, self.options.max_tokens
        logits, cache = self.prefill()
        before = perf_counter()
        while True:
            ids, tokens, logprobs = self.choose(logits)
            going = [(index, row) for index, row in enumerate(self.rows) if row.reason is None]
            pieces = [(index, row.push(tokens[index], logprobs[index], ends, limit)) for index, row in going]
            now = perf_counter()
            for _, row in going:
                row.seconds += (now - before) / len(going)
            before = now
            yield from ((index, text) for index, text in pieces if text)
            if all(row.reason for row in self.rows):
                return
            logits = self.step(ids, cache)

    def finished(self, row: _Row) -> Finished:
        """Sum a row up."""
        probabilities = row.probabilities()
        return Finished(
            text=row.stream.text,
            finish_reason=row.reason or "length",
            prompt_tokens=len(row.prompt),
            vision_tokens=vision_tokens(row.prompt, self.loaded.config),
            completion_tokens=len(row.tokens),
            mean_probability=sum(probabilities) / len(probabilities),
            min_probability=min(probabilities),
            vision_s=self.vision_s / len(self.rows),
            prefill_s=self.prefill_s / len(self.rows),
            generate_s=row.seconds,
            logprobs=_listed(row, self.loaded.tokenizer) if self.options.logprobs else (),
        )


def _listed(row: _Row, tokenizer: Tokenizer) -> tuple[TokenLogprob, ...]:
    pairs = zip(row.tokens, row.logprobs, strict=True)
    return tuple(TokenLogprob(token_id, tokenizer.id_to_token(token_id), logprob) for token_id, logprob in pairs)


def start(loaded: LoadedModel, requests: Sequence[Request], options: GenerateOptions) -> Run:
    """Make the run that answers some conversations."""
    prompts = [build_prompt(messages, media, loaded.tokenizer, loaded.config) for messages, media in requests]
    return Run(loaded, prompts, [medium for _, media in requests for medium in media], options)


def told(run: Run) -> Iterator[TextPiece | Finished]:
    """Tell the one answer of a run: text as it comes, then one Finished."""
    for _, text in run.pieces():
        yield TextPiece(text)
    yield run.finished(run.rows[0])


def generate(
    loaded: LoadedModel, messages: Sequence[Message], media: Sequence[MediaTensors], options: GenerateOptions
) -> Iterator[TextPiece | Finished]:
    """Answer one conversation: text as it comes, then one Finished."""
    yield from told(start(loaded, [(messages, media)], options))


def generate_batch(loaded: LoadedModel, requests: Sequence[Request], options: GenerateOptions) -> list[Finished]:
    """Answer several conversations in lockstep, each as it would be answered alone."""
    if not requests:
        return []
    run = start(loaded, requests, options)
    for _ in run.pieces():
        pass
    return [run.finished(row) for row in run.rows]
