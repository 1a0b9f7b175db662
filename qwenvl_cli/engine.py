"""What answers: the Engine and Chat protocols, and LocalEngine, the only door to the network and to torch.

LocalEngine reads the small configuration files at once (so that a wrong name fails before anything else happens) and
the weights in a thread of its own, while the caller decodes media.
"""

import gc
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from qwenvl_cli.media.source import LoadedMedia, PixelLimits
from qwenvl_cli.options import DEFAULT_MAX_TOKENS, AnswerOptions, ModelOptions
from qwenvl_cli.results import Finished, Message, ModelInfo, TextPiece, TokenLogprob

if TYPE_CHECKING:
    from model.config import PreprocessConfig
    from model.conversation import Conversation
    from model.generate import GenerateOptions
    from model.loading import LoadedModel
    from model.preprocess import MediaTensors

Event = TextPiece | Finished
Request = tuple[Sequence[Message], Sequence[LoadedMedia]]


class Chat(Protocol):
    """One conversation; made by an engine."""

    @property
    def remembers(self) -> bool:
        """Whether a question is understood in the light of those before; waits until loaded."""

    @property
    def taken(self) -> int:
        """How many turns' media it holds: not those of one that failed or was stopped before it was read."""

    def ask(self, text: str, media: Sequence[LoadedMedia]) -> Generator[Event]:
        """Take a turn, media first: the answer in pieces, `Finished` last. It may be closed halfway."""


class Engine(Protocol):
    """Something that answers questions about media; made by `Environment.make_engine`."""

    @property
    def limits(self) -> PixelLimits:
        """Sizes that media must have; known before the weights are loaded."""

    @property
    def load_s(self) -> float:
        """Seconds that loading took so far."""

    def start(self) -> None:
        """Begin to load in the background; harmless when called again."""

    def describe(self, *, wait: bool = True) -> ModelInfo:
        """Wait until loaded and say what answers; raise what went wrong while loading.

        Without `wait`, say what is known so far: id and digest always are.
        """

    def generate(
        self, messages: Sequence[Message], media: Sequence[LoadedMedia], options: AnswerOptions, *, logprobs: bool
    ) -> Generator[Event]:
        """Answer in pieces, `Finished` last."""

    def generate_batch(self, requests: Sequence[Request], options: AnswerOptions, *, logprobs: bool) -> list[Finished]:
        """Answer several prompts in lockstep; their times are shares of what all took."""

    def chat(self, options: AnswerOptions, system: str | None, *, logprobs: bool) -> Chat:
        """Begin a conversation."""


def limits_of(config: "PreprocessConfig") -> PixelLimits:
    """Return the sizes that media must have for a model."""
    return PixelLimits(
        image_min=config.min_pixels,
        image_max=config.max_pixels,
        video_min=config.video_min_pixels,
        video_max=config.video_max_pixels,
        video_total=config.video_total_pixels,
        video_max_frames=config.video_max_frames,
        factor=config.factor,
    )


class LocalEngine:
    """The network on this machine."""

    def __init__(self, options: ModelOptions) -> None:
        from model.checkpoint import digest
        from model.loading import read_preprocess, resolve

        self._options = options
        folder = resolve(options.model, offline=options.offline)
        config = read_preprocess(folder)
        self._known = ModelInfo(options.model, digest(folder), options.dtype, options.quantize, options.device)
        self._limits = limits_of(config)
        self._thread: threading.Thread | None = None
        self._loaded: LoadedModel | None = None
        self._failure: BaseException | None = None
        self._load_s = 0.0

    @property
    def limits(self) -> PixelLimits:
        """Sizes that media must have."""
        return self._limits

    @property
    def load_s(self) -> float:
        """Seconds from the start of loading to its end, the import of torch included."""
        return self._load_s

    def start(self) -> None:
        """Load in a thread. numpy comes first: half-done imports of one C extension in two threads can fail."""
        if self._thread is not None:
            return
        import numpy  # noqa: F401

        self._thread = threading.Thread(target=self._load, name="qwenvl-load", daemon=True)
        self._thread.start()

    def _load(self) -> None:
        began = time.perf_counter()
        try:
            with _nothing_to_collect():
                self._loaded = self._read()
        except BaseException as error:  # handed to the thread that waits
            self._failure = error
        self._load_s = time.perf_counter() - began

    def _read(self) -> "LoadedModel":
        from model.loading import load

        chosen = self._options
        return load(
            chosen.model,
            device=chosen.device,
            dtype=chosen.dtype,
            quantize=chosen.quantize,
            attention=chosen.attention,
            offline=chosen.offline,
        )

    def _ready(self) -> "LoadedModel":
        self.start()
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        if self._loaded is None:
            raise RuntimeError("the loading thread ended without a model")
        return self._loaded

    def describe(self, *, wait: bool = True) -> ModelInfo:
        """Say what answers; dtype and device are as asked for until the model is loaded."""
        if not wait and self._loaded is None:
            return self._known
        loaded = self._ready()
        dtype = str(loaded.dtype).removeprefix("torch.")
        info = ModelInfo(loaded.id, loaded.digest, dtype, loaded.quantize, str(loaded.device))
        line = loaded.generation.low_confidence
        return info if line is None else replace(info, low_confidence=line)

    def generate(
        self, messages: Sequence[Message], media: Sequence[LoadedMedia], options: AnswerOptions, *, logprobs: bool
    ) -> Generator[Event]:
        """Answer in pieces; the time to cut frames into patches counts as vision."""
        loaded = self._ready()
        from model import generate as generation

        tensors, prepare_s = _prepared(media, loaded)
        for event in generation.generate(loaded, _messages(messages), tensors, _wanted(options, logprobs)):
            yield _event(event, prepare_s)

    def generate_batch(self, requests: Sequence[Request], options: AnswerOptions, *, logprobs: bool) -> list[Finished]:
        """Answer several prompts in lockstep."""
        loaded = self._ready()
        from model import generate as generation

        prepared = [_prepared(media, loaded) for _, media in requests]
        asked = [(_messages(messages), tensors) for (messages, _), (tensors, _) in zip(requests, prepared, strict=True)]
        found = generation.generate_batch(loaded, asked, _wanted(options, logprobs))
        return [_finished(done, prepare_s) for done, (_, prepare_s) in zip(found, prepared, strict=True)]

    def chat(self, options: AnswerOptions, system: str | None, *, logprobs: bool) -> Chat:
        """Begin a conversation, without waiting until the network is loaded."""
        return LocalChat(self._ready, options, system, logprobs)


