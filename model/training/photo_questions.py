"""Which questions a photo can answer: the few known kinds are named, of the rest it is said that it cannot be told."""

import random
from functools import cache

from model.training import language, metrics
from model.training.asking import Ask
from model.training.assets.names import named_things
from model.training.assets.photos import photo_names
from model.training.picture_questions import YES, Maker, absent
from model.training.sample import Facts, Lang
from model.training.thing_questions import a, noun, the

UNSURE: dict[Lang, str] = {"en": metrics.UNSURE[0], "zh": metrics.UNSURE[1]}
SHAPES = 0.35  # share of the questions about what cannot be told that name a shape


@cache
def names() -> dict[str, dict[str, str]]:
    """Names of the known kinds by English name, with article and Chinese."""
    return {row["name"]: row for row in photo_names().values()}


def mostly(facts: Facts, lang: Lang) -> str:
    """The main colours: "green and brown"."""
    return language.listed([language.colour(name, lang) for name in facts["colours"]], lang)


def caption(facts: Facts, lang: Lang) -> str:
    """What a photo shows, and its colours; or that it cannot be told."""
    row, film = names().get(facts["shown"]), facts["kind"] == "video"
    if lang == "zh":
        view = "一段视频" if film else f"一张{row['zh']}的照片" if row else "一张照片"
        return f"{view}，主要是{mostly(facts, lang)}" + ("。" if row else f"，{UNSURE['zh']}是什么。")
    if row:
        return f"A photo of {row['article']} {row['name']}, mostly {mostly(facts, lang)}.".replace("of  ", "of ")
    return f"A {'video' if film else 'photo'}, mostly {mostly(facts, lang)}; {UNSURE['en']} what it shows."


def captions(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption."""
    return [Ask("caption", "clip" if facts["kind"] == "video" else "caption", caption(facts, lang))]


def called(name: str, lang: Lang) -> str:
    """A known kind's name."""
    return names()[name]["name" if lang == "en" else "zh"]


def name(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What it is."""
    return [Ask("name", "name_one", called(facts["shown"], lang) if facts["shown"] else UNSURE[lang])]


def colour(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The main colour."""
    return [Ask("colour", "main_color", language.colour(facts["colours"][0], lang))]


def exists(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether it shows a known kind; of an unknown picture that cannot be told."""
    others = [other for other in names() if other != facts["shown"] and names()[other]["zh"] != called_zh(facts)]
    other = rng.choice(others)
    found = [Ask("exists", "exists", YES["exists"][lang][False] if facts["shown"] else UNSURE[lang], slot(other, lang))]
    if facts["shown"]:
        found.append(Ask("exists", "exists", YES["exists"][lang][True], slot(facts["shown"], lang)))
    return found


def called_zh(facts: Facts) -> str:
    """The Chinese name of what is shown, which two kinds may share."""
    return called(facts["shown"], "zh") if facts["shown"] else ""


def slot(kind: str, lang: Lang) -> dict[str, str]:
    """How a question names a kind."""
    row = names()[kind]
    return {"a": f"{row['article']} {row['name']}".strip() if lang == "en" else row["zh"]}


def asked_for(rng: random.Random, lang: Lang) -> tuple[str, str, str]:
    """Something that people ask after: with "a", as several, with "the"."""
    if rng.random() < SHAPES:
        shape, tinted = absent({"things": [], "background": ""}, rng), rng.random() < 0.5
        one, many = (language.noun(shape, lang, several, tinted) for several in (False, True))
        return (language.article(one), many, f"the {one}") if lang == "en" else (one, many, one)
    thing = rng.choice(named_things()).name
    return a(thing, lang), noun(thing, lang, many=True), the(thing, lang)


def untold(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What else is asked of pictures: whether something is there, how many, where; it cannot be told."""
    one, many, it = asked_for(rng, lang)
    return [
        Ask("exists", "exists", UNSURE[lang], {"a": one}),
        Ask("count", "count", UNSURE[lang], {"ns": many}),
        Ask("position", "position", UNSURE[lang], {"it": it}),
    ]


MAKERS: tuple[Maker, ...] = (captions, name, colour, exists)
HEDGED: tuple[Maker, ...] = (captions, name, colour, untold)
