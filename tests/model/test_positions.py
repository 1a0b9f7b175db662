"""Index work checked with worked numbers and by brute force: M-RoPE positions, window order, frame segments."""

import doctest
import itertools
from dataclasses import dataclass
from math import prod

import pytest
import torch

from model import positions
from model.config import ModelConfig, TextConfig, VisionConfig
from model.errors import PromptError
from model.geometry import FrameLimits, frame_count
from model.positions import Grid, block_positions, mrope_positions, patch_positions, vision_plan

IMAGE, VIDEO = 8, 9
CONFIG = ModelConfig(
    vision=VisionConfig(2, 16, 16, 2, 16, (1,), tokens_per_second=2.0),
    text=TextConfig(10, 16, 16, 1, 2, 2, 8, (1, 1, 2)),
    image_token_id=IMAGE,
    video_token_id=VIDEO,
    vision_start_token_id=6,
    vision_end_token_id=7,
)
GRIDS: list[list[Grid]] = [
    [(1, 8, 8)],  # one whole window
    [(1, 2, 2)],  # one token
    [(1, 10, 14)],  # partial windows at the right and at the bottom
    [(3, 10, 6)],
    [(1, 10, 14), (1, 2, 2), (1, 18, 8)],
    [(2, 18, 10), (1, 6, 30), (4, 2, 2), (1, 8, 8)],
]


@dataclass(frozen=True)
class Item:
    """A picture or clip without its patches."""

    kind: str
    grid: Grid
    seconds_per_grid: float = 0.0

    @property
    def pads(self) -> list[int]:
        return [IMAGE if self.kind == "image" else VIDEO] * (prod(self.grid) // 4)


def times(item: Item, start: int = 0) -> list[int]:
    """List the t position of each step of a clip."""
    block = block_positions(item, start, 2, CONFIG.vision.tokens_per_second)
    return block[0].view(item.grid[0], -1)[:, 0].tolist()


def test_docstring_examples() -> None:
    assert doctest.testmod(positions).failed == 0
    assert doctest.testmod(positions).attempted >= 3


def test_the_worked_case_of_a_clip() -> None:
    """30 steps of 10 x 14 tokens, 1.0 s each, 2 tokens a second, 15 text tokens before: t 15..73, then text at 74."""
    clip = Item("video", (30, 20, 28), 1.0)
    places, following, used = mrope_positions([0] * 15 + clip.pads + [0] * 3, [clip], CONFIG)
    assert used == 1 and places.shape == (3, 15 + 30 * 140 + 3)
    assert places[:, :15].tolist() == [list(range(15))] * 3
    video = places[:, 15:-3].view(3, 30, 10, 14)
    assert video[0, :, 0, 0].tolist() == list(range(15, 74, 2))
    assert video[1, 0, :, 0].tolist() == list(range(15, 25)) and video[2, 0, 0].tolist() == list(range(15, 29))
    for axis, dims in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):  # each axis is constant along the other two
        assert torch.equal(video[axis].amax(dims), video[axis].amin(dims))
    assert places[:, -3:].tolist() == [[74, 75, 76]] * 3 and following == 77


@pytest.mark.parametrize(
    ("fps", "expected"), [(1.0, [0, 4, 8, 12, 16]), (2.0, [0, 2, 4, 6, 8]), (4.0, [0, 1, 2, 3, 4])]
)
def test_time_follows_the_sampled_rate(fps: float, expected: list[int]) -> None:
    assert times(Item("video", (5, 4, 4), 2 / fps)) == expected


def test_time_is_multiplied_before_it_is_floored() -> None:
    """At 3 frames a second a step is 2/3 s, so 4/3 tokens: truncating the seconds first would give 0, 0, 0..."""
    assert times(Item("video", (7, 4, 4), 2 / 3)) == [0, 1, 2, 4, 5, 6, 8]
    assert times(Item("video", (4, 4, 4), 2 / 1.5), start=10) == [10, 12, 15, 18]  # 2.67 tokens a step


