"""Drawings: true names and boxes, renderers that agree, answers that follow from the facts."""

import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.training import language, worn
from model.training.assets import pack as packs
from model.training.data import held_out
from model.training.drawing import look, names, papers, pen, scene, vector
from model.training.drawing.asks import MAKERS
from model.training.drawing.forms import SHAPES, Form, form, turn
from model.training.drawing.look import CAPS, Style, distance, filled
from model.training.drawing.plan import COVERED, Item, bent, bounds, item_of
from model.training.labels import class_names
from model.training.parts import drawings
from model.training.picture_questions import all_colours
from model.training.placing import HELD_PAIRS, Wish
from model.training.questions import facts_asked
from model.training.sample import Sample
from model.training.things import Figure, catalogue, shapes
from model.training.worn import bending

WHITE, RED = (255, 255, 255), (220, 20, 30)
NEEDS_SVG = pytest.mark.skipif(not vector.available(), reason="the SVG renderer is not installed")


def thing(name: str, colour: str, row: int, column: int, **more: Any) -> dict[str, Any]:
    base = {"thing": name, "colour": colour, "place": [row, column], "kind": "filled", "extent": [40.0, 40.0]}
    return base | more


def picture(*things: dict[str, Any], **more: Any) -> dict[str, Any]:
    numbered = [fact | {"id": number} for number, fact in enumerate(things)]
    return {"kind": "image", "background": "white", "texture": "plain", "things": numbered, "events": []} | more


THREE = picture(
    thing("star", "red", 0, 0, extent=[60.0, 58.0], border="black"),
    thing("oval", "blue", 1, 1, kind="outlined", extent=[40.0, 25.0]),
    thing("star", "red", 2, 0, extent=[20.0, 19.0], border="black"),
    texture="grid",
)


def asked(facts: dict[str, Any], lang: Any = "en") -> dict[tuple[str, ...], str]:
    rounds = [facts_asked(facts, random.Random(seed), lang, MAKERS) for seed in range(90)]
    every = [ask for by_skill in rounds for asks in by_skill.values() for ask in asks]
    return {(ask.key, *ask.slots.values()): ask.answer for ask in every}


@cache
def many(count: int) -> list[Sample]:
    return [args.make() for args in held_out(count, "drawings", seed=5)]


def test_the_first_pictures_do_not_know_the_later_shapes() -> None:
    assert set(SHAPES) - set(shapes()) == {"oval", "arrow"} and len(SHAPES) == 14
    assert "oval" not in catalogue() and "oval" not in class_names()["thing"]
    assert language.shape("oval", "zh") == "椭圆形" and language.shape("arrow", "en", many=True) == "arrows"


@pytest.mark.parametrize("shape", SHAPES)
def test_forms_fill_the_unit_box_and_keep_their_names(shape: str) -> None:
    rng = random.Random(shape)
    for _ in range(60):
        made = form(rng, shape)
        outer = made.contours[0]
        assert np.allclose(outer.max(axis=0), 0.5, atol=0.02) and np.allclose(outer.min(axis=0), -0.5, atol=0.02)
        angle = abs(turn(rng, shape, 1.0))
        if shape in ("circle", "ring", "square"):
            assert made.aspect == 1.0
        if shape in ("oval", "rectangle"):
            assert max(made.aspect, 1 / made.aspect) >= 1.3
        if shape in ("square", "diamond", "cross"):
            assert angle <= 20


def test_a_box_holds_the_line_too() -> None:
    line = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    figure = Figure("square", "red", RED, 60.0, 50.0, 40.0, 20.0)
    item = Item(figure, Form((line,)), Style(None, RED, 4.0))
    assert bounds(item, (112, 112)) == (40.0, 40.0, 80.0, 60.0)
    assert item.kind == "outlined"
    corner = Item(figure.__class__(**{**figure.__dict__, "x": 10.0}), Form((line,)), Style(RED))
    assert bounds(corner, (112, 112)) == (0.0, 40.0, 30.0, 60.0)  # what is outside of the picture is not counted


