"""Which questions a picture of text can answer: what it says, by line, word and letter; what it is; how it looks."""

import random

from model.training import colours, language
from model.training.asking import Ask
from model.training.lettering import sentences
from model.training.lettering.boards import BARE, KINDS
from model.training.lettering.near import another
from model.training.lettering.sentences import boards, names, words_of
from model.training.lettering.strings import UNTOUCHED
from model.training.picture_questions import OPPOSITE, RELATIONS, YES, Maker
from model.training.sample import Facts, Lang, Spot

LINES = {"en": (("first", "top"), ("second", "last", "bottom")), "zh": (("第一行", "上面一行"), ("第二行", "下面一行"))}
ORDINALS = {
    "en": ("first", "second", "third", "fourth", "last"),
    "zh": ("第一个", "第二个", "第三个", "第四个", "最后一个"),
}
COUNTED = {"en": ("words", "digits", "letters", "characters"), "zh": ("单词", "数字", "字母", "汉字")}
SPELLED = 9  # letters of the longest word that is spelled
QUOTED = 2  # words of the longest text that is quoted in a question: a longer one may be mistyped inside
UNSAID = 0.35  # share of texts of letters that are asked whether they are a number: as often no as yes


def ids(board: Facts, facts: Facts) -> tuple[int, ...]:
    """A board and its words."""
    return (board["id"], *(word["id"] for word in words_of(board, facts)))


def inner(board: Facts, facts: Facts) -> tuple[int, ...]:
    """The words of a board."""
    return ids(board, facts)[1:]


def spots(text: str, words: list[Facts]) -> tuple[Spot, ...]:
    """Where the characters of a text of these words stand."""
    return ((text, tuple((cell,) for word in words for cell in word["cells"])),)


def the(name: str, lang: Lang) -> str:
    """A name as questions put it."""
    return f"the {name}" if lang == "en" else name


def plain_word(word: Facts) -> bool:
    """Whether a word has letters of English only."""
    return bool(word["text"].isascii() and word["text"].isalpha())


