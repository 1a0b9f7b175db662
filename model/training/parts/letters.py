"""Pages of short lines: teach the tower every letter in every typeface, and to find a line by its place."""

import random

from model.training import colours, language
from model.training.asking import Ask
from model.training.lettering import asks
from model.training.lettering.boards import BARE
from model.training.lettering.marks import CLASSES
from model.training.lettering.pages import page
from model.training.lettering.sentences import boards, kind, words_of
from model.training.parts import Part
from model.training.parts.text import drawn, randomness
from model.training.questions import ask as word_questions
from model.training.sample import QA, Facts, Lang, Sample, Size, Split

FIRST = {"en": ("first", "top"), "zh": ("第一行", "最上面一行")}
LAST = {"en": ("last", "bottom"), "zh": ("最后一行", "最下面一行")}
SKILLS = {"line": 4.0, "count": 1.0, "colour": 1.0, "caption": 0.6}


def caption(facts: Facts, lang: Lang) -> str:
    """How many lines of what colour on what; a page is not read out."""
    board, ground = boards(facts)[0], facts["background"]
    many = len(board["lines"])
    ink, where = language.colour(board["ink"], lang), "" if board["thing"] == BARE else kind(board, lang)
    if lang == "zh":
        on = f"一个{colours.CHINESE[board['colour']]}的{where}上，" if where else ""
        return f"{colours.CHINESE[ground]}背景上，{on}有{many}行{colours.CHINESE[board['ink']]}的文字。"
    on = f" on {language.article(board['colour'] + ' ' + where)}" if where else ""
    lines = f"{many} line{'s' * (many > 1)}"
    return language.sentence(f"{lines} of {ink} text{on}, on {language.article(ground)} background")


def captioned(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """The caption."""
    return [Ask("caption", "caption", caption(facts, lang))]


def line(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """What the first and the last line say."""
    board, found = boards(facts)[0], list[Ask]()
    last = len(board["lines"]) - 1
    for index, names in ((0, FIRST[lang]), (last, LAST[lang])) if last else ():
        inside = [word for word in words_of(board, facts) if word["line"] == index]
        text, same = board["lines"][index], tuple(word["id"] for word in inside)
        found += [Ask("line", "read_line", text, {"n": name}, same, spots=asks.spots(text, inside)) for name in names]
    return found


def count(facts: Facts, rng: random.Random, lang: Lang) -> list[Ask]:
    """How many lines there are."""
    board = boards(facts)[0]
    lines = "lines" if lang == "en" else "文字行"
    return [Ask("count", "count", str(len(board["lines"])), {"ns": lines}, asks.inner(board, facts))]


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word some questions of every skill."""
    return word_questions(facts, rng, split, makers=(captioned, line, count, asks.colour))


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture."""
    rng = randomness(seed, split)
    return drawn(rng, seed, size, page(rng, size, difficulty, split), difficulty, split, ask)


PART = Part("letters", "image", make, ask, caption, SKILLS, CLASSES)
