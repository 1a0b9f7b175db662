"""Messages and media to the ids that the network reads: ChatML as in the published chat template.

Each media item stands as `<|vision_start|>` + one pad per merged token + `<|vision_end|>`. Text between two control
tokens is encoded in one piece, so that the ids equal those of encoding the whole rendered string.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

from model.config import ModelConfig
from model.errors import PromptError
from model.tokenizer import IM_END, IM_START, Tokenizer

DEFAULT_SYSTEM = "You are a helpful assistant."
ROLES = ("system", "user", "assistant")


class MediaLike(Protocol):
    """What a prompt needs to know of a picture or clip."""

    @property
    def kind(self) -> str:
        """Either "image" or "video"."""

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches along time, height, width."""


@dataclass(frozen=True)
class TextPart:
    """A run of text in a message."""

    text: str


@dataclass(frozen=True)
class MediaPart:
    """The place of one media item in a message; `index` counts the media of the whole conversation from 0."""

    index: int


Part = TextPart | MediaPart


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    parts: tuple[Part, ...]


def simple_messages(n_media: int, text: str, system: str | None = None) -> list[Message]:
    """Ask one thing about some media: media first, then the text, in one user turn."""
    parts: list[Part] = [MediaPart(index) for index in range(n_media)]
    asked = Message("user", (*parts, TextPart(text)))
    return [asked] if system is None else [Message("system", (TextPart(system),)), asked]


def build_prompt(
    messages: Sequence[Message],
    media: Sequence[MediaLike],
    tokenizer: Tokenizer,
    config: ModelConfig,
    *,
    add_generation_prompt: bool = True,
) -> list[int]:
    """Return the ids of a conversation; raise PromptError when messages and media do not fit together."""
    _check(messages, len(media))
    if messages[0].role != "system":
        messages = [Message("system", (TextPart(DEFAULT_SYSTEM),)), *messages]
    start, end = tokenizer.token_id(IM_START), tokenizer.token_id(IM_END)
    newline = tokenizer.encode("\n")
    ids: list[int] = []
    for message in messages:
        ids += [start, *_turn(message, media, tokenizer, config), end, *newline]
    if add_generation_prompt:
        ids += [start, *tokenizer.encode("assistant\n")]
    return ids


def further_turn(message: Message, media: Sequence[MediaLike], tokenizer: Tokenizer, config: ModelConfig) -> list[int]:
    """Return the ids that follow the tokens of an answer: its end, another turn and the beginning of the next answer.

    The parts of the message count the `media` of this turn alone.
    """
    _check([message], len(media))
    start, end = tokenizer.token_id(IM_START), tokenizer.token_id(IM_END)
    newline = tokenizer.encode("\n")
    turn = [end, *newline, start, *_turn(message, media, tokenizer, config), end, *newline]
    return [*turn, start, *tokenizer.encode("assistant\n")]


def _turn(message: Message, media: Sequence[MediaLike], tokenizer: Tokenizer, config: ModelConfig) -> Iterator[int]:
    """Encode the inside of one turn; neighbouring texts, the role's line included, are joined before encoding."""
    text = message.role + "\n"
    for part in message.parts:
        if isinstance(part, TextPart):
            text += part.text
        else:
            yield from tokenizer.encode(text)
            yield from media_ids(media[part.index], config)
            text = ""
    yield from tokenizer.encode(text)


def media_ids(item: MediaLike, config: ModelConfig) -> list[int]:
    """Return the ids that stand for one media item.

    A picture with the grid (1, 4, 6) takes 24 patches, so 6 pads between the start and the end.
    """
    pad = config.image_token_id if item.kind == "image" else config.video_token_id
    count = prod(item.grid) // config.vision.merge_unit
    return [config.vision_start_token_id, *[pad] * count, config.vision_end_token_id]


def _check(messages: Sequence[Message], n_media: int) -> None:
    if not messages:
        raise PromptError("there are no messages", "ask something")
    for message in messages:
        if message.role not in ROLES:
            raise PromptError(f"role {message.role!r} is not known", f"use one of {', '.join(ROLES)}")
    used = [part.index for message in messages for part in message.parts if isinstance(part, MediaPart)]
    if used != list(range(n_media)):
        raise PromptError(
            f"the messages show media {used}, but {n_media} media are given",
            "show each media item once, in the order given",
        )


def vision_tokens(ids: Sequence[int], config: ModelConfig) -> int:
    """Count the pads of media in a prompt."""
    return sum(token_id in (config.image_token_id, config.video_token_id) for token_id in ids)


def check_context(ids: Sequence[int], max_tokens: int, config: ModelConfig) -> None:
    """Raise PromptError when prompt and answer do not fit the context; a prompt is never truncated."""
    limit, total = config.text.max_position_embeddings, len(ids) + max_tokens
    if total <= limit:
        return
    seen = vision_tokens(ids, config)
    media = "lower --max-pixels (or --max-frames for clips) so that the media take fewer tokens"
    raise PromptError(
        f"the prompt takes {len(ids)} tokens ({seen} of them media) and the answer up to {max_tokens}: "
        f"{total} in all, but the model holds {limit}",
        media if 2 * seen > total else f"lower --max-tokens or shorten the text; else {media}",
    )
