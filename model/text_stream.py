"""Tokens of a growing answer to text that may be shown: whole characters, no part of a stop string, no endless loop."""

from collections.abc import Sequence

from model.tokenizer import StreamDecoder

# A loop is told when the tail of the answer has one period of up to MAX_PERIOD tokens, has run through it at least
# MIN_REPEATS times and covers at least MIN_SPAN tokens. That is far beyond a long number, a row of dots or a table of
# like lines; lists whose lines differ, if only by their numbers, have no period at all.
MAX_PERIOD = 100
MIN_REPEATS = 6
MIN_SPAN = 160


class LoopDetector:
    """Watches for the same run of tokens coming again and again."""

    def __init__(self, max_period: int = MAX_PERIOD, min_repeats: int = MIN_REPEATS, min_span: int = MIN_SPAN) -> None:
        self._min_repeats, self._min_span = min_repeats, min_span
        self._tokens: list[int] = []
        self._matches = [0] * (max_period + 1)  # per period, how many tokens in a row equal the one a period before

    def push(self, token_id: int) -> bool:
        """Take one token; say whether the answer has become a loop.

        With a span of 6 and 3 repeats, the sixth token of 7 8 7 8 7 8 is told.
        """
        tokens, matches, looping = self._tokens, self._matches, False
        for period in range(1, min(len(tokens), len(matches) - 1) + 1):
            if tokens[-period] != token_id:
                matches[period] = 0
                continue
            matches[period] += 1
            span = matches[period] + period
            looping = looping or (span >= self._min_span and span >= self._min_repeats * period)
        tokens.append(token_id)
        return looping


class StopStrings:
    """Lets text through up to the first stop string; holds back what may yet become one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Take new text and return what is certain to stand before any stop string."""
        if self.stopped:
            return ""
        self._held += text
        found = [place for place in (self._held.find(stop) for stop in self._stops) if place >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((self._overlap(stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def _overlap(self, stop: str) -> int:
        """Count the characters at the end of the held text with which `stop` begins."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)

    def flush(self) -> str:
        """Return what was held back: the answer has ended, so it will not become a stop string."""
        shown, self._held = self._held, ""
        return shown


class TextStream:
    """Decodes one answer: ids in, text out that may be shown at once and is never taken back."""

    def __init__(self, decoder: StreamDecoder, stops: Sequence[str] = ()) -> None:
        self._decoder = decoder
        self._stops = StopStrings(stops)
        self._shown: list[str] = []

    @property
    def stopped(self) -> bool:
        """Whether a stop string has come."""
        return self._stops.stopped

    @property
    def text(self) -> str:
        """All text shown so far."""
        return "".join(self._shown)

    def push(self, token_id: int) -> str:
        """Take one token and return the new text, which may be empty."""
        return self._show(self._stops.push(self._decoder.push(token_id)))

    def finish(self) -> str:
        """End the answer and return the last of its text."""
        return self._show(self._stops.push(self._decoder.flush()) + self._stops.flush())

    def _show(self, text: str) -> str:
        if text:
            self._shown.append(text)
        return text
