"""Clips of everyday things: nobody is seen who is not there, sentences agree with names, held drawings stay held."""

import random
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.config import model_config, preprocess_config
from model.tokenizer import Tokenizer
from model.training import colours
from model.training.assets.pack import Pack, pack
from model.training.batches import collate
from model.training.data import Plan, batch_samples, dense_classes, held_out
from model.training.events import acts, clip, item_parts, items, says
from model.training.events.clock import Clock, clock_of, make_clock
from model.training.events.facts import facts_of
from model.training.events.stage import Actor, Show, plan
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.modeling import small_config
from model.training.parts import parts
from model.training.phrasings import HELD, tables
from model.training.phrasings.thing_events import OF_THINGS
from model.training.pictured import item_names
from model.training.placing import extent
from model.training.pointing import Asker, thing_meant
from model.training.sample import Facts, Lang, Sample, Size
from model.training.things import Figure

SIX = clock_of(180, 30, 12)  # six seconds at two sampled frames a second
TINT = (255, 255, 255)


@cache
def shows() -> tuple[tuple[Show, Clock, Size], ...]:
    found = []
    for seed in range(160):
        rng = random.Random(seed)
        frames, size = rng.choice((4, 6, 8, 10, 12)), rng.choice(((84, 112), (140, 84), (112, 112)))
        clock = make_clock(rng, frames, rng.choice((0.5, 1.0, 2.0, 4.0)))
        found.append((plan(rng, size, clock, 1.0, "train", items.troupe("train")), clock, size))
    return tuple(found)


@cache
def samples() -> tuple[Sample, ...]:
    return tuple(args.make() for args in held_out(80, "thing_events", seed=3))


def pasted(name: str, x: float = 30.0, y: float = 30.0, **more: Any) -> items.Pasted:
    image = Image.new("RGBA", (60, 40), (200, 0, 0, 255))
    return items.Pasted(name, "", (0, 0, 0), x, y, 36.0, 24.0, drawing=image, **more)


def appearing(*others: tuple[Figure | None, ...]) -> Facts:
    """A car appears at 3 seconds of six beside others."""
    moment = SIX.moment(6)
    car = Actor((None,) * 6 + (pasted("car"),) * 6, acts.Event("appear", moment, moment))
    show = Show((car, *(Actor(poses) for poses in others)), ("white",))
    return facts_of(show, SIX, (112, 112)) | {"scope": "cpu", "drawings": "train"}


def asked(facts: Facts, lang: Lang = "en", seeds: int = 60) -> dict[tuple[str, ...], set[str]]:
    """Every answer by key and slots."""
    found: dict[tuple[str, ...], set[str]] = {}
    for seed in range(seeds):
        for maker in item_parts.MAKERS:
            for ask in maker(facts, random.Random(seed), lang):
                found.setdefault((ask.key, *ask.slots.values()), set()).add(ask.answer)
    return found


def test_nobody_is_seen_in_a_frame_before_appearing_or_after_vanishing() -> None:
    """Pixels that nobody present reaches have the plain colour; whoever is present owns pixels within its box."""
    away: Counter[str] = Counter()
    for show, clock, size in shows():
        cast = [[actor.poses[frame] for actor in show.actors] for frame in range(clock.frames)]
        for figures, brush in zip(cast, items.paint(cast, [TINT] * clock.frames, size), strict=True):
            ids, picture = np.asarray(brush.ids), np.asarray(brush.picture.reduce(brush.scale))
            near = np.zeros(size, dtype=bool)
            for index, figure in enumerate(figures):
                owned = np.argwhere(ids == index + 1)
                if figure is None:
                    assert not len(owned)
                    away[show.actors[index].event.what] += 1
                    continue
                left, top, right, bottom = extent(figure)
                near[max(0, int(top) - 2) : int(bottom) + 3, max(0, int(left) - 2) : int(right) + 3] = True
                low, high = owned.min(0), owned.max(0) + 1
                assert low[0] >= top - 2 and low[1] >= left - 2 and high[0] <= bottom + 2 and high[1] <= right + 2
                assert len(owned) > 0.08 * figure.width * figure.height
            assert (picture[~near] == TINT).all()
    assert min(away[what] for what in ("appear", "vanish", "blink")) > 10