def inked(pixels: Any, paper: Any, share: float = 0.1) -> tuple[int, int, int, int]:
    away = np.abs(pixels.astype(int) - paper.astype(int)).sum(axis=2)
    rows, columns = np.nonzero(away > share * away.max())
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("renderer", [pen, pytest.param(vector, marks=NEEDS_SVG)])
def test_boxes_hold_what_is_drawn(renderer: Any) -> None:
    paper = papers.lay(random.Random(0), "plain", WHITE, (140, 168))
    for seed in range(25):
        rng = random.Random(seed)
        for item in scene.plan_items(rng, (140, 168), "white", WHITE, 1.0, "train", 24.0):
            if item.style.shadow or item.style.cap:
                continue
            found = inked(renderer.render(rng, [item], paper), paper)
            assert np.abs(np.array(found) - np.array(bounds(item, (140, 168)))).max() <= 3, item


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("renderer", [pen, pytest.param(vector, marks=NEEDS_SVG)])
def test_dashes_leave_gaps_and_end_as_their_caps_say(renderer: Any, cap: str) -> None:
    paper = papers.lay(random.Random(0), "plain", WHITE, (140, 140))
    figure = Figure("square", "black", (0, 0, 0), 70.0, 70.0, 100.0, 100.0)
    pixels = {}
    for ends in (cap, ""):
        item = Item(figure, form(random.Random(0), "square"), Style(None, (0, 0, 0), 6.0, cap=ends))
        pixels[ends] = np.abs(renderer.render(random.Random(1), [item], paper).astype(float) - paper).mean(axis=2)
    dash, gap = Style(None, (0, 0, 0), 6.0, cap=cap).dashes
    assert dash + gap == pytest.approx(4.6 * 6)  # caps add to a dash what they take from the gap
    covered = pixels[cap].sum() / pixels[""].sum()
    assert 0.5 < covered < 0.85, covered  # three widths of dash to 1.6 of gap, the corners of round caps missing
    edge = pixels[cap][24] > 128  # along the upper side
    assert np.count_nonzero(np.diff(edge.astype(int))) >= 6


def test_lines_are_dashed_seldom_with_every_cap() -> None:
    caps = Counter(look.outlined(random.Random(seed), (0, 0, 0), 80.0, 1.0).cap for seed in range(800))
    assert set(caps) == {"", *CAPS} and caps[""] > 600


def test_a_photo_under_a_drawing_keeps_the_colour_of_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lain = [
        papers.lay(random.Random(seed), "photo", (200, 60, 60), (112, 140), "held").astype(float) for seed in range(8)
    ]
    assert sum(paper.std() > papers.flat((200, 60, 60), (112, 140)).std() + 0.5 for paper in lain) >= 4
    for paper in lain:
        assert np.abs(paper.mean((0, 1)) - (200, 60, 60)).max() < 8
        assert np.abs(paper - (200, 60, 60)).max() <= 2 * papers.DEPTH + 1
    kinds = {papers.kind_of(random.Random(seed), 1.0) for seed in range(400)}
    assert kinds == set(papers.KINDS)
    monkeypatch.setenv(packs.VARIABLE, str(tmp_path))  # no packs there
    packs.pack.cache_clear()
    kinds = {papers.kind_of(random.Random(seed), 1.0) for seed in range(400)}
    packs.pack.cache_clear()
    assert kinds == set(papers.KINDS) - {"photo"}


@NEEDS_SVG
def test_renderers_draw_the_same_things() -> None:
    paper = papers.lay(random.Random(0), "plain", WHITE, (112, 112))
    for seed in range(12):
        items = scene.plan_items(random.Random(seed), (112, 112), "white", WHITE, 1.0, "train", 24.0)
        one, two = (renderer.render(random.Random(seed), items, paper).astype(float) for renderer in (pen, vector))
        assert np.abs(one - two).mean() < 5


def test_without_the_svg_renderer_pillow_draws_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the SVG renderer was asked")

    monkeypatch.setattr(vector, "render", never)
    monkeypatch.setattr(vector, "available", lambda: False)
    for seed in range(6):
        assert drawings.make(seed, (112, 112), 1, 1.0, 1.0, "train").frames.shape == (1, 112, 112, 3)


