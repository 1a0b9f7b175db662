"""Frame plans and decoding plans, on times and packets written out in the test."""

import doctest

import pytest

from model.geometry import FrameLimits
from qwenvl_cli.errors import MediaError
from qwenvl_cli.media import sampling, sniff, timeline
from qwenvl_cli.media.sampling import is_constant_rate, plan_frames
from qwenvl_cli.media.timeline import Mark, Segment, Timeline


@pytest.mark.parametrize("module", [sampling, sniff, timeline])
def test_the_docstrings_are_right(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.failed == 0 and result.attempted > 0


def test_a_constant_clip_reports_count_over_frames_times_rate() -> None:
    rate = 30000 / 1001
    plan = plan_frames([k / rate for k in range(150)], 150 / rate, rate, FrameLimits())
    assert plan.indices == [0, 17, 33, 50, 66, 83, 99, 116, 132, 149]
    assert plan.sampled_fps == pytest.approx(10 / 150 * rate)


def test_container_clocks_in_milliseconds_are_constant() -> None:
    assert is_constant_rate([round(k * 1000 / 60) / 1000 for k in range(10_000)])
    assert is_constant_rate([0.0]) and is_constant_rate([0.0, 7.0])
    assert not is_constant_rate([0.0, 0.1, 0.2, 0.3, 0.4, 2.0])


def test_even_instants_see_what_is_on_display() -> None:
    """A slide show: changes at 0, 1, 2 and 10 s. Instants 0, 3.33, 6.67 and 10 see the third slide twice."""
    plan = plan_frames([0.0, 1.0, 2.0, 10.0], 11.0, 0.4, FrameLimits())
    assert plan.indices == [0, 2, 2, 3] and plan.sampled_fps == pytest.approx(0.3)


def test_a_start_beyond_a_long_clip_is_told_in_numbers_that_start_takes() -> None:
    with pytest.raises(MediaError, match=r"--start 5000 is .* lasts 3812\.34 s") as caught:
        plan_frames([0.0, 3812.0], 3812.347, 2.0, FrameLimits(), start=5000.0)
    assert caught.value.hint == "choose a --start below 3812.34"


def test_windows() -> None:
    times = [k / 10 for k in range(100)]
    limits = FrameLimits(fps=10.0)
    assert plan_frames(times, 10.0, 10.0, limits, 1.0, 1.5).indices == [10, 11, 12, 13, 14, 15]
    assert plan_frames(times, 10.0, 10.0, limits, None, 0.35).indices == [0, 1, 2, 3]
    assert plan_frames(times, 10.0, 10.0, limits, 9.95, None).indices == [99]
    assert plan_frames(times, 10.0, 10.0, limits, 0.11, 0.12).indices == [1]
    with pytest.raises(MediaError, match="lasts 10 s"):
        plan_frames(times, 10.0, 10.0, limits, 10.0, None)


def _clip(pts: list[int], keys: set[int], **fields: object) -> Timeline:
    return Timeline([Mark(p, k, k in keys) for k, p in enumerate(pts)], 0.1, **fields)  # type: ignore[arg-type]


def test_reordered_frames_are_put_in_the_order_they_are_shown() -> None:
    clip = _clip([0, 3, 1, 2, 6, 4, 5], {0}, rate=10.0)
    assert clip.exact and clip.order == [0, 2, 3, 1, 5, 6, 4]
    assert clip.times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert clip.mean_rate == 10.0 and clip.duration == pytest.approx(0.7)


def test_a_frame_needs_what_lies_between_it_and_its_key_frame() -> None:
    keys = {0, 40, 80, 120}
    clip = _clip(list(range(160)), keys)
    assert clip.segments([0]) == [Segment(0, 0)]
    assert clip.segments([39, 90]) == [Segment(0, 39), Segment(80, 90)]
    assert clip.segments([90, 5, 70]) == [Segment(0, 5), Segment(40, 90)], "a gap of 9 is decoded through"


def test_a_leading_frame_of_an_open_group_needs_the_group_before() -> None:
    """In file order: I0 P3 B1 B2 | I6 B4 B5 | ...; B4 is shown before I6, and builds on P3."""
    clip = _clip([0, 3, 1, 2, 6, 4, 5, 9, 7, 8], {0, 4})
    assert clip.segments([5]) == [Segment(0, 5)]
    assert clip.segments([4]) == [Segment(4, 4)]
    assert clip.segments([8]) == [Segment(4, 8)]


def test_frames_before_the_first_key_frame_are_not_planned() -> None:
    clip = _clip([5, 6, 7, 8, 9], {2})
    assert clip.order == [2, 3, 4] and clip.times == pytest.approx([0.0, 0.1, 0.2])
    assert _clip([5, 6, 7], set()).order == [0, 1, 2], "unless no key frame is marked at all"


@pytest.mark.parametrize(
    "marks",
    [
        [Mark(None, k, k == 0) for k in range(5)],
        [Mark(k // 2, k, k == 0) for k in range(5)],
        [Mark(k, 4 - k, k == 0) for k in range(5)],
        [Mark(k * (1000 if k == 2 else 1), k, k == 0) for k in range(60)],
    ],
    ids=["no pts", "pts twice", "clock jumps back", "pts far off"],
)
def test_clips_with_a_broken_clock_are_counted(marks: list[Mark]) -> None:
    clip = Timeline(marks, 0.04, 25.0)
    assert not clip.exact and clip.order == list(range(len(marks)))
    assert clip.times == pytest.approx([k / 25 for k in range(len(marks))])
    assert clip.segments([3]) == [Segment(0, len(marks) - 1)]


def test_a_wrong_rate_in_the_header_is_not_believed() -> None:
    assert _clip(list(range(20)), {0}, rate=1000.0).mean_rate == pytest.approx(10.0)
    assert _clip(list(range(20)), {0}, rate=10.01).mean_rate == 10.01
    assert _clip([0], {0}).mean_rate == 1.0 and _clip([0], {0}).duration == 1.0