def test_a_figure_is_drawn_as_large_and_as_turned_as_it_says() -> None:
    flat, upright = (
        items.paint([[pasted("car", 50.0, 40.0, angle=angle)]], [TINT], (84, 112))[0] for angle in (0.0, 90.0)
    )
    boxes = [brush.ids.getbbox() for brush in (flat, upright)]
    assert boxes == [(32, 28, 68, 52), (38, 22, 62, 58)]
    assert flat.picture.reduce(flat.scale).getpixel((50, 40)) == (200, 0, 0)
    half = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    half.paste((0, 200, 0, 255), (20, 0, 40, 40))
    turned = items.Pasted("car", "", (0, 0, 0), 40.0, 40.0, 40.0, 40.0, 90.0, drawing=half)
    ids = np.asarray(items.paint([[turned]], [TINT], (84, 84))[0].ids)
    assert ids[50, 40] == 1 and ids[30, 40] == 0  # clockwise, as shapes turn: its right half is below


def test_those_who_act_are_single_stand_out_and_keep_their_colours() -> None:
    done: Counter[str] = Counter()
    for show, _, _ in shows():
        names = [actor.figure.thing for actor in show.actors]
        assert len(set(names)) == len(names)
        for actor in show.actors:
            done[actor.event.what] += 1
            background = show.backgrounds[actor.scene]
            assert actor.figure.colour in ("", *colours.contrasting(background))
            assert len({pose.colour for pose in actor.poses if pose}) == 1
    assert set(done) == {*acts.ACTS, "meet"} - {"recolour"}
    assert {thing.article for thing in items.actors("train")} == {"a", "an"} and len(items.actors("train")) > 85
    with pytest.raises(TypeError, match="star has no drawing"):
        items.figure(random.Random(1), items.Wish("star", "red"), 0.5, (84, 84))


def test_worked_answers_about_a_car() -> None:
    facts = appearing((pasted("airplane", 80.0, 90.0),) * 12)
    english, chinese = asked(facts), asked(facts, "zh")
    assert english["event_when", "the car", "appear"] == {"at 3 seconds"}
    assert chinese["event_when", "汽车", "出现"] == {"3秒时"}
    assert english["event_what_of_things", "appears"] == {"car"} and chinese["event_what_of_things", "出现"] == {"汽车"}
    assert english["at_second", "at 3 seconds", "3", "3 seconds"] == {"the car appears"}
    assert chinese["at_second", "3秒时", "3", "3秒"] == {"汽车出现"}
    assert english["there_start",] == {"an airplane"} and english["there_end",] == {"a car and an airplane"}
    assert english["there_at", "at 2 seconds", "2", "2 seconds"] == {"an airplane"}
    assert chinese["there_at", "5秒时", "5", "5秒"] == {"一个汽车和一个飞机"}
    assert english["motion_is", "the airplane"] == {"no"} and english["event_how", "the car"] == {"it appears"}
    assert says.caption(facts, "en") == "A car appears and an airplane stays still, on a white background."
    assert says.caption(facts, "zh") == "白色背景上，一个汽车出现，一个飞机静止不动。"
    assert ("name_one",) not in english  # the car is not there all the time
    assert ("becomes", "the car") not in english


def test_worked_answers_about_things_that_stay() -> None:
    facts = appearing((pasted("dog", 80.0, 90.0),) * 12)
    facts["events"][0] |= {"what": "left", "from": 0.0, "until": 5.0, "start": 0, "at": None, "pace": "fast"}
    facts["things"][0]["colour"] = "red"
    english = asked(facts)
    assert english["motion", "the car"] == {"left"} and english["pace", "the car"] == {"fast"}
    assert english["color_of", "car"] == {"red"} and ("color_of", "dog") not in english
    assert english["motion", "the red car"] == {"left"}
    assert asked(facts, "zh")["motion", "红色的汽车"] == asked(facts, "zh")["motion", "汽车"] == {"向左"}
    assert english["exists", "a dog"] == {"yes"}
    assert {answer for key, answers in english.items() if key[0] == "exists" for answer in answers} == {"yes", "no"}
    assert says.caption(facts, "en") == "A car moves left and a dog stays still, on a white background."
    del facts["things"][1], facts["events"][1]
    assert asked(facts)["name_one",] == {"car"} and asked(facts, "zh")["name_one",] == {"汽车"}


