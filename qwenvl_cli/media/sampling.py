"""Which frames of a clip are taken, from their presentation times alone. No third party.

Clips of constant rate follow the published rule on frame indices; all others are sampled by time, so that frames the
model takes to be evenly spaced really are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from model.geometry import FrameLimits, frame_count, spread
from qwenvl_cli.errors import MediaError

_TIME_SLACK = 1e-6


@dataclass(frozen=True)
class FramePlan:
    """Ascending frame indices (one may repeat while a clip stands still) and how many a second they are."""

    indices: list[int]
    sampled_fps: float

    def fps_of(self, times: Sequence[float]) -> float:
        """Return how many a second the frames are that could be had, of those planned."""
        span = times[-1] - times[0]
        return (len(times) - 1) / span if len(times) < len(self.indices) and span > 0 else self.sampled_fps


def plan_frames(
    times: Sequence[float],
    duration: float,
    rate: float,
    limits: FrameLimits,
    start: float | None = None,
    end: float | None = None,
) -> FramePlan:
    """Choose frames from ascending presentation `times` (seconds); `rate` is the clip's mean frame rate.

    >>> plan_frames([k / 25 for k in range(50)], 2.0, 25.0, FrameLimits())
    FramePlan(indices=[0, 16, 33, 49], sampled_fps=2.0)
    >>> plan_frames([0, 0.1, 0.2, 0.3, 3.0], 3.1, 1.6, FrameLimits())  # stands still from 0.3 on
    FramePlan(indices=[0, 3, 3, 4], sampled_fps=1.0)
    """
    low, high = _window(times, duration, start, end)
    chosen = times[low:high]
    if is_constant_rate(times):
        count = frame_count(len(chosen), rate, limits)
        return FramePlan([low + index for index in spread(len(chosen), count)], count / len(chosen) * rate)
    return _by_time(chosen, low, rate, limits)


def is_constant_rate(times: Sequence[float]) -> bool:
    """Tell whether every frame is within half a step of where a constant rate would put it.

    Half a step is the bound below which choosing by index and by time lead to the same frame or its neighbour; the
    rounding of container clocks stays far below it.

    >>> is_constant_rate([0, 0.033, 0.067, 0.1, 0.133]), is_constant_rate([0, 0.033, 0.067, 1.0])
    (True, False)
    """
    if len(times) < 3:
        return True
    step = (times[-1] - times[0]) / (len(times) - 1)
    return all(abs(time - times[0] - index * step) <= step / 2 for index, time in enumerate(times))


def _window(times: Sequence[float], duration: float, start: float | None, end: float | None) -> tuple[int, int]:
    """Return the half-open range of frames within start..end; a range between two frames gives the one on display."""
    first = start or 0.0
    if first >= duration - _TIME_SLACK:
        whole = f"{floor(duration * 100) / 100:g}"
        raise MediaError(
            f"--start {first:g} is beyond the end of the clip, which lasts {whole} s", f"choose a --start below {whole}"
        )
    low = bisect_left(times, first - _TIME_SLACK)
    high = len(times) if end is None else bisect_right(times, end + _TIME_SLACK)
    if low < high:
        return low, high
    shown = max(bisect_right(times, first) - 1, 0)
    return shown, shown + 1


def _by_time(times: Sequence[float], offset: int, rate: float, limits: FrameLimits) -> FramePlan:
    """Take the frame on display at each of evenly spread instants, from the first frame to the last."""
    span = times[-1] - times[0]
    if span <= 0:
        return FramePlan([offset], rate)
    count = frame_count(len(times), (len(times) - 1) / span, limits)
    if count == 1:
        return FramePlan([offset], rate)
    instants = [times[0] + span * step / (count - 1) for step in range(count)]
    indices = [offset + max(bisect_right(times, instant + _TIME_SLACK) - 1, 0) for instant in instants]
    return FramePlan(indices, (count - 1) / span)
