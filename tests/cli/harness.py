"""Run the command line in-process: memory files for streams, a fake engine that needs neither weights nor torch."""

import contextlib
import io
import json
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from qwenvl_cli.app import run
from qwenvl_cli.console import Screen
from qwenvl_cli.engine import Request
from qwenvl_cli.environment import Environment
from qwenvl_cli.media.source import LoadedMedia, PixelLimits
from qwenvl_cli.options import AnswerOptions, ModelOptions
from qwenvl_cli.results import LOW_CONFIDENCE_ELSEWHERE, Finished, Message, ModelInfo, TextPiece, TokenLogprob

LIMITS = PixelLimits(
    image_min=56 * 56,
    image_max=112 * 112,
    video_min=56 * 56,
    video_max=112 * 112,
    video_total=10**7,
    video_max_frames=8,
)
TEXT = "A **red** apple."


def default_answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
    """Say the same whatever is asked."""
    return TEXT


@dataclass
class FakeEngine:
    """Answers with `answer`'s text, three characters at a time; keeps what it was asked."""

    answer: Callable[[Sequence[Message], Sequence[LoadedMedia]], str] = default_answer
    probability: float = 0.9
    delay_s: float = 0.0
    load_error: Exception | None = None
    finish_reason: str = "stop"
    digest: str = "d" * 64
    low_confidence: float = LOW_CONFIDENCE_ELSEWHERE
    load_s: float = 0.25
    asked: list[tuple[Sequence[Message], Sequence[LoadedMedia], AnswerOptions]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)  # how many were answered together each time
    remembers: bool = True
    chats: list["FakeChat"] = field(default_factory=list)
    started: int = 0
    loaded: int = 0

    @property
    def limits(self) -> PixelLimits:
        """Small pictures."""
        return LIMITS

    def start(self) -> None:
        """Count."""
        self.started += 1

    def describe(self, *, wait: bool = True) -> ModelInfo:
        """Name the fake; fail where a test wants loading to fail."""
        if wait:
            self.loaded += 1
            if self.load_error:
                raise self.load_error
        return ModelInfo("fake", self.digest, "float32", "none", "cpu", self.low_confidence)

    def generate(
        self, messages: Sequence[Message], media: Sequence[LoadedMedia], options: AnswerOptions, *, logprobs: bool
    ) -> Generator[TextPiece | Finished]:
        """Stream the text."""
        self.asked.append((messages, media, options))
        text = self.answer(messages, media)
        pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
        for piece in pieces:
            time.sleep(self.delay_s)
            yield TextPiece(piece)
        tokens = tuple(TokenLogprob(at, piece, -0.5) for at, piece in enumerate(pieces)) if logprobs else ()
        seen = sum(item.tokens for item in media)
        yield Finished(
            text,
            self.finish_reason,
            9 + seen,
            seen,
            len(pieces),
            self.probability,
            self.probability / 2,
            0.1,
            0.2,
            0.5,
            tokens,
        )

    def generate_batch(self, requests: Sequence[Request], options: AnswerOptions, *, logprobs: bool) -> list[Finished]:
        """Answer one after another."""
        self.groups.append(len(requests))
        ends = []
        for messages, media in requests:
            *_, end = self.generate(messages, media, options, logprobs=logprobs)
            ends.append(end)
        return [end for end in ends if isinstance(end, Finished)]

    def chat(self, options: AnswerOptions, system: str | None, *, logprobs: bool) -> "FakeChat":
        """Begin a conversation."""
        self.chats.append(FakeChat(self, options, logprobs, self.remembers))
        return self.chats[-1]


@dataclass
class FakeChat:
    """Asks the fake engine each turn by itself."""

    engine: FakeEngine
    options: AnswerOptions
    logprobs: bool
    remembers: bool
    taken: int = 0

    def ask(self, text: str, media: Sequence[LoadedMedia]) -> Generator[TextPiece | Finished]:
        """Stream what the engine says; once it has begun the question has been read."""
        message = Message("user", (*range(len(media)), text))
        events = self.engine.generate([message], media, self.options, logprobs=self.logprobs)
        first = next(events)
        self.taken += 1
        yield first
        yield from events


@dataclass
class Result:
    """What came out of a run."""

    stdout: str
    stderr: str
    exit_code: int
    engines: list[FakeEngine]

    @property
    def json(self) -> Any:
        """The one record on stdout."""
        (record,) = self.records
        return record

    @property
    def records(self) -> list[Any]:
        """All records on stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def cli(
    *argv: object,
    engine: FakeEngine | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
    tty: bool = False,
    stdin_tty: bool = False,
    size: tuple[int, int] = (80, 24),
    make_engine: Callable[[ModelOptions], Any] | None = None,
) -> Result:
    """Run `qwenvl ARGV...` and return what it wrote; `tty` makes stdout and stderr terminals of `size`."""
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(
        io.BytesIO(stdin), out, err, env or {}, stdin_tty=stdin_tty, stdout_tty=tty, stderr_tty=tty, size=size
    )
    engines: list[FakeEngine] = []

    def make(options: ModelOptions) -> FakeEngine:
        engines.append(engine or FakeEngine())
        return engines[-1]

    environment = Environment(screen, [str(part) for part in argv], make_engine or make)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(environment)
    return Result(out.getvalue(), err.getvalue(), int(code), engines)
