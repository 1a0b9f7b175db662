"""Plain text: the answer as it comes, in UTF-8; and the one way in which durations are written."""

from collections.abc import Sequence

from qwenvl_cli.console import Cleaner, Screen, clean
from qwenvl_cli.results import Record, TokenLogprob


def clock(seconds: float) -> str:
    """Write a duration as '0:07', '12:05' or '1:02:03'.

    >>> clock(6.6), clock(725), clock(3723)
    ('0:07', '12:05', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary(record: Record) -> str:
    """Return the line that is shown after an answer: what was seen, how much was said, how fast."""
    timing, usage = record.timing, record.usage
    total = timing.decode_s + timing.vision_s + timing.prefill_s + timing.generate_s
    parts = [
        f"{usage.vision_tokens} tokens seen",
        f"{usage.completion_tokens} written",
        f"{timing.tokens_per_s:.1f} tokens/s",
        f"{total:.1f} s",
    ]
    if timing.load_s >= 0.05:
        parts.append(f"load {timing.load_s:.1f} s")
    return " · ".join(parts)


def details(record: Record) -> list[str]:
    """Return what --verbose adds: the model, the sizes, the stages."""
    model, timing = record.model, record.timing
    lines = [f"model {model.id} ({model.digest[:12]}), {model.dtype}, quantize {model.quantize}, on {model.device}"]
    for item in record.media:
        frames = f", {len(item.frames)} frames" if item.frames else ""
        lines.append(
            f"{item.path}: {item.kind} {item.width}x{item.height}{frames}, grid {item.grid}, {item.tokens} tokens"
        )
    stages = f"decode {timing.decode_s:.2f} s, vision {timing.vision_s:.2f} s, prefill {timing.prefill_s:.2f} s"
    return [*lines, f"{stages}, generate {timing.generate_s:.2f} s"]


def token_lines(tokens: Sequence[TokenLogprob]) -> list[str]:
    """Return one line per token with its log probability."""
    return [f"{token.logprob:9.4f}  {token.token!r}" for token in tokens]


class TextWriter:
    """Writes answers as plain text: in pieces, flushed as they come, or whole at the end."""

    def __init__(self, screen: Screen, *, stream: bool) -> None:
        self._screen, self._stream = screen, stream
        self._cleaner = Cleaner()
        self._text = ""
        self._answers = 0

    def header(self, path: str) -> None:
        """Name the file that the next answer is about."""
        gap = "\n" if self._answers else ""
        self._screen.write(f"{gap}== {clean(path)} ==\n")

    def piece(self, text: str) -> None:
        """Take more text."""
        self._show(self._cleaner.push(text))

    def _show(self, text: str) -> None:
        self._text += text
        if self._stream and text:
            self._screen.write(text)

    def end(self, record: Record | None = None) -> None:
        """Finish the answer with exactly one newline."""
        self._show(self._cleaner.flush())
        if not self._stream:
            self._screen.write(self._text.rstrip("\n") + "\n")
        elif not self._text.endswith("\n"):
            self._screen.write("\n")
        self._answers += 1
        self._text = ""

    def fail(self, record: Record) -> None:
        """Show nothing but what came before the error."""
        self.cut()

    def cut(self) -> None:
        """Close a line that was cut short."""
        if self._stream and self._text and not self._text.endswith("\n"):
            self._screen.write("\n")
        self._cleaner, self._text = Cleaner(), ""