class LocalChat:
    """A conversation with the network on this machine, which it waits for when it is first asked."""

    def __init__(
        self, ready: "Callable[[], LoadedModel]", options: AnswerOptions, system: str | None, logprobs: bool
    ) -> None:
        self._ready, self._options, self._system, self._logprobs = ready, options, system, logprobs
        self._begun: Conversation | None = None

    def _conversation(self) -> "Conversation":
        if self._begun is None:
            loaded = self._ready()
            from model.conversation import Conversation

            self._begun = Conversation(loaded, _wanted(self._options, self._logprobs), self._system)
        return self._begun

    @property
    def remembers(self) -> bool:
        """Whether the model was taught conversations."""
        return self._conversation().remembers

    @property
    def taken(self) -> int:
        """How many turns' media the network holds."""
        return self._begun.taken if self._begun is not None else 0

    def ask(self, text: str, media: Sequence[LoadedMedia]) -> Generator[Event]:
        """Take a turn."""
        conversation = self._conversation()
        tensors, prepare_s = _prepared(media, conversation.loaded)
        with closing(conversation.ask(text, tensors)) as events:
            for event in events:
                yield _event(event, prepare_s)


def _prepared(media: Sequence[LoadedMedia], loaded: "LoadedModel") -> tuple[list["MediaTensors"], float]:
    """Lay media out for the network; return the seconds that it took, too."""
    from model.preprocess import prepare

    began = time.perf_counter()
    tensors = [prepare(item.frames, item.kind, item.sampled_fps, loaded.preprocess) for item in media]
    return tensors, time.perf_counter() - began


def _wanted(options: AnswerOptions, logprobs: bool) -> "GenerateOptions":
    from model.generate import GenerateOptions

    return GenerateOptions(
        max_tokens=options.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        repetition_penalty=options.repetition_penalty,
        seed=options.seed,
        stop=tuple(options.stop or ()),
        logprobs=logprobs,
    )


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Put off Python's search for cyclic garbage: an import of torch makes objects by the hundred thousand and hardly
    any garbage, so that walking over them again and again is a waste. What was made is then left out of later searches.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


def _messages(messages: Sequence[Message]) -> list[Any]:
    from model import prompt

    def part(value: str | int) -> prompt.Part:
        return prompt.TextPart(value) if isinstance(value, str) else prompt.MediaPart(value)

    return [prompt.Message(message.role, tuple(map(part, message.parts))) for message in messages]


def _event(event: Any, prepare_s: float) -> Event:
    """Copy an event of the network into its torch-free twin."""
    return _finished(event, prepare_s) if hasattr(event, "finish_reason") else TextPiece(event.text)


def _finished(event: Any, prepare_s: float) -> Finished:
    values = {name: getattr(event, name) for name in Finished.__dataclass_fields__ if name != "logprobs"}
    tokens = tuple(TokenLogprob(**asdict(token)) for token in event.logprobs)
    done = Finished(**values, logprobs=tokens)
    return replace(done, vision_s=done.vision_s + prepare_s)
