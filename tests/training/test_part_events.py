"""Clips with a clock: times as the product samples them, one answer for what looks alike, true facts and answers."""

import math
import random
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from model.config import model_config, preprocess_config
from model.geometry import FrameLimits, frame_count
from model.positions import block_positions
from model.preprocess import prepare
from model.tokenizer import Tokenizer
from model.training import language
from model.training.asking import Ask
from model.training.data import held_out
from model.training.events import acts, questions, says, time_questions, tokens
from model.training.events.clock import RATES, clock_of, make_clock, seconds_of_a_file
from model.training.events.facts import facts_of, going_on, there
from model.training.events.stage import Actor, Show, plan
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.modeling import small_config
from model.training.parts import events, parts
from model.training.placing import HELD_PAIRS, apart, extent
from model.training.sample import Lang, Sample
from model.training.things import Figure
from qwenvl_cli.media.sampling import plan_frames

SIX = clock_of(180, 30, 12)  # six seconds at two sampled frames a second
LIMITS = FrameLimits(2.0, 4, 12)
Facts = dict[str, Any]


@cache
def samples() -> tuple[Sample, ...]:
    return tuple(args.make() for args in held_out(250, "events", seed=5))


@cache
def shows() -> tuple[tuple[Show, Any, tuple[int, int]], ...]:
    found = []
    for seed in range(250):
        rng = random.Random(seed)
        frames, size = rng.choice((4, 6, 8, 10, 12)), rng.choice(((84, 112), (140, 84), (112, 112)))
        clock = make_clock(rng, frames, rng.choice((0.5, 1.0, 2.0, 4.0)))
        found.append((plan(rng, size, clock, 1.0, "train"), clock, size))
    return tuple(found)


def figure(name: str, colour: str, x: float = 20.0, y: float = 20.0) -> Figure:
    return Figure(name, colour, (0, 0, 0), x, y, 24.0, 24.0)


def asked(facts: Facts, lang: Lang = "en", seeds: int = 12) -> dict[tuple[str, ...], set[str]]:
    """Every answer by key and slots."""
    found: dict[tuple[str, ...], set[str]] = {}
    for seed in range(seeds):
        for maker in (*questions.MAKERS, *time_questions.MAKERS):
            for ask in maker(facts, random.Random(seed), lang):
                found.setdefault((ask.key, *ask.slots.values()), set()).add(ask.answer)
    return found


def appearing() -> Facts:
    """A red star appears at 3 seconds of six (the sixth step between frames) beside a blue ring."""
    star = figure("star", "red")
    moment = SIX.moment(6)
    actors = (
        Actor((None,) * 6 + (star,) * 6, acts.Event("appear", moment, moment)),
        Actor((figure("ring", "blue", 90.0, 90.0),) * 12),
    )
    return facts_of(Show(actors, ("white",)), SIX, (112, 112))


def cut() -> Facts:
    actors = (
        Actor((figure("star", "red"),) * 4 + (None,) * 8, scene=0),
        Actor((None,) * 4 + (figure("ring", "blue", 90.0, 90.0),) * 8, scene=1),
        Actor((None,) * 4 + (figure("heart", "pink"),) * 8, scene=1),
    )
    return facts_of(Show(actors, ("white", "black"), (4,)), SIX, (112, 112))


def meeting() -> Facts:
    moment = SIX.moment(4)
    stars = (figure("star", "red", 20.0 + min(4, k) * 10) for k in range(12))
    poses = [stars, (figure("ring", "blue", 84.0),) * 12]
    both = [Actor(tuple(p), acts.Event("meet", moment, moment, other=1 - i)) for i, p in enumerate(poses)]
    return facts_of(Show(tuple(both), ("white",)), SIX, (112, 112))


