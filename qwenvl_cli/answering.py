"""From files to one record: open media, ask the engine, time it, judge how sure it was. Shared by all commands."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from qwenvl_cli.console import Screen
from qwenvl_cli.engine import Chat, Engine, Event
from qwenvl_cli.errors import CliError, UsageError, error_type
from qwenvl_cli.media.source import LoadedMedia, PixelLimits, SamplingOptions, open_media
from qwenvl_cli.options import BUNDLED, DEFAULT_MAX_TOKENS, AnswerOptions, MediaOptions, ModelOptions, read_text_option
from qwenvl_cli.results import (
    Confidence,
    ErrorInfo,
    Finished,
    MediaInfo,
    Message,
    ModelInfo,
    Record,
    TextPiece,
    Timing,
    Usage,
    default_prompt,
    fingerprint,
)

PUBLISHED = "Qwen/Qwen2.5-VL-3B-Instruct"


@dataclass(frozen=True)
class Decoded:
    """The opened media of one prompt, and how long opening took."""

    media: list[LoadedMedia]
    seconds: float

    @property
    def tokens(self) -> int:
        """Merged tokens of all media: what the network is shown, and a measure of the memory that they take."""
        return sum(item.tokens for item in self.media)


@dataclass
class Asker:
    """Everything that stays the same over the prompts of one run."""

    engine: Engine
    screen: Screen
    model: ModelOptions
    answer: AnswerOptions
    media: MediaOptions
    prompt: str | None
    logprobs: bool = False
    longest: ClassVar[int] = DEFAULT_MAX_TOKENS  # tokens of an answer, unless the user says otherwise

    def __post_init__(self) -> None:
        self._load_told = False
        self.answer = replace(self.answer, max_tokens=self.answer.max_tokens or self.longest)
        self.prompt = read_text_option(self.prompt)
        self.system = read_text_option(self.answer.system)
        if self.prompt is not None and not self.prompt.strip():
            raise UsageError("the prompt is empty", "write what you want to know")
        self.limits = pixel_limits(self.engine.limits, self.media)
        self.sampling = sampling(self.media)

    def begin(self) -> None:
        """Let the weights load while the caller opens media."""
        self.engine.start()
        self.screen.status(f"loading {self.model.model} …")

    def open(self, paths: Sequence[str]) -> Decoded:
        """Open the media of one prompt, bytes of '-' from standard input."""
        began = time.perf_counter()
        media = [open_media(path, self.limits, self.sampling, stdin=self.screen.stdin) for path in paths]
        return Decoded(media, time.perf_counter() - began)

    def prompt_for(self, opened: Decoded | Exception) -> str:
        """Return the prompt given, or the one that fits the kinds of media: none where they could not be opened."""
        if self.prompt is not None:
            return self.prompt
        return "" if isinstance(opened, Exception) else default_prompt([item.kind for item in opened.media])

    def ask(self, decoded: Decoded, on_piece: Callable[[str], None] = lambda text: None) -> Record:
        """Answer one prompt, handing on the text as it comes, and return the record."""
        events = self.engine.generate(self._messages(decoded), decoded.media, self.answer, logprobs=self.logprobs)
        return self._heard(events, decoded, self.prompt_for(decoded), on_piece)

    def say(self, chat: Chat, text: str, decoded: Decoded, on_piece: Callable[[str], None]) -> Record:
        """Take one turn of a conversation, with what is shown in it, in the same way."""
        return self._heard(chat.ask(text, decoded.media), decoded, text, on_piece)

    def _heard(
        self, events: Generator[Event], decoded: Decoded, prompt: str, on_piece: Callable[[str], None]
    ) -> Record:
        """Hand on the text of an answer, and return its record; one that is left halfway is closed at once."""
        info = self.engine.describe()
        done: Finished | None = None
        with closing(events):
            for event in events:
                if isinstance(event, TextPiece):
                    on_piece(event.text)
                else:
                    done = event
        if done is None:
            raise CliError("the model stopped without an answer", "run again with --traceback and report it")
        return self._record(decoded, prompt, info, done)

    def ask_together(self, items: Sequence[Decoded]) -> list[Record | CliError]:
        """Answer several prompts in lockstep, each as alone; return the records, or what is wrong with an answer."""
        requests = [(self._messages(decoded), decoded.media) for decoded in items]
        info = self.engine.describe()
        found = self.engine.generate_batch(requests, self.answer, logprobs=self.logprobs)
        return [self._recorded(decoded, info, done) for decoded, done in zip(items, found, strict=True)]

    def _recorded(self, decoded: Decoded, info: ModelInfo, done: Finished) -> Record | CliError:
        try:
            return self._record(decoded, self.prompt_for(decoded), info, done)
        except CliError as error:
            return error

    def _messages(self, decoded: Decoded) -> list[Message]:
        system = [Message("system", (self.system,))] if self.system is not None else []
        return [*system, Message("user", (*range(len(decoded.media)), self.prompt_for(decoded)))]

    def _record(self, decoded: Decoded, prompt: str, info: ModelInfo, done: Finished) -> Record:
        sure = Confidence(round(done.mean_probability, 4), round(done.min_probability, 4))
        record = Record(
            media=[media_info(item) for item in decoded.media],
            prompt=prompt,
            text=done.text,
            finish_reason=done.finish_reason,
            model=info,
            usage=Usage(done.prompt_tokens, done.vision_tokens, done.completion_tokens),
            confidence=sure if done.completion_tokens else None,
            timing=self._timing(decoded, done),
            settings=self.settings(),
            logprobs=list(done.logprobs) if self.logprobs else None,
        )
        warnings = [text for item in decoded.media for text in item.warnings]
        return replace(record, warnings=warnings + doubts(record, self.model.model))

    def _timing(self, decoded: Decoded, done: Finished) -> Timing:
        load_s, self._load_told = (0.0 if self._load_told else self.engine.load_s), True
        rate = done.completion_tokens / done.generate_s if done.generate_s > 0 else 0.0
        return Timing(
            load_s=round(load_s, 4),
            decode_s=round(decoded.seconds, 4),
            vision_s=round(done.vision_s, 4),
            prefill_s=round(done.prefill_s, 4),
            generate_s=round(done.generate_s, 4),
            tokens_per_s=round(rate, 2),
        )

    def settings(self) -> str:
        """Return the fingerprint of all that was chosen and may change an answer, the weights among it.

        It is known before the weights are loaded: a batch that has nothing left to do never loads them.
        """
        info = self.engine.describe(wait=False)
        return fingerprint(
            {
                "model": info.digest or info.id,
                "dtype": self.model.dtype,
                "quantize": self.model.quantize,
                "prompt": self.prompt,
                "answer": {**asdict(self.answer), "system": self.system},
                "logprobs": self.logprobs,
                "limits": asdict(self.limits),
                "sampling": asdict(self.sampling),
                **self._more_settings(),
            }
        )

    def _more_settings(self) -> dict[str, object]:
        """What a kind of asker adds."""
        return {}

    def failure(self, paths: Sequence[str], prompt: str, error: CliError, sha256: str | None = None) -> Record:
        """Return the record of an item that could not be answered."""
        return Record(
            media=[MediaInfo(path, sha256=sha256) for path in paths],
            prompt=prompt,
            text=None,
            finish_reason=None,
            model=self.engine.describe(wait=False),
            settings=self.settings(),
            error=ErrorInfo(error_type(error), error.message, error.hint),
        )


def pixel_limits(base: PixelLimits, options: MediaOptions) -> PixelLimits:
    """Apply --min-pixels and --max-pixels to pictures and frames; the limit that was not given gives way."""
    least, most = options.min_pixels, options.max_pixels

    def pair(low: int, high: int) -> tuple[int, int]:
        low, high = least or low, most or high
        if low > high:
            low, high = (low, low) if least else (high, high)
        return low, high

    image_min, image_max = pair(base.image_min, base.image_max)
    video_min, video_max = pair(base.video_min, base.video_max)
    return replace(base, image_min=image_min, image_max=image_max, video_min=video_min, video_max=video_max)


def sampling(options: MediaOptions) -> SamplingOptions:
    """Turn the flags into what the media side understands; few frames allowed also means few frames needed."""
    chosen = SamplingOptions(fps=options.fps, max_frames=options.max_frames, start=options.start, end=options.end)
    if options.max_frames is not None and options.max_frames < chosen.min_frames:
        return replace(chosen, min_frames=options.max_frames)
    return chosen


def media_info(item: LoadedMedia) -> MediaInfo:
    """Say what was seen of a picture or clip."""
    return MediaInfo(
        path=item.path,
        kind=item.kind,
        width=item.width,
        height=item.height,
        sha256=item.sha256,
        duration=None if item.duration is None else round(item.duration, 3),
        frames=[round(seconds, 3) for seconds in item.frame_times],
        grid=list(item.grid),
        tokens=item.tokens,
    )


def doubts(record: Record, model: str) -> list[str]:
    """Return what the user should know about how far an answer can be trusted."""
    found = []
    if record.unsure and record.confidence is not None:
        advice = f"; a published checkpoint knows more: --model {PUBLISHED}" if model == BUNDLED else ""
        sure = f"mean token probability {record.confidence.mean:.4f}, below {record.model.low_confidence:g}"
        found.append(f"low confidence ({sure}){advice}")
    if record.finish_reason == "length":
        found.append("the answer was cut at --max-tokens")
    if record.finish_reason == "loop":
        found.append("the answer began to repeat itself and was ended")
    return found
