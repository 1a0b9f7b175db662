"""Names and canonical sentences in English and Chinese: one fact has one wording, so that an answer can be exact."""

from model.training import colours
from model.training.sample import Facts, Lang
from model.training.things import everything

NUMBERS = {
    "en": ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "zh": ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九"),
}
PLACES_EN = (("top left", "top", "top right"), ("left", "center", "right"), ("bottom left", "bottom", "bottom right"))
PLACES_ZH = (("左上角", "上方", "右上角"), ("左边", "中间", "右边"), ("左下角", "下方", "右下角"))
LISTED_WITH_PLACES = 4  # groups; longer captions leave the places out
Group = list[Facts]


def article(phrase: str) -> str:
    """Put "a" or "an" before an English phrase."""
    return f"{'an' if phrase[0] in 'aeio' else 'a'} {phrase}"


def sentence(text: str) -> str:
    """Start an English sentence with a capital letter and end it with a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def colour(name: str, lang: Lang) -> str:
    """A colour's name."""
    return name if lang == "en" else colours.CHINESE[name]


def shape(name: str, lang: Lang, many: bool = False) -> str:
    """A shape's name."""
    thing = everything()[name]
    if lang == "zh":
        return thing.zh
    return thing.plural if many else thing.name


def place(where: list[int], lang: Lang) -> str:
    """One of the nine places, bare."""
    return (PLACES_EN if lang == "en" else PLACES_ZH)[where[0]][where[1]]


def at_place(name: str) -> str:
    """An English place with its preposition."""
    if name == "center":
        return "in the center"
    return f"on the {name}" if name in ("left", "right") else f"at the {name}"


def noun(fact: Facts, lang: Lang, many: bool = False, tinted: bool = True) -> str:
    """What a thing is, with its colour in front: "red star", 'red word "STOP"', "红色的星形"."""
    if "text" in fact:
        digits = fact["text"].isdigit()
        if lang == "zh":
            name = f"数字{fact['text']}" if digits else f"文字“{fact['text']}”"
        else:
            name = f"number {fact['text']}" if digits else f'word "{fact["text"]}"'
    else:
        name = shape(fact["thing"], lang, many)
    if not tinted:
        return name
    return f"{colour(fact['colour'], lang)}的{name}" if lang == "zh" else f"{fact['colour']} {name}"


def counted(fact: Facts, count: int, lang: Lang) -> str:
    """How many of a thing: "a red star", "two red stars", "两个红色的星形"."""
    if lang == "zh":
        return f"{NUMBERS['zh'][count]}个{noun(fact, lang)}"
    return article(noun(fact, lang)) if count == 1 else f"{NUMBERS['en'][count]} {noun(fact, lang, many=True)}"


def listed(parts: list[str], lang: Lang) -> str:
    """Join a list the way the language does."""
    if len(parts) == 1:
        return parts[0]
    if lang == "zh":
        return "、".join(parts[:-1]) + "和" + parts[-1]
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def groups(things: list[Facts]) -> list[Group]:
    """Equal things together, in the order in which the first of each stands (row by row)."""
    found: dict[tuple[str, str, str], Group] = {}
    for fact in sorted(things, key=lambda fact: fact["place"]):
        found.setdefault((fact["thing"], fact["colour"], fact.get("text", "")), []).append(fact)
    return list(found.values())


def shared_place(group: Group, lang: Lang) -> str:
    """Where a group stands: its place, or the side that all of it shares, or nothing."""
    rows, columns = {fact["place"][0] for fact in group}, {fact["place"][1] for fact in group}
    if len(group) == 1:
        return place(group[0]["place"], lang)
    if len(rows) == 1 and rows != {1}:
        return place([rows.pop(), 1], lang)
    if len(columns) == 1 and columns != {1}:
        return place([1, columns.pop()], lang)
    return ""


