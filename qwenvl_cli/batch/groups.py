"""Which items of a batch are answered together: neighbours of like length, as many as fit."""

from collections.abc import Iterable, Iterator

from qwenvl_cli.answering import Decoded

MOST_TOKENS = 16384  # of media in a group, padding included: about a gigabyte of keys and values in the 7B network
MOST_PADDED = 1.5  # of the content
Opened = tuple[str, Decoded | Exception]


class Groups:
    """Divides opened items into groups of up to `size`, which may be lowered on the way."""

    def __init__(self, size: int) -> None:
        self.size = size

    def of(self, opened: Iterable[Opened]) -> Iterator[list[Opened]]:
        """Yield the groups in order; what could not be opened stays in its place."""
        group: list[Opened] = []
        for item in opened:
            if group and not _fit([*group, item]):
                yield group
                group = []
            group.append(item)
            del item  # a clip may be hundreds of megabytes: hold it no longer than its group
            if len(group) >= self.size:
                yield group
                group = []
        if group:
            yield group


def _fit(group: list[Opened]) -> bool:
    """Whether these can be answered together with little padding beside their content."""
    tokens = [item.tokens for _, item in group if not isinstance(item, Exception)]
    padded = len(tokens) * max(tokens, default=0)
    return padded <= min(MOST_TOKENS, MOST_PADDED * sum(tokens))
