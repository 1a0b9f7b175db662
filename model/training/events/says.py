"""Canonical words for what happens and when, in English and Chinese; captions read as those of plainer clips do."""

from model.training import colours, language
from model.training.events import calling
from model.training.events.acts import WAYS
from model.training.sample import Facts, Lang, Told

Words = dict[Lang, dict[str, str]]
DIRECTIONS: Words = {
    "en": {way: way.replace("_", " ") for way in WAYS},
    "zh": {
        "left": "向左", "right": "向右", "up": "向上", "down": "向下",
        "up_left": "向左上", "up_right": "向右上", "down_left": "向左下", "down_right": "向右下",
    },
}  # fmt: skip
MOTION: Words = {
    "en": DIRECTIONS["en"] | {"circle": "in a circle", "bounce": "up and down", "still": "it does not move"},
    "zh": DIRECTIONS["zh"] | {"circle": "绕圈", "bounce": "上下弹跳", "still": "没有移动"},
}
PLAIN: Words = {
    "en": {
        "appear": "appear", "vanish": "disappear", "grow": "get bigger", "shrink": "get smaller",
        "recolour": "change color", "circle": "move in a circle", "bounce": "bounce", "spin": "spin", "blink": "blink",
    },
    "zh": {
        "appear": "出现", "vanish": "消失", "grow": "变大", "shrink": "变小", "recolour": "变色", "circle": "绕圈",
        "bounce": "弹跳", "spin": "旋转", "blink": "闪烁",
    },
}  # fmt: skip
THIRD: Words = {
    "en": {
        "appear": "appears", "vanish": "disappears", "grow": "gets bigger", "shrink": "gets smaller",
        "recolour": "changes color", "circle": "moves in a circle", "bounce": "bounces", "spin": "spins",
        "blink": "blinks",
    },
    "zh": PLAIN["zh"],
}  # fmt: skip
VERBS: Words = {
    "en": language.VERBS_EN
    | {way: f"moves {words}" for way, words in DIRECTIONS["en"].items()}
    | {"circle": "moves in a circle", "bounce": "bounces up and down", "spin": "spins"},
    "zh": language.VERBS_ZH
    | {way: f"{words}移动" for way, words in DIRECTIONS["zh"].items()}
    | {"circle": "绕圈移动", "bounce": "上下弹跳", "spin": "旋转"},
}
PACES: Words = {"en": {"fast": "fast", "slow": "slowly"}, "zh": {"fast": "快", "slow": "慢"}}
TIMES = {1: "once", 2: "twice"}
NOTHING = {"en": "nothing", "zh": "什么都没有"}
NOTHING_HAPPENS = {"en": "nothing happens", "zh": "什么也没发生"}


def seconds(value: float, lang: Lang) -> str:
    """A length of time: "3 seconds", "0.5 seconds", "3秒"."""
    if lang == "zh":
        return f"{value:g}秒"
    return f"{value:g} second" if value == 1 else f"{value:g} seconds"


def at(value: float, lang: Lang) -> str:
    """A moment: "at 3 seconds", "3秒时"."""
    return f"at {seconds(value, lang)}" if lang == "en" else f"{seconds(value, lang)}时"


def starting(what: str, lang: Lang) -> str:
    """What a thing does at the moment when something that lasts begins: "start to move", "开始移动"."""
    if what in ("appear", "vanish", "recolour"):
        return PLAIN[lang][what]
    plain = PLAIN[lang].get(what, "move" if lang == "en" else "移动")
    return f"start to {plain}" if lang == "en" else f"开始{plain}"


def verb(event: Facts, lang: Lang) -> str:
    """What a thing does, in the present tense."""
    if event["what"] == "recolour":
        return f"turns {event['to']}" if lang == "en" else f"变成{colours.CHINESE[event['to']]}"
    if event["what"] == "blink":
        times = event["times"]
        return f"blinks {TIMES.get(times, f'{times} times')}" if lang == "en" else f"闪烁{times}次"
    return VERBS[lang][event["what"]]


def noun(facts: Facts, event: Facts, lang: Lang) -> str:
    """The thing of an event, with its colour."""
    return calling.noun(facts, facts["things"][event["id"]], lang)


