"""Canonical sentences about drawings beside the common captions: brief, in detail, as a list; and names of sizes."""

from model.training import colours, language
from model.training.language import article, counted, groups, listed, place, sentence, shared_place
from model.training.sample import Facts, Lang

FILLINGS = {"en": {"filled": "filled", "outlined": "outlined"}, "zh": {"filled": "实心", "outlined": "空心"}}
# How many kinds of things a detailed description may name and still tell of each its border, its place, its filling.
BORDERED, PLACED, FILLED = 2, 4, 6
PAPERS = {
    "en": {
        "stripes": " with stripes",
        "grid": " with grid lines",
        "axes": " with axes",
    },
    "zh": {"stripes": "带条纹的", "grid": "带网格线的", "axes": "带坐标轴的"},
}


Part = tuple[tuple[str, ...], list[Facts]]  # phrases about a group of equal things, and the group


def counted_parts(facts: Facts, lang: Lang) -> list[Part]:
    """Every kind of thing with its number."""
    return [((counted(group[0], len(group), lang),), group) for group in groups(facts["things"])]


def brief(facts: Facts, lang: Lang) -> str:
    """What there is, and nothing else."""
    text = listed([what for (what,), _ in counted_parts(facts, lang)], lang)
    return sentence(text) if lang == "en" else f"{text}。"


def enumerated(facts: Facts, lang: Lang) -> str:
    """The same as a list."""
    return (", " if lang == "en" else "、").join(what for (what,), _ in counted_parts(facts, lang))


def styled(group: list[Facts], lang: Lang, kinds_told: int) -> str:
    """A group with its number and, where all of it is drawn alike, how: outlined, or with a border."""
    fact, many = group[0], len(group)
    kinds, borders = {fact["kind"] for fact in group}, {fact.get("border", "") for fact in group}
    hollow = kinds == {"outlined"} and kinds_told <= FILLED
    border = borders.pop() if len(borders) == 1 and kinds_told <= BORDERED else ""
    if lang == "zh":
        name = f"{'空心的' if hollow else ''}{language.noun(fact, 'zh')}"
        return f"{language.NUMBERS['zh'][many]}个{f'带{colours.CHINESE[border]}边的' if border else ''}{name}"
    name = f"{'outlined ' if hollow else ''}{language.noun(fact, 'en', many > 1)}"
    text = article(name) if many == 1 else f"{language.NUMBERS['en'][many]} {name}"
    return f"{text} with {article(border)} border" if border else text


def detailed_parts(facts: Facts, lang: Lang) -> list[Part]:
    """Every kind of thing with its number, style and, unless there are too many, place."""
    found = groups(facts["things"])
    parts: list[Part] = []
    for group in found:
        what, where = styled(group, lang, len(found)), shared_place(group, lang) if len(found) <= PLACED else ""
        if not where:
            parts.append(((what,), group))
        else:
            parts.append(((what, language.at_place(where)) if lang == "en" else (where, what), group))
    return parts


def detailed(facts: Facts, lang: Lang) -> str:
    """How many there are on what, then each kind of thing: number, style, place."""
    parts, total = detailed_parts(facts, lang), len(facts["things"])
    paper = PAPERS[lang].get(facts["texture"], "")
    if lang == "zh":
        items = "，".join("有".join(phrases) for phrases, _ in parts)
        return f"{paper}{colours.CHINESE[facts['background']]}背景上有{language.NUMBERS['zh'][total]}个图形：{items}。"
    count = "one shape" if total == 1 else f"{language.NUMBERS['en'][total]} shapes"
    head = f"{count} on {article(facts['background'])} background{paper}"
    return sentence(f"{head}: {', '.join(' '.join(phrases) for phrases, _ in parts)}")


def where_of(fact: Facts, lang: Lang) -> str:
    """A thing by its place alone: "the shape at the top left"."""
    name = place(fact["place"], lang)
    return f"the shape {language.at_place(name)}" if lang == "en" else f"{name}的图形"