def test_nothing_that_is_asked_of_things_speaks_of_shapes_and_held_wordings_are_held() -> None:
    for lang, table in tables().items():
        for key, own in OF_THINGS.items():
            wordings = table[own]
            assert not [text for text in wordings if "shape" in text or "图形" in text]
            known = {*table[key][: -HELD[lang]], *wordings[: -HELD[lang]]}
            assert known.isdisjoint(wordings[-HELD[lang] :]) and len(wordings) > 15
    keys = {ask[0] for sample in samples() for ask in asked(sample.facts, seeds=2)}
    assert {*OF_THINGS.values()} <= keys and keys.isdisjoint(OF_THINGS)


def test_training_meets_no_held_drawing_and_the_exam_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    met: set[tuple[str, str]] = set()
    read = Pack.image

    def recorded(self: Pack, style: str, code: str, split: Any = "train") -> Any:
        met.add((style, code))
        return read(self, style, code, split)

    monkeypatch.setattr(Pack, "image", recorded)
    every = {split: {d for t in items.actors(split) for d in pack().drawings(t, split)} for split in ("train", "held")}
    for seed in range(30):
        parts()["thing_events"].make(seed, (84, 112), 4, 2.0, 1.0, "train")
    assert len(met) > 30 and met <= every["train"] and met.isdisjoint(every["held"])
    assert {style for style, _ in met} <= set(pack().styles("train"))
    met.clear()
    for args in held_out(20, "held_thing_events"):
        args.make()
    assert len(met) > 15 and met <= every["held"]


@pytest.mark.parametrize(("part", "needs"), [("events", 12), ("thing_events", 24)])
def test_a_clip_is_worn_as_far_as_its_smallest_look_allows(
    part: str, needs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms, sides, painted = list[float](), list[float](), clip.painted

    def watched(troupe: Any, cast: Any, tints: Any, size: Size) -> Any:
        sides.append(min(max(one.width, one.height) for figures in cast for one in figures if one is not None))
        return painted(troupe, cast, tints, size)

    def wear(rng: random.Random, frames: Any, difficulty: float, room: float) -> Any:
        rooms.append(room)
        return frames

    monkeypatch.setattr(clip, "painted", watched)
    monkeypatch.setattr(clip, "wear_more", wear)
    for seed in range(12):
        parts()[part].make(seed, (112, 112), 4, 2.0, 1.0, "train")
    assert rooms == [side / needs for side in sides] and len({*rooms}) > 8


def test_a_token_is_labelled_with_the_thing_that_it_shows() -> None:
    classes, shown = item_names("cpu"), 0
    for sample in samples():
        assert "thing" not in sample.dense and "text" not in sample.dense
        item, owner = sample.dense["item"], sample.dense["owner"]
        for fact in sample.facts["things"]:
            seen = set(item[owner == fact["id"] + 1].tolist()) - {0}
            assert seen <= {classes.index(fact["thing"]) + 1}
            shown += bool(seen)
            assert classes[thing_meant_of(sample, fact["id"]) - 1] == fact["thing"] or not seen
        assert not item[owner == 0].any()
    assert shown > 80


def thing_meant_of(sample: Sample, number: int) -> int:
    """The class among the hundred of what a question about a thing means."""
    everything = item_names("all")
    meant = thing_meant(sample, Asker(0, (number,)))
    return item_names("cpu").index(everything[meant - 1]) + 1 if meant else 0


def test_a_batch_of_them_has_the_labels_of_things_and_of_events() -> None:
    plan_ = Plan(seed=2, batch=2, parts=(("thing_events", 1.0),))
    drawn, questions = batch_samples(plan_, 1, 1.0)
    tokenizer = Tokenizer.from_file(TOKENIZER)
    config = model_config(small_config("tiny", tokenizer))
    batch = collate(drawn, questions, tokenizer, config, preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR))
    tower, decoder = dense_classes((("thing_events", 1.0), ("things", 1.0)))
    assert {"item", "doing"} <= set(tower) & set(batch.dense) and {"happened", "since"} <= set(decoder)
    assert int(batch.dense["item"].max()) > 0 and int(batch.pointers.things.max()) > 0