def caption(facts: Facts, lang: Lang) -> str:
    """The one canonical caption of a picture."""
    parts = caption_parts(facts, lang)
    if lang == "en":
        phrases = [" ".join(phrases) for phrases, _ in parts]
        return sentence(f"{listed(phrases, 'en')}, on {article(facts['background'])} background")
    base = f"{colours.CHINESE[facts['background']]}背景上"
    if len(parts) > LISTED_WITH_PLACES:
        return f"{base}有{listed([what for (what,), _ in parts], 'zh')}。"
    return base + "，" + "，".join(f"{where}有{what}" for (where, what), _ in parts) + "。"


def caption_parts(facts: Facts, lang: Lang) -> list[tuple[tuple[str, ...], Group]]:
    """What a caption tells of every group, phrase by phrase: how many of what, and where unless there are too many."""
    found = groups(facts["things"])
    parts: list[tuple[tuple[str, ...], Group]] = []
    for group in found:
        what, where = counted(group[0], len(group), lang), shared_place(group, lang)
        if len(found) > LISTED_WITH_PLACES or (not where and lang == "en"):
            parts.append(((what,), group))
        else:
            parts.append(((what, at_place(where)) if lang == "en" else (where, what), group))
    return parts


VERBS_EN = {
    "left": "moves left",
    "right": "moves right",
    "up": "moves up",
    "down": "moves down",
    "still": "stays still",
    "appear": "appears",
    "vanish": "disappears",
    "grow": "gets bigger",
    "shrink": "gets smaller",
}
VERBS_ZH = {
    "left": "向左移动",
    "right": "向右移动",
    "up": "向上移动",
    "down": "向下移动",
    "still": "静止不动",
    "appear": "出现",
    "vanish": "消失",
    "grow": "变大",
    "shrink": "变小",
}


def verb(event: Facts, lang: Lang) -> str:
    """What a thing does, in the present tense."""
    if event["what"] == "recolour":
        return f"turns {event['to']}" if lang == "en" else f"变成{colours.CHINESE[event['to']]}"
    return (VERBS_EN if lang == "en" else VERBS_ZH)[event["what"]]


def clause(facts: Facts, event: Facts, lang: Lang, tinted: bool = True) -> str:
    """A whole clause without article: "red star appears", "红色的星形出现"."""
    name = noun(facts["things"][event["id"]], lang, tinted=tinted)
    return f"{name} {verb(event, lang)}" if lang == "en" else f"{name}{verb(event, lang)}"


def told(facts: Facts, event: Facts, lang: Lang) -> str:
    """A clause with "a" or "一个" before it."""
    text = clause(facts, event, lang)
    return article(text) if lang == "en" else f"一个{text}"


def clip_parts(facts: Facts) -> tuple[list[Facts], list[Facts]]:
    """The events of a clip as its caption tells them: those in order, and the others row by row, still ones last."""
    ordered = sorted((e for e in facts["events"] if e["order"] is not None), key=lambda event: event["order"])
    rest = sorted((e for e in facts["events"] if e["order"] is None), key=lambda e: facts["things"][e["id"]]["place"])
    return ordered, sorted(rest, key=lambda event: bool(event["what"] == "still"))


def clip_caption(facts: Facts, lang: Lang) -> str:
    """The one canonical caption of a clip: ordered events first, then the others row by row."""
    ordered, others = clip_parts(facts)
    rest = [told(facts, event, lang) for event in others]
    if lang == "zh":
        base = f"{colours.CHINESE[facts['background']]}背景上，"
        first = [f"先是{told(facts, ordered[0], lang)}，然后{told(facts, ordered[1], lang)}"] if ordered else []
        return base + "，".join([*first, *rest]) + "。"
    ending = f", on {article(facts['background'])} background"
    if not ordered:
        return sentence(listed(rest, "en") + ending)
    order = f"first {told(facts, ordered[0], 'en')}, then {told(facts, ordered[1], 'en')}"
    return sentence(", and ".join([order, listed(rest, "en")] if rest else [order]) + ending)