def test_worked_descriptions() -> None:
    assert names.brief(THREE, "en") == "Two red stars and a blue oval."
    assert names.brief(THREE, "zh") == "两个红色的星形和一个蓝色的椭圆形。"
    assert names.enumerated(THREE, "en") == "two red stars, a blue oval"
    assert names.detailed(THREE, "en") == (
        "Three shapes on a white background with grid lines: two red stars with a black border on the left, "
        "an outlined blue oval in the center."
    )
    assert names.detailed(THREE, "zh") == (
        "带网格线的白色背景上有三个图形：左边有两个带黑色边的红色的星形，中间有一个空心的蓝色的椭圆形。"
    )
    nine = picture(*(thing("arrow", "green", i // 3, i % 3) for i in range(9)))
    assert language.caption(nine, "en") == "Nine green arrows, on a white background."
    assert names.detailed(nine, "zh") == "白色背景上有九个图形：九个绿色的箭头。"


def test_worked_answers() -> None:
    answers = asked(THREE)
    assert answers[("filling_of", "the oval")] == "outlined"
    assert ("filling_of", "the star") not in answers  # there are two
    assert answers[("filled_which", "outlined")] == "blue oval" and ("filled_which", "filled") not in answers
    assert answers[("largest",)] == "red star" and answers[("smallest",)] == "red star"
    assert answers[("count", "red stars")] == "2"
    pair = picture(thing("heart", "pink", 0, 0, extent=[50.0, 50.0], border="blue"), thing("ring", "gray", 2, 2))
    answers = asked(pair)
    assert answers[("border_of", "the heart")] == "blue"
    assert ("largest",) not in answers  # 50 is not clearly more than 40
    pair["things"][1]["extent"] = [30.0, 30.0]
    answers = asked(pair)
    assert answers[("larger_which", "the ring", "the heart")] == "pink heart"
    assert answers[("smaller_which", "the heart", "the ring")] == "gray ring"
    assert answers[("larger_is", "the heart", "the ring")] == "yes"
    assert answers[("larger_is", "the ring", "the heart")] == "no"
    assert asked(pair, "zh")[("larger_which", "圆环", "心形")] == "粉色的心形"


def test_labels_of_hand_made_things() -> None:
    line = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    large = Item(Figure("square", "red", RED, 42.0, 42.0, 50.0, 50.0), Form((line,)), Style(None, RED, 2.0))
    small = Item(Figure("arrow", "blue", (0, 0, 255), 98.0, 98.0, 8.0, 4.0), Form((line,)), Style((0, 0, 255)), "red")
    maps = scene.dense_maps([large, small], (112, 112))
    assert maps["owner"][0, 1, 1] == 1 and maps["owner"][0, 3, 3] == 2  # the small one owns the cell of its centre
    assert (maps["owner"] == 2).sum() == 1 and maps["anchor"][0, 1, 1] == 1
    assert maps["drawn"][0, 1, 1] == SHAPES.index("square") + 1 and maps["drawn"][0, 3, 3] == SHAPES.index("arrow") + 1
    assert (maps["filling"][0, 1, 1], maps["filling"][0, 3, 3]) == (2, 3)
    assert maps["many"].max() == 1 and maps["colour"][0, 0, 3] == 0


def test_a_run_of_drawings() -> None:
    samples = many(120)
    things = [fact for sample in samples for fact in sample.facts["things"]]
    assert {fact["thing"] for fact in things} == set(SHAPES)
    assert max(len(sample.facts["things"]) for sample in samples) == 9
    kinds = Counter(fact["kind"] for fact in things)
    assert 0.1 < kinds["outlined"] / len(things) < 0.4
    answers = Counter(qa.answer for sample in samples for qa in sample.questions if qa.skill == "filling")
    assert 0.5 < answers["outlined"] / answers["filled"] < 1.5
    for fact, (height, width) in [(fact, one.facts["size"]) for one in samples for fact in one.facts["things"]]:
        left, top, right, bottom = fact["box"]
        assert 0 <= left < right <= width and 0 <= top < bottom <= height and max(right - left, bottom - top) >= 12


def test_training_never_shows_held_pairs_and_paint_stands_out() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        for item in scene.plan_items(rng, (112, 112), "white", WHITE, 1.0, "train", 16.0):
            assert (item.figure.thing, item.figure.colour) not in HELD_PAIRS
            assert distance(item.figure.rgb, WHITE) > 100


def test_phrases_of_long_answers_stand_there_in_order() -> None:
    told = [qa for sample in many(120) for qa in sample.questions if qa.told]
    assert {qa.skill for qa in told} >= {"brief", "detail", "list", "caption"}
    for qa in told:
        at = 0
        for phrase, _ in qa.told:
            at = qa.answer.lower().index(phrase.lower(), at) + len(phrase)


def test_what_is_bent_is_where_its_facts_say() -> None:
    size, paper = (140, 168), papers.lay(random.Random(0), "plain", WHITE, (140, 168))
    seen = 0
    for seed in range(30):
        rng = random.Random(seed)
        items = scene.plan_items(rng, size, "white", WHITE, 1.0, "train", 24.0)[:1]
        moved = bent(items, bend := bending(rng, size), size)
        if moved is None or items[0].style.shadow or items[0].style.cap:
            continue
        pixels = bend.frames(pen.render(rng, items, paper)[None])[0]
        assert np.abs(np.array(inked(pixels, paper)) - np.array(bounds(moved[0], size))).max() <= 3.5
        assert scene.thing_fact(0, moved[0], size)["place"] == scene.thing_fact(0, items[0], size)["place"]
        seen += 1
    assert seen > 8


def test_thin_lines_are_worn_by_what_leaves_them_their_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    given = list[bool]()

    def wear(rng: random.Random, frames: Any, difficulty: float, ways: Any, room: float) -> Any:
        assert room >= worn.ROOM
        given.append(ways is worn.GENTLE)
        return frames

    monkeypatch.setattr(scene, "wear_more", wear)
    thin = list[bool]()
    for seed in range(40):
        scene.drawn(random.Random(seed), seed, (112, 112), 1.0, "train")
        items = scene.draw(random.Random(seed), (112, 112), 1.0, "train").items
        thin.append(any(item.kind == "outlined" and item.style.width < scene.FINE for item in items))
    assert given == thin and 5 < sum(thin) < 35


def test_stripes_can_be_seen_on_white_and_on_black() -> None:
    for seed in range(20):
        for tint in ((255, 255, 255), (0, 0, 0), (250, 250, 245)):
            paper = np.clip(papers.stripes(random.Random(seed), tint, (56, 56)), 0, 255)
            assert np.ptp(paper[..., 1]) >= papers.LEAST - 1


def test_colours_are_not_listed_where_a_border_has_one_that_is_not_told() -> None:
    asked = {"border": 0, "plain": 0}
    for sample in many(60):
        if len(sample.facts["things"]) < 6:
            kind = "border" if any("border" in fact for fact in sample.facts["things"]) else "plain"
            asked[kind] += len(all_colours(sample.facts, random.Random(0), "en"))
    assert asked["border"] == 0 < asked["plain"]


def test_no_border_has_the_colour_of_the_paper() -> None:
    for paper, hidden in (((10, 10, 10), "black"), ((252, 252, 252), "white")):
        told = Counter(filled(random.Random(seed), (220, 30, 30), 60.0, "cartoon", paper)[1] for seed in range(200))
        assert hidden not in told and "" not in told and len(told) > 1


@pytest.mark.parametrize("thing", ["ring", "arrow"])
def test_a_border_is_left_out_where_it_would_cover_a_small_thing(thing: str) -> None:
    made = {
        side: [
            item_of(random.Random(seed), Wish(thing, "red"), side, (224, 224), (252, 252, 252), "cartoon", 1.0)
            for seed in range(20)
        ]
        for side in (COVERED - 1, COVERED + 1)
    }
    small, large = ([item for item in items if item is not None] for items in made.values())
    assert small and all(not item.border and item.style.line is None for item in small)
    assert large and all(item.border and item.style.line is not None for item in large)
