"""Talk about everyday things: brief, in detail, as a list, which is larger; answers follow from the facts alone."""

import random
from itertools import permutations
from typing import Any

import pytest

from model.tokenizer import Tokenizer
from model.training import sizes, thing_questions, thing_talk
from model.training.asking import Ask, wordings
from model.training.data import held_out
from model.training.export import TOKENIZER
from model.training.phrasings import HELD, tables
from model.training.pointing import answer_tokens, phrase_starts
from model.training.sample import QA

LISTS, CAPTIONS = ("list", "list_things"), ("caption", "brief", "detail")


def thing(number: int, name: str, colour: str, place: tuple[int, int], side: int) -> dict[str, Any]:
    left, top = 10.0 + 80 * place[1], 12.0 + 80 * place[0]
    box = [left, top, left + side, top + side]
    return {"id": number, "thing": name, "colour": colour, "place": list(place), "box": box}


def picture(*things: dict[str, Any]) -> dict[str, Any]:
    size = [252, 252]
    return {"kind": "image", "scope": "cpu", "size": size, "background": "white", "things": [*things], "events": []}


FOUR = picture(
    thing(0, "dog", "brown", (0, 0), 30),
    thing(1, "car", "", (1, 1), 70),
    thing(2, "dog", "brown", (0, 2), 32),
    thing(3, "glasses", "blue", (2, 1), 50),
)


def asked(facts: dict[str, Any], lang: Any = "en") -> dict[tuple[str, ...], Ask]:
    makers = (thing_talk.described, thing_talk.sizes, thing_questions.listing)
    every = [ask for seed in range(30) for make in makers for ask in make(facts, random.Random(seed), lang)]
    return {(ask.key, *ask.slots.values()): ask for ask in every}


def test_worked_descriptions() -> None:
    found = asked(FOUR)
    assert found[("brief",)].answer == "Two dogs, a car and a pair of glasses."
    assert found[("detail",)].answer == (
        "Four things on a white background: two brown dogs at the top, a car in the center, "
        "a pair of blue glasses at the bottom. The largest is the car."
    )
    assert found[("list_things",)].answer == "dog, car and glasses"
    chinese = asked(FOUR, "zh")
    assert chinese[("brief",)].answer == "两个狗、一个汽车和一个眼镜。"
    assert chinese[("detail",)].answer == (
        "白色背景上有四个东西：上方有两个棕色的狗，中间有一个汽车，下方有一个蓝色的眼镜。最大的是汽车。"
    )
    assert chinese[("list_things",)].answer == "狗、汽车和眼镜"


def test_a_single_thing_is_described_and_listed_too() -> None:
    found = asked(picture(thing(0, "orange", "orange", (1, 1), 60)))
    assert found[("brief",)].answer == "An orange." and found[("list_things",)].answer == "orange"
    assert found[("detail",)].answer == "One thing on a white background: an orange in the center."
    assert {key[0] for key in found} == {"brief", "detail", "list_things"}  # larger than what?
    cat = asked(picture(thing(0, "cat", "orange", (1, 1), 60)))
    assert cat[("detail",)].answer == "One thing on a white background: an orange cat in the center."


def test_things_of_one_name_that_stand_apart_are_told_where_each_is() -> None:
    cows = [thing(i, "cow", "", place, 40) for i, place in enumerate([(0, 0), (1, 1), (1, 2), (2, 0)])]
    three = asked(picture(*cows[:3]))[("detail",)]
    assert (
        three.answer
        == "Three things on a white background: three cows at the top left, in the center and on the right."
    )
    assert three.told == (
        ("three cows", (0, 1, 2)), ("at the top left", (0,)), ("in the center", (1,)), ("on the right", (2,)),
    )  # fmt: skip
    assert asked(picture(*cows[:3]), "zh")[("detail",)].answer == "白色背景上有三个东西：左上角、中间和右边有三个奶牛。"
    assert asked(picture(*cows))[("detail",)].answer == "Four things on a white background: four cows."


def test_plural_names_have_a_plural_verb() -> None:
    grapes = picture(thing(0, "grapes", "purple", (0, 0), 80), thing(1, "dog", "", (2, 2), 30))
    assert asked(grapes)[("detail",)].answer.endswith(" The largest are the grapes.")
    assert [thing_talk.several(name) for name in ("glasses", "bread", "grapes", "dog", "pampas grass")] == [
        True, False, True, False, False,
    ]  # fmt: skip


def test_worked_sizes() -> None:
    found = {key: ask.answer for key, ask in asked(FOUR).items()}
    assert found[("larger_which_thing", "the car", "the glasses")] == "car"
    assert found[("smaller_which_thing", "the glasses", "the car")] == "glasses"
    assert found[("larger_is", "the glasses", "the car")] == "no"
    assert found[("larger_is", "the car", "the glasses")] == "yes"
    assert found[("largest_thing",)] == "car"
    assert ("smallest_thing",) not in found  # two dogs are about as small
    assert not any("dog" in word for key in found for word in key)  # there are two
    assert asked(FOUR, "zh")[("larger_which_thing", "眼镜", "汽车")].answer == "汽车"
    ask = asked(FOUR)[("larger_which_thing", "the car", "the glasses")]
    assert (ask.about, ask.other) == ((1,), (3,))


