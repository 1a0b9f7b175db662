"""A clip as its packets tell it, without decoding: when each frame is shown, and what must be decoded to see it."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

# Shorter gaps are decoded through: draining a decoder that works on several frames at once costs about as much.
MERGE_GAP = 16
# No codec shows a frame further than this from its place in the file.
MOST_REORDERED = 32


@dataclass(frozen=True)
class Mark:
    """One packet: its times in ticks (either may be unknown), whether decoding can begin there, whether it is shown."""

    pts: int | None
    dts: int | None
    key: bool = False
    shown: bool = True
    length: int = 0

    @property
    def ticks(self) -> int:
        """When the frame is shown, as well as the packet knows."""
        return self.pts if self.pts is not None else self.dts or 0


@dataclass(frozen=True)
class Segment:
    """A run of packets, `first`..`last` in file order, that is decoded without a break."""

    first: int
    last: int


@dataclass
class Timeline:
    """All packets of a clip in file order. `tick` is the seconds of one tick, `rate` the container's word (0: none)."""

    marks: list[Mark]
    tick: float
    rate: float = 0.0

    @cached_property
    def steady(self) -> bool:
        """Whether decoding times never jump back, as they do where recordings were joined."""
        clock = [mark.dts for mark in self.marks if mark.dts is not None]
        return all(before <= after for before, after in pairwise(clock))

    @cached_property
    def exact(self) -> bool:
        """Whether every packet has a presentation time of its own on one clock, near its place in the file.

        Only then can frames be found by time; otherwise (damage, joined recordings, old AVI) they are counted as the
        decoder gives them.
        """
        times = [mark.pts for mark in self.marks if mark.pts is not None]
        if not self.steady or len(set(times)) != len(self.marks):
            return False
        ranked = sorted(range(len(times)), key=times.__getitem__)
        return all(abs(rank - index) <= MOST_REORDERED for rank, index in enumerate(ranked))

    @cached_property
    def order(self) -> list[int]:
        """File positions of the frames that can be shown, in the order they are shown.

        Frames before the first key frame (a recording may begin at any moment) cannot be decoded.
        """
        shown = [index for index, mark in enumerate(self.marks) if mark.shown]
        if not self.exact:
            return shown
        if self._keys:
            opening = self.marks[self._keys[0]].ticks
            shown = [index for index in shown if self.marks[index].ticks >= opening]
        return sorted(shown, key=lambda index: self.marks[index].ticks)

    @cached_property
    def times(self) -> list[float]:
        """Seconds from the first frame, ascending, one for each of `order`: by pts, else by dts, else by counting."""
        marks = [self.marks[index] for index in self.order]
        ticks = [mark.ticks for mark in marks]
        if not self.exact and not (self.steady and all(mark.dts is not None for mark in marks)):
            return [index / (self.rate or 1.0) for index in range(len(marks))]
        if not self.exact:
            ticks = [mark.dts or 0 for mark in marks]
        return [(tick - ticks[0]) * self.tick for tick in ticks]

    @property
    def mean_rate(self) -> float:
        """Frames a second: the container's figure where the frames bear it out within 1 %, else what they show."""
        span = self.times[-1]
        if len(self.times) < 2 or span <= 0:
            return self.rate or 1.0
        seen = (len(self.times) - 1) / span
        return self.rate if abs(self.rate - seen) <= 0.01 * seen else seen

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        last = self.marks[self.order[-1]].length * self.tick
        return self.times[-1] + (last if self.exact and last > 0 else 1.0 / self.mean_rate)

    def segments(self, wanted: Iterable[int]) -> list[Segment]:
        """Return what must be decoded to see the frames at these file positions, in file order.

        >>> marks = [Mark(pts=k, dts=k, key=k % 50 == 0) for k in range(200)]
        >>> Timeline(marks, 0.04).segments([3, 102, 104, 160])
        [Segment(first=0, last=3), Segment(first=100, last=104), Segment(first=150, last=160)]
        """
        if not self.exact:
            return [Segment(0, len(self.marks) - 1)]
        joined: list[Segment] = []
        for segment in sorted((self._needed(index) for index in wanted), key=lambda item: item.first):
            if joined and segment.first <= joined[-1].last + MERGE_GAP:
                joined[-1] = Segment(joined[-1].first, max(joined[-1].last, segment.last))
            else:
                joined.append(segment)
        return joined

    def position_of(self, pts: int | None) -> int | None:
        """Return the file position of the packet with this presentation time, if there is exactly such a one."""
        return None if pts is None else self._positions.get(pts)

    def _needed(self, index: int) -> Segment:
        """A frame needs all from the last key frame before it in the file that is not shown after it (open groups)."""
        at = bisect_right(self._keys, index) - 1
        while at > 0 and self.marks[self._keys[at]].ticks > self.marks[index].ticks:
            at -= 1
        return Segment(self._keys[at] if at >= 0 else 0, index)

    @cached_property
    def _keys(self) -> list[int]:
        return [index for index, mark in enumerate(self.marks) if mark.key]

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {mark.ticks: index for index, mark in enumerate(self.marks)}
