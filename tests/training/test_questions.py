"""Every answer follows from the facts, in the language asked in or for; yes and no are even; held wordings are held."""

import random
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest

from model.training import language, strangers
from model.training.asking import Ask, called, worded, wordings
from model.training.assets.names import named_things
from model.training.data import Plan, batch_samples, held_out
from model.training.openings import REQUESTS
from model.training.phrasings import tables
from model.training.picture_questions import related, unlike
from model.training.questions import choose, facts_asked
from model.training.sample import Lang, Sample
from model.training.world import make_sample


def thing(name: str, colour: str, row: int, column: int, **more: Any) -> dict[str, Any]:
    return {"thing": name, "colour": colour, "place": [row, column], **more}


def picture(*things: dict[str, Any]) -> dict[str, Any]:
    numbered = [fact | {"id": number} for number, fact in enumerate(things)]
    return {"kind": "image", "background": "white", "things": numbered, "events": []}


TWO_STARS = picture(thing("star", "red", 0, 0), thing("circle", "blue", 2, 2), thing("star", "red", 0, 2))
ORANGE_WORD = picture(thing("text", "orange", 1, 1, text="STOP"))


def clip(*events: dict[str, Any], order: bool = False) -> dict[str, Any]:
    things = [thing("circle", "red", 0, 0) | {"id": 0}, thing("star", "blue", 2, 2) | {"id": 1}]
    told = [e | {"id": i, "order": i if order else None} for i, e in enumerate(events)]
    return {"kind": "video", "background": "black", "things": things[: len(events)], "events": told}


@cache
def many(kind: str, count: int) -> list[Sample]:
    frames = 1 if kind == "image" else 8
    return [make_sample(seed, kind, (112, 112), frames, 2.0, 1.0) for seed in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "english", "chinese"),
    [
        (
            TWO_STARS,
            "Two red stars at the top and a blue circle at the bottom right, on a white background.",
            "白色背景上，上方有两个红色的星形，右下角有一个蓝色的圆形。",
        ),
        (
            ORANGE_WORD,
            'An orange word "STOP" in the center, on a white background.',
            "白色背景上，中间有一个橙色的文字“STOP”。",
        ),
    ],
)
def test_captions_of_pictures(facts: dict[str, Any], english: str, chinese: str) -> None:
    assert language.caption(facts, "en") == english
    assert language.caption(facts, "zh") == chinese


def test_captions_of_clips() -> None:
    ordered = clip({"what": "appear"}, {"what": "recolour", "to": "green"}, order=True)
    assert language.clip_caption(ordered, "en") == (
        "First a red circle appears, then a blue star turns green, on a black background."
    )
    assert language.clip_caption(ordered, "zh") == "黑色背景上，先是一个红色的圆形出现，然后一个蓝色的星形变成绿色。"
    together = clip({"what": "still"}, {"what": "left"})
    assert language.clip_caption(together, "en") == (
        "A blue star moves left and a red circle stays still, on a black background."
    )


