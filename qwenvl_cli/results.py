"""What an answer is: the events of a running generation and the one record that every command writes."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1
ASKED_FOR = ("logprobs", "boxes")  # fields of a record that are left out where nobody asked
LOW_CONFIDENCE_ELSEWHERE = 0.55
"""Below this mean token probability an answer is called uncertain, of models that do not come with a line of their own.

It is low: real captions have many good next words. A model that was measured, as the bundled one, has its own in
generation_config.json (`low_confidence`).
"""

_MUST_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class TextPiece:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class TokenLogprob:
    """One generated token and the natural logarithm of its probability."""

    id: int
    token: str
    logprob: float


@dataclass(frozen=True)
class Finished:
    """The end of an answer: why it ended, what it cost and how sure the model was."""

    text: str
    finish_reason: str
    prompt_tokens: int
    vision_tokens: int
    completion_tokens: int
    mean_probability: float
    min_probability: float
    vision_s: float = 0.0
    prefill_s: float = 0.0
    generate_s: float = 0.0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; a part is text or the index of a picture or clip."""

    role: str
    parts: tuple[str | int, ...]


@dataclass(frozen=True)
class ModelInfo:
    """Which weights answered, how they were run, and below which mean token probability they are uncertain."""

    id: str = ""
    digest: str = ""
    dtype: str = ""
    quantize: str = "none"
    device: str = ""
    low_confidence: float = LOW_CONFIDENCE_ELSEWHERE


@dataclass(frozen=True)
class MediaInfo:
    """One picture or clip as it was seen; a file that could not be opened has only path and, if readable, sha256."""

    path: str
    kind: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    duration: float | None = None
    frames: list[float] = field(default_factory=list)
    grid: list[int] | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens read and written."""

    prompt_tokens: int = 0
    vision_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Confidence:
    """Mean and least probability over the generated tokens."""

    mean: float
    min: float


@dataclass(frozen=True)
class Timing:
    """Seconds per stage; `load_s` stands in the first record of a run only, since the model is loaded once."""

    load_s: float = 0.0
    decode_s: float = 0.0
    vision_s: float = 0.0
    prefill_s: float = 0.0
    generate_s: float = 0.0
    tokens_per_s: float = 0.0


@dataclass(frozen=True)
class ErrorInfo:
    """Why there is no answer."""

    type: str
    message: str
    hint: str


@dataclass(frozen=True)
class LocatedBox:
    """A box (left, top, right, bottom) in pixels of the original, upright, and what the model calls what is in it."""

    bbox: tuple[int, int, int, int]
    label: str


@dataclass(frozen=True)
class Record:
    """Everything about one answer (or one failure); `settings` is the fingerprint that `batch` resumes by."""

    media: list[MediaInfo]
    prompt: str
    text: str | None
    finish_reason: str | None
    model: ModelInfo
    usage: Usage = field(default_factory=Usage)
    confidence: Confidence | None = None
    timing: Timing = field(default_factory=Timing)
    warnings: list[str] = field(default_factory=list)
    settings: str = ""
    logprobs: list[TokenLogprob] | None = None
    boxes: list[LocatedBox] | None = None
    error: ErrorInfo | None = None

    @property
    def unsure(self) -> bool:
        """Whether the answer's mean token probability is low for this model."""
        return self.confidence is not None and self.confidence.mean < self.model.low_confidence

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values, `logprobs` and `boxes` only where they were asked for.

        Where the line of low confidence lies is left out: `warnings` tells on which side of it the answer is.
        """
        values = {"schema": SCHEMA, **asdict(self)}
        del values["model"]["low_confidence"]
        return {name: value for name, value in values.items() if name not in ASKED_FOR or value is not None}

    def to_json(self) -> str:
        """Return one line of JSON."""
        return to_json(self.to_dict())


def to_json(value: Any) -> str:
    """Write one line of JSON: readable UTF-8, but nothing that upsets a terminal, a line reader or an encoder.

    Deletes, C1 controls, line separators and lone surrogates (file names that are not UTF-8) are written as escapes.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _MUST_ESCAPE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Reduce everything that may change an answer to a short stable digest."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def default_prompt(kinds: Sequence[str]) -> str:
    """Say what to ask when the user did not: 'Describe this image.' or its like for clips and several files."""
    if len(kinds) == 1:
        return f"Describe this {kinds[0]}."
    return f"Describe these {kinds[0]}s." if len(set(kinds)) == 1 else "Describe these."
