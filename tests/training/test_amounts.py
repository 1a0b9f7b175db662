"""Questions that compare a count: yes and no follow from the count, and neither is the safe guess."""

import random
from collections import Counter

import pytest

from model.training.amounts import KINDS, LEAST, compared
from model.training.asking import Ask, worded
from model.training.language import NUMBERS
from model.training.sample import Lang

HOLDS = {
    "more_than": int.__gt__,
    "fewer_than": int.__lt__,
    "at_least": int.__ge__,
    "exactly": int.__eq__,
    "that_many": int.__eq__,
}


def number(word: str, lang: Lang) -> int:
    return int(word) if word.isdigit() else NUMBERS[lang].index(word)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_more_and_fewer_follow_from_the_count(lang: Lang) -> None:
    rng, asked = random.Random(1), Counter[tuple[str, str]]()
    yes = {"en": "yes", "zh": "有"}[lang]
    for _ in range(400):
        count = rng.randint(0, 9)
        ask = compared(Ask("count", "count", str(count), {"ns": "stars"}, (1, 2)), rng, lang)
        if ask is None:
            assert count < LEAST  # none and one allow few answers
            continue
        assert ask.about == (1, 2) and ask.slots["ns"] == "stars"
        with_number = number(ask.slots["k"], lang)
        assert with_number >= LEAST
        assert (ask.answer == yes) == HOLDS[ask.key](count, with_number), (count, ask)
        asked[ask.key, ask.answer] += 1
        assert ask.slots["k"] in worded(rng, ask, lang, "held").question.lower()  # those of training may be mistyped
    assert {key for key, _ in asked} == set(KINDS) and len(asked) == 2 * len(KINDS)
    assert 0.35 < sum(n for (_, answer), n in asked.items() if answer == yes) / 400 < 0.65
    of_four = {n for key, n in ((a.key, number(a.slots["k"], lang)) for a in fours(lang)) if key == "that_many"}
    assert min(of_four) == 4  # "are there three?" has no clear answer where there are four


def fours(lang: Lang) -> list[Ask]:
    rng = random.Random(2)
    found = [compared(Ask("count", "count", "4", {"ns": "stars"}), rng, lang) for _ in range(100)]
    return [ask for ask in found if ask]