def test_more_than_four_groups_are_listed_without_places() -> None:
    names = ("star", "circle", "square", "heart", "ring")
    facts = picture(*(thing(name, "red", i // 3, i % 3) for i, name in enumerate(names)))
    assert language.caption(facts, "en") == (
        "A red star, a red circle, a red square, a red heart and a red ring, on a white background."
    )


def asked(facts: dict[str, Any], lang: str = "en") -> dict[tuple[str, ...], str]:
    rounds = [facts_asked(facts, random.Random(seed), lang) for seed in range(6)]  # type: ignore[arg-type]
    every = [ask for by_skill in rounds for asks in by_skill.values() for ask in asks]
    return {(ask.key, *ask.slots.values()): ask.answer for ask in every}


def test_worked_answers_about_a_picture() -> None:
    answers = asked(TWO_STARS)
    assert answers[("shape_of", "blue")] == "circle"
    assert ("shape_of", "red") not in answers  # two things are red
    assert answers[("color_of", "circle")] == "blue"
    assert ("color_of", "star") not in answers
    assert answers[("color_is", "the circle", "blue")] == "yes" and answers[("color_is", "the circle", "red")] == "no"
    assert not any(key[:2] == ("color_is", "the star") for key in answers)  # there are two
    assert answers[("colors_all",)] == "red, blue and white"
    assert answers[("count", "shapes")] == "3"
    assert answers[("count", "red stars")] == "2"
    assert answers[("position", "the circle")] == "bottom right"
    assert answers[("at_place", "at the top left")] == "red star"
    assert answers[("relation_what", "to the left of", "the circle")] == "red star"
    assert ("relation_what", "above", "the circle") not in answers  # two things are above it
    assert answers[("background",)] == "white"
    assert asked(ORANGE_WORD)[("read",)] == "STOP"
    assert asked(TWO_STARS, "zh")[("position", "圆形")] == "右下角"
    assert asked(TWO_STARS, "zh")[("color_is", "圆形", "蓝色")] == "是"
    assert asked(TWO_STARS | {"background": "red"}, "zh")[("colors_all",)] == "红色和蓝色"


def test_pictures_shapes_and_colours_are_called_by_other_names() -> None:
    rng = random.Random(2)
    english = {called(rng, "Are the pictures of a purple oval?", "en") for _ in range(60)}
    assert all(re.fullmatch(r"Are the \w+s of a (violet|lilac) (ellipse|oval shape)\?", text) for text in english)
    assert len({text.split()[2] for text in english}) > 8
    chinese = {called(rng, "图里椭圆形和圆形是橙色的吗？", "zh") for _ in range(60)}
    assert all(re.fullmatch(r"(?!图里).+里椭圆和圆.?是(橘色|橘黄色)的吗？", text) for text in chinese)
    assert called(rng, "Which thing circles?", "en") == "Which thing circles?"  # a verb of clips


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_no_shape_is_asked_about_too(lang: Lang) -> None:
    there = Ask("exists", "exists", "yes", {"a": "a star"}, (0,))
    absent = Ask("exists", "exists", "no", {"a": "a cross"}, ())
    rng = random.Random(1)
    assert all(unlike(there, rng, lang) is there for _ in range(50))
    made = [unlike(absent, rng, lang) for _ in range(400)]
    others = [ask for ask in made if ask is not absent]
    assert abs(len(others) / 400 - strangers.ASKED) < 0.08
    assert all((ask.answer, ask.about) == ("no", ()) for ask in others)
    known = {thing.zh if lang == "zh" else thing.name for thing in named_things()}
    named = [ask.slots["a"] for ask in others]
    assert {name.isascii() for name in named} == {lang == "en"}
    assert 0.6 < sum(any(name.endswith(word) for word in known) for name in named) / len(named) < 1.0


def test_worked_answers_about_a_clip() -> None:
    answers = asked(clip({"what": "appear"}, {"what": "left"}, order=True))
    assert answers[("event_what", "appears")] == "red circle"
    assert answers[("motion", "the star")] == "left"
    assert answers[("motion_is", "the star")] == "yes"
    assert answers[("order_first",)] == "the red circle appears"
    assert answers[("order_last",)] == "the blue star moves left"
    assert answers[("order_before", "the blue star moves left")] == "the red circle appears"
    assert answers[("order_after", "the red circle appears")] == "the blue star moves left"
    assert answers[("order_when", "the blue star moves left")] == "last"
    assert answers[("order_is", "the red circle appears", "the blue star moves left")] == "yes"
    assert answers[("order_is", "the blue star moves left", "the red circle appears")] == "no"


def pointed(facts: dict[str, Any]) -> dict[tuple[str, ...], tuple[Any, Any]]:
    rounds = [facts_asked(facts, random.Random(seed), "en") for seed in range(6)]
    every = [ask for by_skill in rounds for asks in by_skill.values() for ask in asks]
    return {(ask.key, *ask.slots.values()): (ask.about, ask.other) for ask in every}


def test_questions_know_which_things_they_are_about() -> None:
    about = pointed(TWO_STARS)
    assert about[("count", "red stars")] == ((0, 2), None)
    assert about[("count", "shapes")] == ((0, 1, 2), None)
    assert about[("color_of", "circle")] == ((1,), None)
    assert about[("relation_what", "to the left of", "the circle")] == ((1,), (0,))
    assert about[("caption",)] == (None, None)
    for key, (ids, _) in about.items():
        if key[0] == "exists" and len(key[1].split()) == 2:  # an article and a shape
            assert ids == {"star": (0, 2), "circle": (1,)}.get(key[1].split()[1], ())
    clips = pointed(clip({"what": "appear"}, {"what": "left"}, order=True))
    assert clips[("order_is", "the blue star moves left", "the red circle appears")] == ((1,), (0,))
    assert clips[("order_before", "the blue star moves left")] == ((1,), (0,))


def test_relations_are_by_whole_places() -> None:
    one, two = thing("star", "red", 0, 0), thing("circle", "blue", 0, 2)
    assert related(one, "left", two) and related(two, "right", one)
    assert not related(one, "above", two) and not related(one, "below", two)


def test_yes_and_no_are_even() -> None:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for sample in (*many("image", 240), *many("video", 480)):
        for qa in sample.questions:
            if qa.answer in ("yes", "no", "是", "不是", "有", "没有"):
                counts.setdefault((qa.skill, qa.lang), Counter())[qa.answer in ("yes", "是", "有")] += 1
    assert {skill for skill, _ in counts} >= {"exists", "relation", "motion", "event", "order"}
    for key, counter in counts.items():
        share = counter[True] / sum(counter.values())
        assert 0.33 < share < 0.67 or sum(counter.values()) < 40, (key, counter)


def test_counts_are_spread_over_one_to_six() -> None:
    chosen = [qa for sample in many("image", 300) for qa in choose(sample, random.Random(sample.seed), 8)]
    counter = Counter(qa.answer for qa in chosen if qa.skill == "count")
    total = sum(counter.values())
    assert set(counter) == {"0", "1", "2", "3", "4", "5", "6"}
    assert all(0.06 < counter[answer] / total < 0.35 for answer in "123456"), counter


def test_chosen_questions_cover_all_skills_and_a_caption_is_last() -> None:
    skills: Counter[str] = Counter()
    chinese = total = 0
    for sample in (*many("image", 240), *many("video", 160)):
        qas = choose(sample, random.Random(sample.seed), 4)
        assert len(qas) == 4 and "caption" not in [qa.skill for qa in qas[:-1]]
        skills.update(qa.skill for qa in qas)
        chinese += sum(qa.lang == "zh" for qa in qas)
        total += 4
    assert min(skills.values()) > 10
    assert {"shape", "colour", "count", "position", "relation", "exists", "read", "motion", "order"} < set(skills)
    assert 0.2 < chinese / total < 0.4


def test_an_answer_speaks_the_language_of_its_question_or_the_one_it_asks_for() -> None:
    han = re.compile(r"[一-鿿]")
    requests = re.compile("|".join(re.escape(r.strip(" .。")) for r in (*REQUESTS["en"], *REQUESTS["zh"])))
    crossed = 0
    for sample in (*many("image", 240), *many("video", 160)):
        for qa in sample.questions:
            if qa.skill not in ("read", "count"):
                assert bool(han.search(qa.answer)) == (qa.lang == "zh"), qa
                if bool(han.search(requests.sub("", qa.question))) != (qa.lang == "zh"):
                    assert requests.search(qa.question), qa
                    crossed += 1
    assert crossed > 20


def plain(text: str) -> str:
    return re.sub(r"[^\w{}]", "", text.lower()).replace("colour", "color")


def matcher(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", ".+", plain(template)) + "$")


def test_training_never_asks_in_held_wordings() -> None:
    held: dict[str, re.Pattern[str]] = {}
    for table, lang in ((tables()["en"], "en"), (tables()["zh"], "zh")):
        for key in table:
            every, _ = wordings(key, lang, "held")  # type: ignore[arg-type]
            known, _ = wordings(key, lang, "train")  # type: ignore[arg-type]
            assert not {plain(text) for text in every} & {plain(text) for text in known}
            held |= {text: matcher(text) for text in every if "{" not in text}
    for step in range(6):
        for qas in batch_samples(Plan(seed=3, batch=8), step, 0.9)[1]:
            for qa in qas:
                assert not qa.held and not any(p.match(plain(qa.question)) for p in held.values()), qa
    for args in (*held_out(4, "shapes"), *held_out(4, "clips")):
        assert all(qa.held for qa in args.make().questions)


def test_the_products_prompts_are_trained_often() -> None:
    questions = [qa.question for sample in many("image", 240) for qa in sample.questions if qa.skill == "caption"]
    assert questions.count("Describe this image.") > 0.15 * len(questions)
    questions = [qa.question for sample in many("video", 160) for qa in sample.questions if qa.skill == "caption"]
    assert questions.count("Describe this video.") > 0.15 * len(questions)


@pytest.mark.parametrize(("lang", "asked"), [("en", "zh"), ("zh", "en")])
def test_some_questions_ask_in_one_language_for_an_answer_in_the_other(lang: Lang, asked: Lang) -> None:
    rng = random.Random(3)
    caption, slotted = Ask("caption", "caption", "?"), Ask("count", "count", "?", {"ns": "stars"})
    train = [worded(rng, caption, lang, "train").question for _ in range(400)]
    held = [worded(rng, caption, lang, "held").question for _ in range(400)]
    seen, kept = ([r for r in REQUESTS[asked] if any(r.strip() in q for q in said)] for said in (train, held))
    assert len(seen) > 4 and REQUESTS[asked][-1] not in seen
    assert REQUESTS[asked][-1] in kept
    assert all(not re.search("[一-鿿]", q) or lang == "zh" for q in held if REQUESTS[asked][-1] not in q)
    assert not any(REQUESTS[asked][-1] in worded(rng, slotted, lang, "held").question for _ in range(200))