def test_frames_are_taken_as_the_product_takes_those_of_a_file() -> None:
    for total, rate, frames in ((180, 30, 12), (75, 25, 6), (61, 30, 4), (720, 24, 12)):
        clock, times = clock_of(total, rate, frames), [index / rate for index in range(total)]
        found = plan_frames(times, total / rate, rate, LIMITS)
        assert clock.fps == pytest.approx(found.sampled_fps)
        assert clock.times == pytest.approx([index / rate for index in found.indices])


def test_the_lengths_of_files_are_those_from_which_the_product_takes_so_many_frames() -> None:
    rng = random.Random(1)
    for frames in (4, 6, 8, 10, 12):
        lengths = {seconds_of_a_file(rng, frames) for _ in range(60)}
        assert len(lengths) >= (10 if frames == 12 else 1)
        for seconds in lengths:
            assert {frame_count(seconds * rate, rate, LIMITS) for rate in RATES} == {frames}


def test_moments_have_names_only_near_whole_steps() -> None:
    assert SIX.step == 1.0 and SIX.names() == [1, 2, 3, 4, 5, 6]
    assert [SIX.said(moment) for moment in (0.2, 0.69, 0.71, 1.29, 1.31, 5.8)] == [None, None, 1, 1, None, 6]
    assert clock_of(30, 30, 4).step == 0.5 and clock_of(24 * 30, 30, 12).step == 2.0
    assert clock_of(24 * 30, 30, 12).said(9.5) == 10
    assert [SIX.first_after(moment) for moment in (0.0, SIX.moment(6), 99.0)] == [1, 6, 11]


def test_the_same_frame_has_another_time_at_another_rate() -> None:
    clocks = [clock_of(seconds * 30, 30, 12) for seconds in (3, 6, 12)]
    assert [clock.said(clock.moment(6)) for clock in clocks] == [1.5, 3, 6]


def test_clips_that_look_alike_to_the_network_have_one_answer() -> None:
    """The network is told a clip's rate only by the positions of its frames, which are rounded down."""
    config = model_config(small_config("tiny", Tokenizer.from_file(TOKENIZER)))
    preprocess = preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR)
    told: dict[tuple[Any, ...], Any] = {}
    for sample in samples():
        medium = prepare(sample.frames, "video", sample.sampled_fps, preprocess)
        vision = config.vision
        positions = block_positions(medium, 0, vision.spatial_merge_size, vision.tokens_per_second)
        seconds = tuple(sorted(set(positions[0].tolist())))
        key = (len(sample.frames), *seconds)
        assert told.setdefault(key, sample.facts["seconds"]) == sample.facts["seconds"]
        for event in sample.facts["events"]:
            if event["at"] is not None:
                assert told.setdefault((*key, "at", event["start"]), event["at"]) == event["at"]
    assert len(told) > 60


def test_everybody_is_whole_and_apart_and_those_who_meet_touch_in_the_end() -> None:
    met = 0
    for show, _, (height, width) in shows():
        for frame in range(len(show.actors[0].poses)):
            boxes = [(i, extent(pose)) for i, a in enumerate(show.actors) if (pose := a.poses[frame]) is not None]
            for index, (left, top, right, bottom) in boxes:
                assert left >= 0 and top >= 0 and right <= width and bottom <= height
                for other, box in boxes:
                    if other < index and show.actors[index].event.other != other:
                        assert apart(box, (left, top, right, bottom), 5.9)
        if (event := show.actors[0].event).what == "meet":
            met += 1
            first, last = ([extent(pose) for a in show.actors[:2] if (pose := a.poses[k])] for k in (0, -1))
            assert apart(first[0], first[1], 3.0)
            assert apart(last[0], last[1], -4.0) and not apart(last[0], last[1], 0.0)
            assert event.start == event.end and show.actors[1].event.other == 0
    assert met >= 10


