"""The common ground of all question makers: an asked fact, its wording, and how people mistype it."""

import random
import re
from dataclasses import dataclass, field

from model.training.openings import CALLED, ENDINGS, OPENINGS, QUESTION_OPENINGS, REQUESTS
from model.training.phrasings import HELD, tables
from model.training.sample import QA, Lang, Number, Split, Spot, Told

ROUGH = 0.25  # share of English questions that look typed in haste
BRITISH = 0.4
CHATTY = 0.2  # share of questions with a polite or chatty opening or ending
MEASURED = 0.5  # share of Chinese questions how many that use the measure word of the thing: 几只猫 instead of 几个猫
RENAMED = 0.15  # share of questions that call pictures, videos, shapes and colours something else
CROSSED = 0.06  # share of questions without slots that are asked in one language for an answer in the other
UNENDED = 0.2  # share of Chinese questions without their final mark
ABOUT_CLIPS = ("motion", "event", "order", "when", "time", "length", "there", "scene")  # asked of clips only
OTHER: dict[Lang, Lang] = {"en": "zh", "zh": "en"}
VIEWS: dict[Lang, tuple[str, str]] = {"en": ("picture", "video"), "zh": ("图", "视频")}


@dataclass(frozen=True)
class Ask:
    """One fact to ask for: `key` names the list of wordings, `slots` fill them, `answer` is the canonical answer.

    `about` are the ids of the things that the question speaks of, none where it speaks of what is not there; `other`
    those of a second thing that it compares with or whose name is the answer. None where no thing can be pointed at.
    `told` are phrases of a long answer in the order in which they stand there, each with the things that it is about;
    `spots` phrases whose characters are read off the picture one by one, each with the media tokens that show it;
    `numbers` phrases in figures, each with the things that it is read from and with what it says as a class;
    `measure` is what Chinese counts such things by, if not by 个.
    """

    skill: str
    key: str
    answer: str
    slots: dict[str, str] = field(default_factory=dict)
    about: tuple[int, ...] | None = None
    other: tuple[int, ...] | None = None
    told: tuple[Told, ...] = ()
    spots: tuple[Spot, ...] = ()
    numbers: tuple[Number, ...] = ()
    measure: str = ""


def wordings(key: str, lang: Lang, split: Split) -> tuple[tuple[str, ...], bool]:
    """The wordings of a question for a split, and whether they are the held-out ones."""
    every, held = tables()[lang][key], HELD[lang]
    return (every[-held:], True) if split == "held" else (every[:-held], False)


def rough(rng: random.Random, text: str) -> str:
    """Lower case, no punctuation, or two letters swapped."""
    how = rng.randrange(3)
    if how == 0:
        return text.lower() if '"' not in text else text
    if how == 1:
        return text.rstrip("?.")
    words = text.split(" ")
    index = rng.randrange(len(words))
    word = words[index]
    if len(word) > 4 and word.isalpha():
        at = rng.randrange(1, len(word) - 2)
        words[index] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def opened(rng: random.Random, text: str, view: str, lang: Lang) -> str:
    """Put an opening before a question; some openings only suit what ends in a question mark."""
    asks = text.endswith(("?", "？"))
    opening = rng.choice(OPENINGS[lang] + (QUESTION_OPENINGS[lang] if asks else ())).format(view=view)
    if opening.endswith(", ") and not text.startswith(("I ", "I'")):
        text = text[0].lower() + text[1:]
    return opening + text


def chatty(rng: random.Random, text: str, ask: Ask, lang: Lang) -> str:
    """Put an opening before a question or an ending after it, unless it is polite already."""
    if "please" in text.lower():
        return text
    about_clip = ask.key == "clip" or ask.skill in ABOUT_CLIPS
    if rng.random() < 0.6:
        return opened(rng, text, VIEWS[lang][about_clip], lang)
    mark = "" if text[-1] in "?.!？。" else "." if lang == "en" else "。"
    return text + mark + rng.choice(ENDINGS[lang])


def called(rng: random.Random, text: str, lang: Lang) -> str:
    """Call the picture or the video, and shapes and colours, something else, as some people do."""
    for usual, others in CALLED[lang]:
        text = re.sub(usual, rng.choice(others) + (r"\1" if lang == "en" else ""), text)
    return text


def typed(rng: random.Random, text: str, ask: Ask, lang: Lang) -> str:
    """A training question as people type it: chatty, in haste, without its final mark, or just as it was."""
    if rng.random() < RENAMED and not set(text) & set('"“'):
        text = called(rng, text, lang)
    if rng.random() < CHATTY:
        text = chatty(rng, text, ask, lang)
    if lang == "zh":
        return text.rstrip("。？") if rng.random() < UNENDED else text
    return rough(rng, text) if rng.random() < ROUGH else text


def crosses(rng: random.Random, ask: Ask, lang: Lang) -> bool:
    """Whether a question for an answer in `lang` is asked in the other language; what fills slots has only one."""
    return not ask.slots and ask.key in tables()[OTHER[lang]] and rng.random() < CROSSED


def requested(rng: random.Random, text: str, lang: Lang, split: Split) -> str:
    """Ask in `lang` for an answer in the other language."""
    every = REQUESTS[lang]
    request = every[-1] if split == "held" else rng.choice(every[:-1])
    if (request[0] == " " and request[1].islower()) or request.startswith(("（", " (")):  # goes on with the sentence
        return text.rstrip(".?。？") + request + (text[-1] if text[-1] in ".?。？" and rng.random() < 0.7 else "")
    return text + ("" if text[-1] in ".?!。？！" else "." if lang == "en" else "。") + request


def worded(rng: random.Random, ask: Ask, lang: Lang, split: Split) -> QA:
    """Word one question; the first wording of a caption is the product's default and comes most often.

    `lang` is that of the answer, and but for a request for an answer in it that of the question.
    """
    asked = OTHER[lang] if crosses(rng, ask, lang) else lang
    text, held = said(rng, ask, asked, split)
    if asked != lang:
        text = requested(rng, text, asked, split)
    pointed = (ask.about, ask.other, ask.told, ask.spots, ask.numbers)
    return QA(ask.skill, lang, text, ask.answer, held, *pointed)


def said(rng: random.Random, ask: Ask, lang: Lang, split: Split) -> tuple[str, bool]:
    """The words of one question, and whether they are kept from training."""
    every, held = wordings(ask.key, lang, split)
    first = ask.key in ("caption", "clip") and not held and rng.random() < 0.3
    text = (every[0] if first else rng.choice(every)).format(**ask.slots)
    if lang == "zh" and ask.measure and rng.random() < MEASURED:
        text = text.replace("几个", f"几{ask.measure}").replace("多少个", f"多少{ask.measure}")
    if lang == "en":
        text = text[0].upper() + text[1:] if every[0][0].isupper() and rng.random() < 0.8 else text
        if rng.random() < BRITISH:
            text = text.replace("color", "colour").replace("gray", "grey").replace("center", "centre")
    if not held and not first:
        text = typed(rng, text, ask, lang)
    return text, held