def test_only_clear_differences_of_size_are_asked() -> None:
    near = picture(thing(0, "dog", "", (0, 0), 50), thing(1, "cat", "", (1, 1), 62))
    assert not any(key[0] not in ("brief", "detail", "list_things") for key in asked(near))
    thin = picture(thing(0, "dog", "", (0, 0), 50), thing(1, "pencil", "", (1, 1), 80))
    thin["things"][1]["box"][3] = thin["things"][1]["box"][1] + 12  # longer, but of no larger extent
    assert not any(key[0] not in ("brief", "detail", "list_things") for key in asked(thin))


def test_sizes_are_true_of_the_boxes_and_asked_often_enough() -> None:
    clear = 0
    for args in held_out(60, "things"):
        sample = args.make()
        boxes = {fact["id"]: fact["box"] for fact in sample.facts["things"]}
        sides = {number: max(box[2] - box[0], box[3] - box[1]) for number, box in boxes.items()}
        for qa in (qa for qa in sample.questions if qa.skill == "size" and qa.about):
            clear += 1
            others = qa.other or tuple(number for number in boxes if number not in qa.about)
            ratios = [sides[qa.about[0]] / sides[other] for other in others]
            assert all(ratio >= sizes.CLEARLY or ratio <= 1 / sizes.CLEARLY for ratio in ratios)
    assert clear >= 20


def test_answers_name_the_thing_whose_box_is_larger() -> None:
    seen = dict.fromkeys(("larger_which_thing", "smaller_which_thing", "largest_thing", "smallest_thing"), 0)
    for args in held_out(60, "things"):
        facts = args.make().facts
        areas: dict[str, list[float]] = {}
        for fact in facts["things"]:
            left, top, right, bottom = fact["box"]
            areas.setdefault(fact["thing"], []).append((right - left) * (bottom - top))
        alone = {name: own[0] for name, own in areas.items() if len(own) == 1}
        for (key, *names), ask in asked(facts).items():
            if key not in seen or len(alone) != len(facts["things"]):
                continue
            said = [name for name in alone if not names or any(other.endswith(name) for other in names)]
            best = (min if key.startswith("small") else max)(said, key=lambda name: alone[name])
            assert ask.answer == best, (facts, key, names)
            seen[key] += 1
    assert min(seen.values()) >= 4, seen


def test_the_largest_is_larger_than_each_other() -> None:
    every = [thing(i, "dog", "", (0, i), side) for i, side in enumerate((30, 45, 60))]
    for some in permutations(every):
        assert sizes.largest([*some]) is every[2] and sizes.largest([*some], least=True) is every[0]
    assert sizes.largest(every[:1]) is None and sizes.largest([every[0], {**every[0]}]) is None


@pytest.mark.parametrize("part", ["things", "many_things"])
def test_every_phrase_that_is_told_begins_with_a_token_of_its_own(part: str) -> None:
    known = Tokenizer.from_file(TOKENIZER)
    told = list[QA]()
    for args in held_out(30, part):
        told += [qa for qa in args.make().questions if qa.skill in ("brief", "detail")]
    assert {qa.lang for qa in told} == {"en", "zh"}
    for qa in told:
        tokens, starts = answer_tokens(qa, known)
        first = phrase_starts(qa, starts)
        assert first == sorted(first) and first[-1] < len(tokens)
        assert all(things for _, things in qa.told)


def test_what_asks_for_a_list_is_answered_with_one() -> None:
    for lang, word in (("en", "list"), ("zh", "列出")):
        for key in CAPTIONS:
            assert not [text for text in tables()[lang][key] if text.lower().startswith(word)]  # type: ignore[index]
    for key in LISTS:
        assert "List what is in the picture." in wordings(key, "en", "train")[0]
        assert "列出图片里有什么。" in wordings(key, "zh", "train")[0]


def test_wordings_about_things_speak_of_no_shape_and_hold_out_what_those_of_shapes_do() -> None:
    for key in ("larger_which", "smaller_which", "largest", "smallest"):
        for lang, shape, name in (("en", "shape", "thing"), ("zh", "图形", "东西")):
            held = HELD[lang]  # type: ignore[index]
            shapes, things = (tables()[lang][f"{key}{ending}"] for ending in ("", "_thing"))  # type: ignore[index]
            assert not any(shape in text for text in things)
            assert things[-held:] == tuple(text.replace(shape, name) for text in shapes[-held:])
            assert not set(things[:-held]) & set(shapes[-held:])


def test_no_wording_that_is_held_out_of_one_list_is_taught_in_another() -> None:
    for lang in ("en", "zh"):
        for keys in (LISTS, CAPTIONS):
            kept = {text.lower() for key in keys for text in wordings(key, lang, "held")[0]}  # type: ignore[arg-type]
            taught = {text.lower() for key in keys for text in wordings(key, lang, "train")[0]}  # type: ignore[arg-type]
            assert not kept & taught