def clause(facts: Facts, event: Facts, lang: Lang) -> str:
    """A whole clause: "the red star appears", "红色的星形出现"; of things that meet it names both, row by row."""
    if event["what"] == "meet":
        both = sorted((facts["things"][number] for number in ids_of(event)), key=lambda fact: fact["place"])
        one, other = (calling.noun(facts, fact, lang) for fact in both)
        return f"the {one} and the {other} meet" if lang == "en" else f"{one}和{other}相遇"
    name = noun(facts, event, lang)
    return f"the {name} {verb(event, lang)}" if lang == "en" else f"{name}{verb(event, lang)}"


def told(facts: Facts, event: Facts, lang: Lang) -> str:
    """A clause that introduces its thing: "a red star appears", "一个红色的星形出现"."""
    one = calling.one(facts, facts["things"][event["id"]], lang)
    if event["what"] != "meet":
        return f"{one} {verb(event, lang)}" if lang == "en" else f"{one}{verb(event, lang)}"
    two = calling.one(facts, facts["things"][event["other"]], lang)
    return f"{one} and {two} meet" if lang == "en" else f"{one}和{two}相遇"


def events_told(facts: Facts) -> tuple[list[Facts], list[Facts]]:
    """The events that have an order and the others as captions tell them; of two things that meet only the first."""
    ordered, others = language.clip_parts(facts)
    seen: set[int] = set()
    kept = []
    for event in others:
        if event["id"] not in seen:
            kept.append(event)
        seen |= {*ids_of(event)}
    return ordered, kept


def ids_of(event: Facts) -> tuple[int, ...]:
    """The things of an event: one, or two that meet."""
    return tuple(sorted({event["id"], event["other"] if "other" in event else event["id"]}))


def caption(facts: Facts, lang: Lang) -> str:
    """The one canonical caption: scenes one after the other; else ordered events first, then the others row by row."""
    if len(facts["scenes"]) > 1:
        return _scenes(facts, lang)
    ordered, others = events_told(facts)
    rest = [told(facts, event, lang) for event in others]
    if lang == "zh":
        first = [f"先是{told(facts, ordered[0], lang)}，然后{told(facts, ordered[1], lang)}"] if ordered else []
        return f"{colours.CHINESE[facts['background']]}背景上，" + "，".join([*first, *rest]) + "。"
    if not ordered:
        said = language.listed(rest, lang)
    else:
        order = f"first {told(facts, ordered[0], lang)}, then {told(facts, ordered[1], lang)}"
        said = ", and ".join([order, language.listed(rest, lang)] if rest else [order])
    return language.sentence(f"{said}, on {language.article(facts['background'])} background")


def phrases(facts: Facts, lang: Lang) -> tuple[Told, ...]:
    """The phrases of the caption, each with the things that it is about."""
    if len(facts["scenes"]) == 1:
        ordered, others = events_told(facts)
        return tuple((told(facts, event, lang), ids_of(event)) for event in (*ordered, *others))
    shown = [fact for number in range(len(facts["scenes"])) for fact in in_scene(facts, number)]
    return tuple((calling.one(facts, fact, lang), (fact["id"],)) for fact in shown)


def in_scene(facts: Facts, number: int) -> list[Facts]:
    """The things of a scene, row by row."""
    return sorted((fact for fact in facts["things"] if fact["scene"] == number), key=lambda fact: fact["place"])


def things_of(facts: Facts, lang: Lang, scene: int) -> str:
    """What is in a scene, row by row: "a red star and a blue ring"."""
    return language.listed([calling.one(facts, fact, lang) for fact in in_scene(facts, scene)], lang)


def _scenes(facts: Facts, lang: Lang) -> str:
    shown = []
    for number, scene in enumerate(facts["scenes"]):
        things, tint = things_of(facts, lang, number), language.colour(scene["background"], lang)
        shown.append(f"{things} on {language.article(tint)} background" if lang == "en" else f"{tint}背景上有{things}")
    if lang == "en":
        return language.sentence("first " + ", then ".join(shown))
    return "先是" + "，然后".join(shown) + "。"