def caption(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption."""
    told = tuple(spot for board in boards(facts) for spot in spots(board["text"], words_of(board, facts)))
    return [Ask("caption", "caption", sentences.caption(facts, lang), spots=told)]


def read(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The whole text; of a named board where there is one."""
    found, every = [], boards(facts)
    for board in every:
        text, about, where = board["text"], inner(board, facts), spots(board["text"], words_of(board, facts))
        if len(every) == 1:
            found.append(Ask("read", "read", text, about=about, spots=where))
        for name in names(board, facts, lang):
            found.append(Ask("read", "read_on", text, {"it": the(name, lang)}, about, spots=where))
    return found


def line(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The first and the second line of a text of two."""
    found = []
    for board in boards(facts) if len(boards(facts)) == 1 else ():
        for index, text in enumerate(board["lines"] if len(board["lines"]) == 2 else ()):
            inside = [word for word in words_of(board, facts) if word["line"] == index]
            same, where = tuple(word["id"] for word in inside), spots(text, inside)
            found += [Ask("line", "read_line", text, {"n": name}, same, spots=where) for name in LINES[lang][index]]
    return found


def word(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The first, the last, and any other word by its number."""
    every, found = boards(facts), list[Ask]()
    all_words = words_of(every[0], facts)
    if len(every) > 1 or len(all_words) < 2:
        return []
    for index, item in enumerate(all_words):
        places = [ORDINALS[lang][index]] + ([ORDINALS[lang][-1]] * 2 if index == len(all_words) - 1 else [])
        where = spots(item["text"], [item])
        found += [Ask("word", "read_word", item["text"], {"n": name}, (item["id"],), spots=where) for name in places]
    return found


def named_words(facts: Facts, lang: Lang) -> list[tuple[Facts, str]]:
    """Words that can be named: the only one of a board, or the first and the last of the only text."""
    found, every = [], boards(facts)
    for board in every:
        all_words = words_of(board, facts)
        if len(all_words) == 1:
            here = names(board, facts, lang)[-1]
            single = ("the word", "单词") if len(every) == 1 else (f"the word on the {here}", f"{here}上的单词")
            found.append((all_words[0], single[lang == "zh"]))
        elif len(every) == 1:
            for index, name in ((0, 0), (-1, -1)):
                whole = f"the {ORDINALS['en'][name]} word" if lang == "en" else f"{ORDINALS['zh'][name]}单词"
                found.append((all_words[index], whole))
    return [(item, name) for item, name in found if plain_word(item)]


def spell(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """A word letter by letter, with spaces between."""
    return [
        Ask("spell", "spell", spelled, {"it": name}, (item["id"],), spots=spots(spelled, [item]))
        for item, name in named_words(facts, lang)
        for spelled in [" ".join(item["text"])]
        if 2 <= len(item["text"]) <= SPELLED
    ]


def letter(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The first, second, third, fourth and last letter of a word."""
    found = []
    for item, name in named_words(facts, lang):
        text = item["text"]
        places = [*range(min(4, len(text))), -1]
        for at in places:
            slots = {"n": ORDINALS[lang][at], "it": name}
            where = ((text[at], ((item["cells"][at],),)),)
            found.append(Ask("letter", "letter", text[at], slots, (item["id"],), spots=where))
    return found


def says(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether a board says something: what it does, and what it does not, often one letter off."""
    found, every = [], boards(facts)
    for board in every:
        for truth in (True, False):
            asked = board["text"] if truth else another(rng, board["text"])
            asked = asked.lower() if rng.random() < 0.3 else asked
            if len(asked.split(" ")) > QUOTED or any(part in asked.lower() for part in UNTOUCHED):
                continue
            plain = "it" if lang == "en" else "上面"
            name = rng.choice([the(name, lang) for name in names(board, facts, lang)] + [plain] * (len(every) == 1))
            slots = {"it": name, "x": asked}
            found.append(Ask("says", "says", YES["is"][lang][truth], slots, inner(board, facts)))
    return found


def count(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """How many words, digits, letters or Chinese characters the only text has."""
    board, *more = boards(facts)
    all_words = words_of(board, facts)
    if more:
        return []
    words_name, digits_name, letters_name, characters_name = COUNTED[lang]
    counted: list[tuple[str, int]] = []
    if all(plain_word(item) for item in all_words):
        counted += [(words_name, len(all_words))] * (2 if len(all_words) > 1 else 1)
        counted += [(letters_name, len(all_words[0]["text"]))] if len(all_words) == 1 else []
    if digits := sum(char in "0123456789" for char in board["text"]):
        counted.append((digits_name, digits))
    if board["sort"] == "chinese":
        counted.append((characters_name, len(board["text"])))
    return [Ask("count", "count", str(many), {"ns": name}, inner(board, facts)) for name, many in counted]


def colour(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The colours of letters, of boards and of what is behind them."""
    found, every = [], boards(facts)
    for board in every:
        kind, ink = sentences.kind(board, lang), language.colour(board["ink"], lang)
        text = "text" if lang == "en" else "文字"
        if len(every) == 1:
            found.append(Ask("colour", "color_of", ink, {"s": text}, inner(board, facts)))
        if board["thing"] == BARE or sum(other["thing"] == board["thing"] for other in every) > 1:
            continue
        there = f"text on the {kind}" if lang == "en" else f"{kind}上的文字"
        found.append(Ask("colour", "color_of", ink, {"s": there}, inner(board, facts)))
        found.append(Ask("colour", "color_of", language.colour(board["colour"], lang), {"s": kind}, ids(board, facts)))
    behind = "background" if lang == "en" else "背景"
    found.append(Ask("colour", "color_of", language.colour(facts["background"], lang), {"s": behind}))
    return found


def number(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether it is a number; the price; the time; whether all letters are capitals."""
    every, found = boards(facts), list[Ask]()
    for key in ("price", "time"):
        of_sort = [board for board in every if board["sort"] == key]
        if len(of_sort) == 1:
            text, where = of_sort[0]["text"], spots(of_sort[0]["text"], words_of(of_sort[0], facts))
            found += [Ask("value", key, text, about=inner(of_sort[0], facts), spots=where)] * 2
    board = every[0]
    if len(every) > 1:
        return found
    plain = all(plain_word(item) for item in words_of(board, facts))
    digits = board["sort"] == "number"
    if digits or (plain and rng.random() < UNSAID):
        found.append(Ask("sort", "is_number", YES["is"][lang][digits], about=inner(board, facts)))
    capitals = board["text"].isupper()
    if plain and len(board["text"]) > 1 and (capitals or rng.random() < 0.8):
        found.append(Ask("sort", "capitals", YES["is"][lang][capitals], about=inner(board, facts)))
    return found


def exists(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Whether there is a board of some kind: one that is, one that is not; the colour may be what is wrong."""
    every, found = boards(facts), list[Ask]()
    kinds = [kind for kind in KINDS if kind != BARE]
    present = [board for board in every if board["thing"] != BARE]
    if present:
        board = rng.choice(present)
        name = rng.choice((sentences.kind(board, lang), sentences.tinted(board, lang)))
        same = tuple(at for other in present if other["thing"] == board["thing"] for at in ids(other, facts))
        found.append(_there(name, True, lang, same if name == sentences.kind(board, lang) else ids(board, facts)))
    absent = [kind for kind in kinds if all(board["thing"] != kind for board in present)]
    fake = {"thing": rng.choice(absent)}
    if present and rng.random() < 0.4:
        near = rng.choice(present)
        known = {board["colour"] for board in present if board["thing"] == near["thing"]} | {facts["background"]}
        fake = {"thing": near["thing"], "colour": rng.choice([name for name in colours.NAMES if name not in known])}
    name = sentences.tinted(fake, lang) if "colour" in fake else sentences.kind(fake, lang)
    if present or rng.random() < 0.3:
        found.append(_there(name, False, lang, ()))
    return found


def _there(name: str, truth: bool, lang: Lang, about: tuple[int, ...]) -> Ask:
    slots = {"a": language.article(name) if lang == "en" else name}
    return Ask("exists", "exists", YES["exists"][lang][truth], slots, about)


def place(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """Where each of two boards is, and whether one is above, below, left or right of the other."""
    every, found = boards(facts), list[Ask]()
    if len(every) < 2:
        return []
    for one, two in (every, every[::-1]):
        name, other = (the(rng.choice(names(board, facts, lang)), lang) for board in (one, two))
        found.append(Ask("place", "position", language.place(one["place"], lang), {"it": name}, ids(one, facts)))
        axis = one["place"][0] != two["place"][0]
        side = ("above" if axis else "left") if one is every[0] else ("below" if axis else "right")
        truth = rng.random() < 0.5
        relation = RELATIONS[side if truth else OPPOSITE[side]][lang == "zh"]
        slots = {"it": name, "r": relation, "other": other}
        answer = YES["is"][lang][truth]
        found.append(Ask("place", "relation_is", answer, slots, ids(one, facts), ids(two, facts)))
    return found


MAKERS: tuple[Maker, ...] = (caption, read, line, word, spell, letter, says, count, colour, number, exists, place)
WEIGHTS = {
    "caption": 1.3,
    "read": 5.0,
    "line": 1.6,
    "word": 2.2,
    "spell": 1.6,
    "letter": 2.2,
    "says": 1.2,
    "count": 1.0,
    "colour": 1.2,
    "value": 1.6,
    "sort": 0.6,
    "exists": 0.6,
    "place": 0.8,
}