def test_things_do_what_is_said_of_them() -> None:
    seen: Counter[str] = Counter()
    for show, clock, size in shows():
        for actor in show.actors:
            event, poses = actor.event, actor.poses
            seen[event.what] += 1
            there_at = [pose is not None for pose in poses]
            if event.what in acts.WAYS:
                first, last = poses[0], poses[-1]
                assert first and last
                x, y = last.x - first.x, last.y - first.y
                assert tokens.SECTORS[round(math.atan2(y, x) / (math.pi / 4)) % 8] == event.what
                speed = math.hypot(x, y) / min(size) / ((event.end or 0) - (event.start or 0))
                if event.pace:
                    assert speed >= acts.FAST - 1e-6 if event.pace == "fast" else speed <= acts.SLOW + 1e-6
            elif event.what == "blink":
                shown = "".join("x" if here else " " for here in there_at)
                assert len(shown.split()) == event.times + 1 == len(shown.split(" ")) <= acts.MOST_BLINKS + 1
            elif event.what in ("appear", "vanish"):
                frame = clock.first_after(event.start)
                assert there_at == [(k >= frame) == (event.what == "appear") for k in range(clock.frames)]
            elif event.what == "recolour":
                assert [pose.colour for pose in poses if pose][-1] == event.to != actor.figure.colour
                assert (actor.figure.thing, event.to) not in HELD_PAIRS
    assert set(seen) == {*acts.ACTS, "meet"}


def test_ordered_events_follow_each_other() -> None:
    found = 0
    for show, _, _ in shows():
        events_ = [actor.event for actor in show.actors if actor.event.order is not None]
        if events_:
            found += 1
            one, two = events_
            assert (one.order, two.order) == (0, 1) and (one.end or 0) < (two.start or 0)
    assert found >= 30


def test_worked_answers_about_time() -> None:
    facts = appearing()
    assert facts["events"][0]["at"] == 3 and facts["events"][0]["start"] == 6 and facts["seconds"] == 6
    english, chinese = asked(facts, seeds=200), asked(facts, "zh")
    assert english["event_when", "the star", "appear"] == {"at 3 seconds"}
    assert chinese["event_when", "星形", "出现"] == {"3秒时"}
    assert english["clip_length",] == {"6 seconds"} and chinese["clip_length",] == {"6秒"}
    assert english["at_second", "at 3 seconds", "3", "3 seconds"] == {"the red star appears"}
    assert chinese["at_second", "3秒时", "3", "3秒"] == {"红色的星形出现"}
    assert english["at_second", "at 1 second", "1", "1 second"] == {"nothing happens"}
    assert english["when_is", "the star", "appear", "at 3 seconds", "3", "3 seconds"] == {"yes"}
    assert english["when_is", "the star", "appear", "at 5 seconds", "5", "5 seconds"] == {"no"}
    assert ("when_is", "the star", "appear", "at 4 seconds", "4", "4 seconds") not in english  # too near to deny
    assert english["there_start",] == {"a blue ring"} and english["there_end",] == {"a red star and a blue ring"}
    assert english["there_at", "at 2 seconds", "2", "2 seconds"] == {"a blue ring"}
    assert chinese["there_at", "5秒时", "5", "5秒"] == {"一个红色的星形和一个蓝色的圆环"}
    assert ("there_at", "at 3 seconds", "3", "3 seconds") not in english


def test_worked_answers_about_scenes() -> None:
    facts = cut()
    english, chinese = asked(facts), asked(facts, "zh")
    assert says.caption(facts, "en") == (
        "First a red star on a white background, then a pink heart and a blue ring on a black background."
    )
    said = says.caption(facts, "zh")
    assert said == "先是白色背景上有一个红色的星形，然后黑色背景上有一个粉色的心形和一个蓝色的圆环。"
    assert english["scenes",] == {"2"} and english["scene_is",] == {"yes"} and chinese["scene_is",] == {"有"}
    assert english["scene_in", "first"] == {"a red star"} and english["scene_background", "last"] == {"black"}
    assert english["scene_when",] == {"at 2 seconds"} and chinese["scene_when",] == {"2秒时"}
    assert english["there_at", "at 1 second", "1", "1 second"] == {"a red star"}
    assert english["there_end",] == {"a pink heart and a blue ring"}
    assert ("background",) not in english and ("exists", "a red star") not in english


