"""The stream is a pure function of seed, step and progress; the vocabulary holds every answer whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.config import preprocess_config
from model.geometry import smart_resize
from model.tokenizer import IM_END, MARKUP_TOKENS, SPECIAL_TOKENS, Tokenizer
from model.training import data, vocabulary
from model.training.data import (
    CLIP_SIZES,
    FRAMES,
    LARGE_TOKENS,
    PICTURE_SIZES,
    WIDE,
    Plan,
    batch_samples,
    dense_classes,
    drawn_parts,
    for_tower,
    held_out,
    merged_tokens,
    plan_batch,
    teaches_tower_only,
)
from model.training.export import PREPROCESSOR, VIDEO_PREPROCESSOR
from model.training.labels import RANKS, class_names, ranks
from model.training.parts import parts

TOKENIZER = Path(__file__).parents[2] / "model" / "small" / "tokenizer.json"


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    plan = Plan(seed=5, batch=8)
    assert plan_batch(plan, 40, 0.5) == plan_batch(plan, 40, 0.5)
    assert plan_batch(plan, 40, 0.5) != plan_batch(plan, 41, 0.5)
    assert {a.seed for a in plan_batch(plan, 40, 0.5)}.isdisjoint(a.seed for a in plan_batch(Plan(6, 8), 40, 0.5))
    first, second = (batch_samples(plan, 2, 0.4)[1] for _ in range(2))
    assert first == second


def test_steps_that_teach_the_tower_alone_have_parts_of_their_own_and_ask_once() -> None:
    plan = Plan(seed=5, batch=4, parts=(("clips", 1.0),), tower_parts=(("shapes", 1.0),))
    drawn = [{plan_batch(own, step, 1.0)[0].part for step in range(5)} for own in (for_tower(plan), plan)]
    assert drawn == [{"shapes"}, {"clips"}]
    assert for_tower(Plan(parts=(("clips", 1.0),))).parts == (("clips", 1.0),)  # without a mix of its own, the same
    assert {len(asked) for asked in batch_samples(for_tower(plan), 2, 1.0)[1]} == {1}
    chosen = [step for step in range(400) if teaches_tower_only(plan, step, 0.3)]
    assert chosen == [step for step in range(400) if teaches_tower_only(plan, step, 0.3)]
    assert 80 < len(chosen) < 160 and set(chosen) > {step for step in range(400) if teaches_tower_only(plan, step, 0.1)}
    assert not any(teaches_tower_only(plan, step, 0.0) for step in range(400))
    assert all(teaches_tower_only(plan, step, 1.0) for step in range(400))
    assert [name for name, _ in drawn_parts(plan.parts, (*plan.tower_parts, *plan.parts))] == ["clips", "shapes"]


def test_a_batch_is_one_bucket_of_about_the_same_cost() -> None:
    plan = Plan(seed=1, batch=32)
    names = set()
    for step in range(120):
        batch = plan_batch(plan, step, 0.6)
        assert len({(args.part, args.size, args.frames) for args in batch}) == 1
        tokens = merged_tokens(batch[0].size, batch[0].frames)
        assert 16 <= len(batch) <= 64
        assert len(batch) * tokens <= max(32 * LARGE_TOKENS, 16 * tokens)
        names.add(batch[0].part)
    assert names == {"shapes", "clips"}


def test_the_curriculum_starts_with_small_easy_pictures() -> None:
    plan = Plan(seed=1)
    first = [args for step in range(20) for args in plan_batch(plan, step, 0.0)]
    last = [args for step in range(20) for args in plan_batch(plan, step, 1.0)]
    assert {args.part for args in first} == {"shapes"}
    assert sum(args.difficulty for args in first) / len(first) < 0.25
    assert sum(args.difficulty for args in last) / len(last) > 0.8
    pictures = [[args.size for args in part if args.part == "shapes"] for part in (first, last)]
    area = [sum(height * width for height, width in sizes) / len(sizes) for sizes in pictures]
    assert area[0] < area[1]


def test_the_product_leaves_the_sizes_of_training_as_they_are() -> None:
    limits = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    for height, width in PICTURE_SIZES:
        kept = smart_resize(height, width, min_pixels=limits.min_pixels, max_pixels=limits.max_pixels)
        assert kept == (height, width)
    for height, width in CLIP_SIZES:
        kept = smart_resize(height, width, min_pixels=limits.video_min_pixels, max_pixels=limits.video_max_pixels)
        assert kept == (height, width)
    assert max(FRAMES) == limits.video_max_frames


def test_what_the_product_makes_of_pictures_from_1_4_to_4_1_is_drawn() -> None:
    limits = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    for short in range(250, 1001):
        made = smart_resize(short, 1000, min_pixels=limits.min_pixels, max_pixels=limits.max_pixels)
        assert {made, made[::-1]} <= set(PICTURE_SIZES)


def test_dense_classes_count_the_names() -> None:
    tower, decoder = dense_classes()
    assert tower == {
        "thing": 14, "colour": 12, "char": 37, "motion": 11, "text": 221, "alike": 7, "across": 14, "down": 14,
        "rank": 10,
    }  # fmt: skip
    assert decoder == {"alike": 7, "story": 11, "order": 3, "column": 25, "row": 25, "rank": 10}
    assert class_names()["thing"][-1] == "text"


def test_one_name_for_unlike_labels_of_two_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, clips = parts()["shapes"], parts()["clips"]
    clash = {"shapes": replace(shapes, classes={"now": ("a", "b")}), "clips": replace(clips, classes={"now": ("a",)})}
    monkeypatch.setattr(data, "parts", lambda: clash)
    with pytest.raises(ValueError, match="two parts have a dense label 'now'"):
        data.dense_classes()
    assert [data.dense_classes(((name, 1.0),))[0]["now"] for name in clash] == [2, 1]  # each alone is fine


def test_the_wide_world_has_no_such_clash() -> None:
    assert len(dense_classes(WIDE)[0]) > len(dense_classes()[0])


def test_the_vocabulary_is_whole_and_has_the_published_tokens() -> None:
    known = Tokenizer.from_file(TOKENIZER)
    assert known.vocab_size == vocabulary.SIZE
    ids = [known.token_id(token) for token in (*SPECIAL_TOKENS, *MARKUP_TOKENS)]
    assert ids == list(range(vocabulary.SIZE - 22, vocabulary.SIZE))
    text = f"Grüße 你好 🙂 {IM_END} don't 12"
    assert known.decode(known.encode(text)) == text
    assert known.token_id(IM_END) not in known.encode(text)


@pytest.mark.parametrize("part", sorted(parts()))
def test_every_answer_round_trips_and_is_short(part: str) -> None:
    known = Tokenizer.from_file(TOKENIZER)
    for args in held_out(60, part):
        for qa in args.make().questions:
            ids = known.encode(qa.answer)
            assert known.decode(ids) == qa.answer
            assert len(ids) <= parts()[part].longest * parts()[part].pictures, qa


def test_chinese_names_stay_apart_in_the_vocabulary() -> None:
    """A tiny model composes better when colour and shape are tokens of their own."""
    known = Tokenizer.from_file(TOKENIZER)
    pieces = [known.decode([index]) for index in known.encode("一个灰色的圆形和一个橙色的三角形")]
    assert pieces == ["一个", "灰色", "的", "圆形", "和", "一个", "橙色", "的", "三角形"]


def test_the_vocabulary_trains_the_same_twice(tmp_path: Path) -> None:
    one, two = (vocabulary.train(6, tmp_path / "no names").to_str() for _ in range(2))
    assert one == two


def test_ranks_follow_the_caption_and_equal_things_share_one() -> None:
    owner = np.array([[[0, 1, 2], [3, 3, 4]]])
    told = (("two dogs", (0, 2)), ("at the top", (0, 2)), ("a cat", (1,)))
    assert ranks(owner, told).tolist() == [[[0, 1, 2], [1, 1, 0]]]
    many = tuple((f"thing {number}", (number,)) for number in range(RANKS + 2))
    assert ranks(np.arange(RANKS + 3)[None, None], many).max() == RANKS


@pytest.mark.parametrize("part", ["shapes", "things", "drawings", "boxes"])
def test_a_picture_is_told_in_the_order_of_its_ranks(part: str) -> None:
    for args in held_out(6, part):
        sample = args.make()
        told = next(qa.told for qa in sample.questions if qa.skill == "caption")
        firsts = list(dict.fromkeys(things[0] for _, things in told))
        rank, owner = sample.dense["rank"], sample.dense["owner"]
        for number, thing in enumerate(firsts, 1):
            assert set(rank[owner == thing + 1].tolist()) <= {number}
        assert not rank[owner == 0].any()


def test_clips_and_pairs_have_no_ranks() -> None:
    assert all("rank" not in held_out(1, part)[0].make().dense for part in ("clips", "events", "thing_events", "pairs"))
