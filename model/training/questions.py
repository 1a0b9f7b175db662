"""Turns facts into questions with one canonical answer each, by skill, and picks among them."""

import random
from collections.abc import Mapping, Sequence

from model.training import clip_questions, picture_questions
from model.training.amounts import amounts_of
from model.training.asking import Ask, worded
from model.training.sample import QA, Facts, Lang, Sample, Split

CHINESE_SHARE = 0.3
PER_SKILL = 4  # questions of one skill that a sample carries at most
WEIGHTS = {
    "caption": 5.0,
    "shape": 0.8,
    "colour": 1.6,
    "count": 5.5,
    "position": 2.0,
    "relation": 2.8,
    "exists": 1.2,
    "amount": 1.6,
    "background": 0.2,
    "read": 2.2,
    "motion": 1.8,
    "event": 1.8,
    "order": 6.0,
}
OF_PICTURES = (*picture_questions.MAKERS, amounts_of(picture_questions.count))
AGAIN = {"order": 0.7}  # what is left of a skill's weight each time it was asked
ONCE = ("caption", "read", "background")  # a second one would only repeat the first
DULL = 0.5  # weight of a count of one or none beside a count of several


def facts_asked(
    facts: Facts, rng: random.Random, lang: Lang, makers: Sequence[picture_questions.Maker] = ()
) -> dict[str, list[Ask]]:
    """All that `makers` can ask of the facts in one language, by skill; without any, those of shapes or of clips."""
    makers = makers or (OF_PICTURES if facts["kind"] == "image" else clip_questions.MAKERS)
    by_skill: dict[str, list[Ask]] = {}
    for maker in makers:
        for ask in maker(facts, rng, lang):
            by_skill.setdefault(ask.skill, []).append(ask)
    return by_skill


def _some(rng: random.Random, asks: list[Ask], most: int) -> list[Ask]:
    """Pick up to `most` different ones; what stands there twice is picked more often."""
    chosen: list[Ask] = []
    for ask in rng.sample(asks, len(asks)):
        if ask not in chosen and len(chosen) < most:
            chosen.append(ask)
    return chosen


def _weight(qa: QA, skills: Mapping[str, float]) -> float:
    return skills[qa.skill] * (DULL if qa.skill == "count" and qa.answer in ("0", "1") else 1.0)


def ask(facts: Facts, rng: random.Random, split: Split, makers: Sequence[picture_questions.Maker] = ()) -> list[QA]:
    """Word some questions of every skill; the language is drawn for each question."""
    asked: dict[Lang, dict[str, list[Ask]]] = {lang: facts_asked(facts, rng, lang, makers) for lang in ("en", "zh")}
    found: list[QA] = []
    for skill in asked["en"]:
        chinese = sum(rng.random() < CHINESE_SHARE for _ in range(PER_SKILL))
        for lang, most in (("en", PER_SKILL - chinese), ("zh", chinese)):
            language: Lang = "en" if lang == "en" else "zh"
            found += [worded(rng, item, language, split) for item in _some(rng, asked[language].get(skill, []), most)]
    return found


def choose(sample: Sample, rng: random.Random, k: int, skills: Mapping[str, float] = WEIGHTS) -> list[QA]:
    """Pick k questions, skills by their weights and seldom one twice; a caption comes last, since it tells all."""
    left, chosen = list(sample.questions), list[QA]()
    seen: dict[str, int] = {}
    while left and len(chosen) < k:
        totals = {skill: sum(qa.skill == skill for qa in left) for skill in {qa.skill for qa in left}}
        weights = [
            _weight(qa, skills) / totals[qa.skill] * AGAIN.get(qa.skill, 0.25) ** seen.get(qa.skill, 0) for qa in left
        ]
        picked = rng.choices(left, weights)[0]
        left = [qa for qa in left if qa is not picked and (qa.question, qa.answer) != (picked.question, picked.answer)]
        if picked.skill in ONCE:
            left = [qa for qa in left if qa.skill != picked.skill]
        seen[picked.skill] = seen.get(picked.skill, 0) + 1
        chosen.append(picked)
    return sorted(chosen, key=lambda qa: qa.skill == "caption")
