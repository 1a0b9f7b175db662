"""Short and detailed descriptions of everyday things, and which of them is drawn larger."""

import random

from model.training import colours, language
from model.training.asking import Ask
from model.training.picture_questions import alone, ids
from model.training.sample import Facts, Lang, Told
from model.training.sizes import Naming, largest, sizes_of
from model.training.thing_boxes import called
from model.training.thing_questions import MASS, PAIR, article_of, counted, grouped, noun, the

EACH = 3  # things of one name that have no place in common, up to which each one's own place is told


def several(name: str) -> bool:
    """Whether English speaks of one such thing as of several: "the grapes are"."""
    return article_of(name) in (MASS, PAIR) and name.endswith("s") and not name.endswith("ss")


def tint_of(group: list[Facts]) -> str:
    """The colour that all things of a group have, or ""; an orange is not called orange."""
    tints = {fact["colour"] for fact in group}
    tint = tints.pop() if len(tints) == 1 else ""
    return "" if tint == group[0]["thing"] else tint


def tinted(group: list[Facts], lang: Lang) -> str:
    """How many of what, with the colour where all have one: "two brown dogs", "a pair of blue glasses"."""
    name, count, tint = group[0]["thing"], len(group), tint_of(group)
    plain = counted(name, count, lang)
    if not tint:
        return plain
    bare = noun(name, lang, many=count > 1)
    before = plain.removesuffix(bare)
    if lang == "zh":
        return f"{before}{colours.CHINESE[tint]}的{bare}"
    return language.article(f"{tint} {bare}") if before in ("a ", "an ") else f"{before}{tint} {bare}"


def places_of(group: list[Facts], lang: Lang) -> list[Told]:
    """Where a group stands: the place that all of it shares, else that of each thing, or nothing of too many."""
    if shared := language.shared_place(group, lang):
        where = [(shared, ids(*group))]
    else:
        each = group if len(group) <= EACH else []
        where = [(language.place(fact["place"], lang), ids(fact)) for fact in each]
    return where if lang == "zh" else [(language.at_place(name), about) for name, about in where]


def brief_parts(facts: Facts, lang: Lang) -> list[Told]:
    """Every kind of thing with its number."""
    return [(counted(group[0]["thing"], len(group), lang), ids(*group)) for group in grouped(facts["things"])]


def detailed_parts(facts: Facts, lang: Lang) -> list[list[Told]]:
    """Of every kind of thing its number with its colour if it has one, and its places; in Chinese the places first."""
    found = []
    for group in grouped(facts["things"]):
        what, where = [(tinted(group, lang), ids(*group))], places_of(group, lang)
        found.append(where + what if lang == "zh" else what + where)
    return found


def clause(phrases: list[Told], lang: Lang) -> str:
    """A group as a sentence tells it: "two cows at the top left and in the center", "左上角和中间有两个奶牛"."""
    texts = [text for text, _ in phrases]
    if len(texts) == 1:
        return texts[0]
    if lang == "zh":
        return f"{language.listed(texts[:-1], lang)}有{texts[-1]}"
    return f"{texts[0]} {language.listed(texts[1:], lang)}"


def outstanding(facts: Facts) -> Facts | None:
    """The thing that is the largest of several, if it can be told from the others by its name."""
    fact = largest(facts["things"])
    return fact if fact is not None and alone(fact, facts["things"], "thing") else None


def brief(facts: Facts, lang: Lang) -> str:
    """What there is, and nothing else."""
    text = language.listed([what for what, _ in brief_parts(facts, lang)], lang)
    return language.sentence(text) if lang == "en" else f"{text}。"


def detailed(facts: Facts, lang: Lang) -> str:
    """How many there are on what, each kind with number, colour and place, and which is the largest."""
    parts, total, big = detailed_parts(facts, lang), len(facts["things"]), outstanding(facts)
    if lang == "zh":
        items = "，".join(clause(phrases, lang) for phrases in parts)
        head = f"{colours.CHINESE[facts['background']]}背景上有{language.NUMBERS['zh'][total]}个东西"
        return f"{head}：{items}。" + (f"最大的是{the(big['thing'], lang)}。" if big else "")
    count = "one thing" if total == 1 else f"{language.NUMBERS['en'][total]} things"
    items = ", ".join(clause(phrases, lang) for phrases in parts)
    text = language.sentence(f"{count} on {language.article(facts['background'])} background: {items}")
    return text + (f" The largest {'are' if several(big['thing']) else 'is'} {the(big['thing'], lang)}." if big else "")


def described(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Briefly and in detail."""
    long, big = [told for phrases in detailed_parts(facts, lang) for told in phrases], outstanding(facts)
    if big is not None:
        long.append((the(big["thing"], lang), ids(big)))
    return [
        Ask("brief", "brief", brief(facts, lang), told=tuple(brief_parts(facts, lang))),
        Ask("detail", "detail", detailed(facts, lang), told=tuple(long)),
    ]


def ways(fact: Facts, facts: Facts, lang: Lang) -> list[str]:
    """The name of a thing that is there once; none for one of several."""
    return [the(fact["thing"], lang)] if alone(fact, facts["things"], "thing") else []


sizes = sizes_of(Naming(ways, called, ending="_thing"))
