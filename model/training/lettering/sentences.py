"""What boards and texts are called, and the one canonical caption of a picture of text, in English and Chinese."""

from model.training import colours, language
from model.training.lettering.boards import BARE
from model.training.sample import Facts, Lang

CHINESE = {BARE: "文字", "sign": "牌子", "label": "标签", "screen": "屏幕", "price tag": "价签"}
RELATIONS = {"below": ("above", "上方", "下方"), "right": ("to the left of", "左边", "右边")}


def boards(facts: Facts) -> list[Facts]:
    """The boards and bare texts, in reading order."""
    return [fact for fact in facts["things"] if fact["thing"] != "word"]


def words_of(board: Facts, facts: Facts) -> list[Facts]:
    """The words of a board in reading order."""
    return [fact for fact in facts["things"] if fact["thing"] == "word" and fact["of"] == board["id"]]


def kind(board: Facts, lang: Lang) -> str:
    """What a board is called."""
    return str(board["thing"]) if lang == "en" else CHINESE[board["thing"]]


def tinted(board: Facts, lang: Lang) -> str:
    """A board with its colour: "red sign", "红色的牌子"."""
    name = kind(board, lang)
    return f"{board['colour']} {name}" if lang == "en" else f"{colours.CHINESE[board['colour']]}的{name}"


def names(board: Facts, facts: Facts, lang: Lang) -> list[str]:
    """The ways to name one board so that no other can be meant, without article."""
    single = sum(other["thing"] == board["thing"] for other in boards(facts)) == 1
    return ([kind(board, lang)] if single else []) + [tinted(board, lang)]


def saying(board: Facts, lang: Lang) -> str:
    """A board and its text: 'red sign that says "OPEN"', '写着“OPEN”的红色牌子'."""
    if lang == "en":
        return f'{tinted(board, lang)} that says "{board["text"]}"'
    tint, name = colours.CHINESE[board["colour"]], kind(board, lang)
    return f"写着“{board['text']}”的{tint}{name}"


def beside(facts: Facts) -> str:
    """Where the second of two boards stands beside the first: below it, or right of it."""
    one, two = boards(facts)
    return "below" if two["place"][0] > one["place"][0] else "right"


def caption(facts: Facts, lang: Lang) -> str:
    """The one canonical caption."""
    found = boards(facts)
    ground = facts["background"]
    if lang == "zh":
        base, many = f"{colours.CHINESE[ground]}背景上，", "" if found[0]["thing"] == BARE else "一个"
        if len(found) == 1:
            return f"{base}有{many}{saying(found[0], 'zh')}。"
        _, first, second = RELATIONS[beside(facts)]
        return f"{base}{first}有一个{saying(found[0], 'zh')}，{second}有一个{saying(found[1], 'zh')}。"
    ending = f", on {language.article(ground)} background"
    if found[0]["thing"] == BARE:
        return language.sentence(saying(found[0], "en") + ending)
    told = [language.article(saying(board, "en")) for board in found]
    return language.sentence((f" {RELATIONS[beside(facts)][0]} ".join(told) if len(told) > 1 else told[0]) + ending)
