"""The common ground of all question makers: an asked fact, its wording, and how people mistype it."""

import random
from dataclasses import dataclass, field

from model.training.phrasings import CHINESE, ENGLISH, HELD
from model.training.sample import QA, Lang, Split

ROUGH = 0.25  # share of English questions that look typed in haste
BRITISH = 0.4


@dataclass(frozen=True)
class Ask:
    """One fact to ask for: `key` names the list of wordings, `slots` fill them, `answer` is the canonical answer."""

    skill: str
    key: str
    answer: str
    slots: dict[str, str] = field(default_factory=dict)


def wordings(key: str, lang: Lang, split: Split) -> tuple[tuple[str, ...], bool]:
    """The wordings of a question for a split, and whether they are the held-out ones."""
    every, held = (ENGLISH if lang == "en" else CHINESE)[key], HELD[lang]
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


def worded(rng: random.Random, ask: Ask, lang: Lang, split: Split) -> QA:
    """Word one question; the first wording of a caption is the product's default and comes most often."""
    every, held = wordings(ask.key, lang, split)
    first = ask.key in ("caption", "clip") and not held and rng.random() < 0.3
    text = (every[0] if first else rng.choice(every)).format(**ask.slots)
    if lang == "en":
        text = text[0].upper() + text[1:] if every[0][0].isupper() and rng.random() < 0.8 else text
        if rng.random() < BRITISH:
            text = text.replace("color", "colour").replace("gray", "grey").replace("center", "centre")
        if not held and not first and rng.random() < ROUGH:
            text = rough(rng, text)
    return QA(ask.skill, lang, text, ask.answer, held)