def test_worked_answers_about_meeting_and_moving() -> None:
    facts, english, chinese = meeting(), asked(meeting()), asked(meeting(), "zh")
    assert says.caption(facts, "en") == "A red star and a blue ring meet, on a white background."
    assert says.caption(facts, "zh") == "白色背景上，一个红色的星形和一个蓝色的圆环相遇。"
    assert english["meet_is",] == {"yes"} and chinese["meet_is",] == {"有"}
    assert english["meets", "the ring"] == {"red star"} and chinese["meets", "星形"] == {"蓝色的圆环"}
    assert english["event_when", "the star", "meet the blue ring"] == {"at 2 seconds"}
    assert english["at_second", "at 2 seconds", "2", "2 seconds"] == {"the red star and the blue ring meet"}
    assert says.phrases(facts, "en") == (("a red star and a blue ring meet", (0, 1)),)
    facts["things"][0]["place"] = [2, 2]  # the ring now stands first, row by row
    assert asked(facts)["at_second", "at 2 seconds", "2", "2 seconds"] == {"the blue ring and the red star meet"}
    assert asked(facts, "zh")["at_second", "2秒时", "2", "2秒"] == {"蓝色的圆环和红色的星形相遇"}


def one_event(**more: Any) -> Facts:
    facts = appearing()
    facts["events"][0] |= {"what": "still", "at": None, "from": 0.0, "until": 6.0, "start": 0} | more
    return facts


def test_worked_answers_about_ways_paces_and_blinks() -> None:
    english = asked(one_event(what="up_left", pace="slow"))
    assert english["motion", "the star"] == {"up left"} and english["pace", "the star"] == {"slowly"}
    assert english["event_how", "the star"] == {"it moves up left"} and english["motion_is", "the star"] == {"yes"}
    chinese = asked(one_event(what="down_right", pace="fast"), "zh")
    assert chinese["motion", "星形"] == {"向右下"} and chinese["pace", "星形"] == {"快"}
    assert chinese["at_second", "2秒时", "2", "2秒"] == {"红色的星形向右下移动"}
    english = asked(one_event(what="blink", times=3))
    assert english["blinks", "the star"] == {"3"} and english["event_how", "the star"] == {"it blinks 3 times"}
    assert english["event_what", "blinks"] == {"red star"} and english["event_is", "blink", "blinks"] == {"yes"}
    assert says.caption(one_event(what="blink", times=1), "en").startswith("A red star blinks once and a blue ring")
    assert says.caption(one_event(what="blink", times=2), "zh").startswith("白色背景上，一个红色的星形闪烁2次，")
    assert asked(one_event(what="circle"))["motion", "the star"] == {"in a circle"}
    assert asked(one_event(what="bounce"), "zh")["motion", "星形"] == {"上下弹跳"}


def test_what_happens_at_a_moment_is_left_open_where_it_cannot_be_seen() -> None:
    facts = one_event(what="left", **{"from": 2.0, "until": 4.0, "at": 2})
    going = {second: going_on(facts, second) for second in (1, 2, 3, 4, 5)}
    assert going[1] == going[5] == [] and going[4] is None
    assert [event["what"] for event in (*(going[2] or ()), *(going[3] or ()))] == ["left", "left"]
    assert there(facts, 1) is None  # what moves has no one place in a list
    assert going_on(meeting(), 1) is None


def test_captions_read_as_those_of_plainer_clips_and_point_at_their_things() -> None:
    plain = 0
    for sample in samples():
        facts = sample.facts
        whats = {event["what"] for event in facts["events"]}
        for lang in ("en", "zh"):
            said = says.caption(facts, lang)
            for phrase, ids in says.phrases(facts, lang):
                assert phrase.lower() in said.lower() and ids
            if len(facts["scenes"]) == 1 and whats <= {*language.VERBS_EN, "recolour"}:
                plain += 1
                assert said == language.clip_caption(facts, lang)
    assert plain > 50


