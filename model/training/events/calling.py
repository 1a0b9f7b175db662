"""How the things of a clip are called: shapes by form and colour, everyday things (clips that say of which scope) by
their own names.
"""

from model.training import language, thing_questions
from model.training.picture_questions import alone
from model.training.picture_questions import references as shape_references
from model.training.sample import Facts, Lang


def everyday(facts: Facts) -> bool:
    """Whether a clip shows everyday things, and not shapes."""
    return "scope" in facts


def noun(facts: Facts, fact: Facts, lang: Lang, tinted: bool = True) -> str:
    """What a thing is: "red star", or "car"."""
    if everyday(facts):
        return thing_questions.noun(fact["thing"], lang)
    return language.noun(fact, lang, tinted=tinted)


def one(facts: Facts, fact: Facts, lang: Lang) -> str:
    """One of a thing: "a red star", "an airplane", "一个汽车"."""
    if everyday(facts):
        return thing_questions.counted(fact["thing"], 1, lang)
    return language.counted(fact, 1, lang)


def references(fact: Facts, facts: Facts, lang: Lang) -> list[str]:
    """The ways to name one thing so that no other can be meant; empty when there is none."""
    if not everyday(facts):
        return shape_references(fact, facts, lang)
    if not alone(fact, facts["things"], "thing"):
        return []
    found = [thing_questions.the(fact["thing"], lang)]
    if fact["colour"] not in ("", fact["thing"]):
        tint, bare = language.colour(fact["colour"], lang), thing_questions.noun(fact["thing"], lang)
        found.append(f"the {tint} {bare}" if lang == "en" else f"{tint}的{bare}")
    return found