def test_time_of_a_29_97_clip() -> None:
    """1001 frames at 29.97: 33.4 s, 66 frames taken, so 33 steps of 33.40003 / 33 s, 2.0242 tokens each."""
    rate, total = 30_000 / 1001, 1001
    taken = frame_count(total, rate, FrameLimits(fps=2.0))
    assert taken == 66
    clip = Item("video", (taken // 2, 4, 4), 2 / (taken / total * rate))
    assert clip.seconds_per_grid == pytest.approx(1.0121222, abs=1e-6)
    assert times(clip) == [2 * i for i in range(33)]  # 32 x 2.0242 = 64.776
    # The same rate for longer: step 42 is at 85.02, so one position is skipped there.
    assert times(Item("video", (44, 4, 4), clip.seconds_per_grid))[40:] == [80, 82, 85, 87]


@pytest.mark.parametrize(
    ("total", "rate", "taken", "step", "position"),
    [(75, 25.0, 4, 1, 3), (496, 24.0, 40, 15, 31), (198, 30.0, 12, 5, 11), (150, 30_000 / 1001, 10, 500, 1001)],
)
def test_rounding_error_never_costs_a_position(total: int, rate: float, taken: int, step: int, position: int) -> None:
    """4 of 75 frames at 25 a second are 1.5 s a step, so 3 tokens; in floats 2.9999999999999996."""
    item = Item("video", (step + 1, 2, 2), 2 / (taken / total * rate))
    assert times(item)[step] == position
    assert times(item)[step - 1] == position * (step - 1) // step


def test_text_after_a_long_clip_starts_above_its_last_frame() -> None:
    """Starting at max(h, w), as transformers 5.3 to 5.23 do (issue 45381), would go back in time."""
    clip = Item("video", (100, 4, 6), 1.0)
    places, following, _ = mrope_positions([0, *clip.pads, 0], [clip], CONFIG)
    assert places[0, -2].item() == 1 + 198 and places[:, -1].tolist() == [200] * 3 and following == 201


def test_text_after_a_short_wide_clip_starts_above_its_width() -> None:
    clip = Item("video", (2, 40, 60), 1.0)
    places, following, _ = mrope_positions([0] * 10 + clip.pads, [clip], CONFIG)
    assert places[0].max().item() == 12 and places[2].max().item() == 39 and following == 40


def test_pictures_have_no_time_and_blocks_follow_each_other() -> None:
    tall, wide = Item("image", (1, 6, 2)), Item("image", (1, 2, 8))
    ids = [0, 0, *tall.pads, 0, *wide.pads, *tall.pads, 0]
    places, following, used = mrope_positions(ids, [tall, wide, tall], CONFIG)
    assert used == 3 and following == 14
    assert places.tolist() == [
        [0, 1, 2, 2, 2, 5, 6, 6, 6, 6, 10, 10, 10, 13],
        [0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 10, 11, 12, 13],
        [0, 1, 2, 2, 2, 5, 6, 7, 8, 9, 10, 10, 10, 13],
    ]


def test_plain_text_and_nothing() -> None:
    places, following, used = mrope_positions([1, 2, 3], [], CONFIG)
    assert places.tolist() == [[0, 1, 2]] * 3 and (following, used) == (3, 0)
    places, following, used = mrope_positions([], [], CONFIG)
    assert places.shape == (3, 0) and (following, used) == (0, 0)


@pytest.mark.parametrize(
    ("ids", "media"),
    [
        ([0, IMAGE], []),  # nothing to show
        ([0, IMAGE, 0], [Item("image", (1, 4, 4))]),  # too few pads
        ([VIDEO] * 4, [Item("image", (1, 4, 4))]),  # the wrong kind
        ([IMAGE] * 5, [Item("image", (1, 4, 4))]),  # too many pads
    ],
)
def test_placeholders_that_do_not_fit_their_media(ids: list[int], media: list[Item]) -> None:
    with pytest.raises(PromptError):
        mrope_positions(ids, media, CONFIG)


def tokens_of(grids: list[Grid]) -> list[tuple[int, int, int, int]]:
    """List (medium, frame, row, column) of every merged token, in packed order."""
    return [
        (medium, *place)
        for medium, (t, h, w) in enumerate(grids)
        for place in itertools.product(range(t), range(h // 2), range(w // 2))
    ]


@pytest.mark.parametrize("side", [1, 2, 4])
@pytest.mark.parametrize("grids", GRIDS)
def test_windows_by_brute_force(grids: list[Grid], side: int) -> None:
    plan, tokens = vision_plan(grids, side), tokens_of(grids)
    expected: dict[tuple[int, ...], list[int]] = {}
    for index, (medium, frame, row, column) in enumerate(tokens):
        expected.setdefault((medium, frame, row // side, column // side), []).append(index)
    bounds = plan.windows.bounds.tolist()
    assert all(bound % 4 == 0 for bound in bounds) and bounds[-1] == 4 * len(tokens)
    found = [plan.order[a // 4 : b // 4].tolist() for a, b in itertools.pairwise(bounds)]
    assert sorted(found) == sorted(expected.values())
    sizes = [len(window) for window in found]
    assert sizes == sorted(sizes, reverse=True), "windows lie sorted by size, so that equal ones form one run"
    runs = [(len(list(group)), 4 * size) for size, group in itertools.groupby(sizes)]
    assert list(plan.windows.runs) == runs and len({size for _, size in runs}) == len(runs)
    assert plan.windows.longest == 4 * sizes[0] and plan.windows.gather is None


@pytest.mark.parametrize("grids", GRIDS)
def test_restore_undoes_the_order(grids: list[Grid]) -> None:
    plan = vision_plan(grids, 4)
    count = len(tokens_of(grids))
    assert torch.equal(torch.arange(count)[plan.order][plan.restore], torch.arange(count))
    assert sorted(plan.order.tolist()) == list(range(count))


@pytest.mark.parametrize("grids", GRIDS)
def test_full_attention_stays_within_a_frame(grids: list[Grid]) -> None:
    plan, tokens = vision_plan(grids, 4), tokens_of(grids)
    patches = torch.arange(4 * len(tokens)).view(-1, 4)[plan.order].flatten()  # packed number, in window order
    gather = torch.arange(len(patches)) if plan.frames.gather is None else plan.frames.gather
    scatter = torch.arange(len(patches)) if plan.frames.scatter is None else plan.frames.scatter
    assert torch.equal(patches[gather][scatter], patches)
    bounds = plan.frames.bounds.tolist()
    found = [{tokens[int(p) // 4][:2] for p in patches[gather[a:b]]} for a, b in itertools.pairwise(bounds)]
    assert all(len(frames) == 1 for frames in found), "a segment crosses a frame"
    frames = sorted(frame for segment in found for frame in segment)
    assert frames == [(medium, frame) for medium, grid in enumerate(grids) for frame in range(grid[0])]
    assert sum(count * length for count, length in plan.frames.runs) == bounds[-1] == len(patches)


@pytest.mark.parametrize("grids", GRIDS)
def test_rows_and_columns_travel_with_their_patches(grids: list[Grid]) -> None:
    plan = vision_plan(grids, 4)
    expected = []
    for index in plan.order.tolist():
        _, _, row, column = tokens_of(grids)[index]
        expected += [[2 * row + dy, 2 * column + dx] for dy in range(2) for dx in range(2)]
    assert plan.positions.tolist() == expected


def test_patch_positions_repeat_for_every_frame() -> None:
    one = patch_positions((1, 4, 6))
    assert torch.equal(patch_positions((3, 4, 6)), torch.cat([one] * 3))
    assert sorted(map(tuple, one.tolist())) == list(itertools.product(range(4), range(6)))