def test_yes_and_no_are_as_frequent_and_answers_are_short() -> None:
    found: Counter[tuple[str, str]] = Counter()
    tokenizer = Tokenizer.from_file(TOKENIZER)
    for sample in samples():
        for maker in (*questions.MAKERS, *time_questions.MAKERS):
            asks: list[Ask] = maker(sample.facts, random.Random(sample.seed), "en")
            found.update((ask.key, ask.answer) for ask in asks if ask.answer in ("yes", "no"))
        for lang in ("en", "zh"):
            assert len(tokenizer.encode(parts()["events"].caption(sample.facts, lang))) <= 60
    for key in {key for key, _ in found}:
        share = found[key, "yes"] / (found[key, "yes"] + found[key, "no"])
        assert 0.3 < share < 0.7, (key, share)


def test_labels_tell_what_happens_within_a_pair_of_frames() -> None:
    here = figure("star", "red")
    there_, turned = acts.moved(here, 3.0, -3.1), Figure(**{**here.__dict__, "angle": 12.0})
    cases = ((None, None), (None, here), (here, None), (here, here), (here, there_), (there_, here), (here, turned))
    names = [tokens.DOING[tokens.doing_class(*case)] for case in cases]
    assert names == ["nothing", "appear", "vanish", "still", "up_right", "down_left", "spin"]


def test_labels_of_a_clip_by_hand() -> None:
    facts, star, ring = appearing(), figure("star", "red"), figure("ring", "blue", 90.0, 90.0)
    cast = [[star if frame >= 5 else None, ring] for frame in range(12)]
    facts["events"][0] |= {"start": 5}
    masks = np.zeros((12, 112, 112), dtype=np.uint8)
    masks[5:, :28, :28], masks[:, 84:, 84:] = 1, 2
    dense = tokens.dense(masks, cast, facts, SIX)
    of_star = [tokens.DOING[value] for value in dense["doing"][:, 0, 0]]
    assert of_star == ["nothing", "nothing", "appear", "still", "still", "still"]
    assert {tokens.DOING[value] for value in dense["doing"][:, 3, 3]} == {"still"}
    assert dense["owner"][:, 0, 0].tolist() == [0, 0, 1, 1, 1, 1] and not dense["order"].any()
    assert [tokens.HAPPENED[value] for value in dense["happened"][:, 0, 0]] == ["nothing"] * 2 + ["appear"] * 4
    since, second = ([tokens.TOLD[name][value] for value in dense[name][:, 0, 0]] for name in ("since", "now"))
    assert since == ["none", "none", "3", "3", "3", "3"] and second == ["0.5", "1.5", "2.5", "3.5", "4.5", "5.5"]
    facts = cut()
    facts["scenes"][1]["start"] = 5
    cast = [[star, None, None] if frame < 5 else [None, ring, star] for frame in range(12)]
    doing = tokens.dense(masks * 0, cast, facts, SIX)["doing"]
    assert [tokens.DOING[value] for value in np.unique(doing[2])] == ["cut"] and not doing[[0, 1, 3, 4, 5]].any()


def test_labels_of_drawn_clips_agree_with_their_facts() -> None:
    for sample in samples()[:80]:
        for event in sample.facts["events"]:
            if event["what"] == "appear" and event["start"] % 2:
                pair, owner = event["start"] // 2, sample.dense["owner"] == event["id"] + 1
                assert {*sample.dense["doing"][pair][owner[pair]]} <= {tokens.DOING.index("appear")}
                assert not owner[:pair].any()
        assert sample.questions and sample.sampled_fps <= 4.0 + 1e-6


def test_difficulty_nought_is_mostly_one_thing_alone() -> None:
    counts = [len(events.make(seed, (112, 112), 8, 2.0, 0.0, "train").facts["things"]) for seed in range(60)]
    assert counts.count(1) > 30 and max(counts) <= 2
