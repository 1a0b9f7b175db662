"""What is written: words known and invented, signs of a few words, numbers, prices, times, Chinese words.

Invented words keep the network from guessing: every letter has to be read.
"""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from model.training.everyday import ENGLISH_WORDS
from model.training.lettering import chinese
from model.training.lettering.faces import Face, capitals_only
from model.training.sample import Split

Sort = Literal["words", "number", "price", "time", "chinese"]
SIGNS = """
    open closed sale exit enter entrance push pull stop go yes no stop slow wait walk hot cold free new warning danger
    caution parking hours room floor gate platform bus taxi train cafe bar hotel menu pizza soup coffee tea bread fish
    fresh today hello welcome thank you please quiet private public men women office shop store market bank school park
    keep out off left right up down ticket price only staff level ring bell wet paint on fire love happy birthday best
    super mega extra small large help info news games music books cash lift stairs water juice milk cake bike street
    road lane north south east west summer winter spring monday friday sunday april june august
"""
PHRASES = """
    no parking|open 24 hours|out of order|keep out|wet floor|thank you|do not enter|for sale|no smoking|one way|push|
    pull|sold out|keep left|no entry|wet paint|way out|cash only|staff only|buy one get one|happy birthday|good morning|
    open daily|bus stop|coffee shop|pizza and pasta|mind the gap|watch your step|employees only|ring the bell|
    fresh fish|taxi|hot tea|please wait|no dogs|big sale|50% off|20% off|now open|we are closed|come in|exit only
"""
ONSETS = """
    b br bl c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p pl pr qu r s sh sk sl sm sn sp st str sw t th tr v w wh
    x y z
"""
VOWELS = "a e i o u a e i o u y ai ea ee oo ou au"
CODAS = "n r s t l m d k x p g b f z ng st ck ll nd rt ns mp ft"  # or nothing, three times in 26
UNTOUCHED = ("gray", "center", "color", "grey", "centre")  # a question's spelling is sometimes made British
LONGEST_WORD = 11
REPEATING = 0.15  # share of the texts made up in which a character stands twice
MARKED = 0.1  # share of the texts of letters that end in a mark
HELD_WORDS = 8  # one of so many known words is kept from training


@dataclass(frozen=True)
class Writing:
    """A text as words, and what sort of text it is."""

    words: tuple[str, ...]
    sort: Sort

    @property
    def text(self) -> str:
        """The whole text."""
        return " ".join(self.words)


@cache
def known_words(split: Split) -> tuple[str, ...]:
    """Everyday words; one in eight is kept for evaluation."""
    every = dict.fromkeys(
        word for word in (*SIGNS.split(), *ENGLISH_WORDS.split()) if word.isascii() and word.isalpha()
    )
    fit = [word for word in every if 2 <= len(word) <= LONGEST_WORD and not any(part in word for part in UNTOUCHED)]
    return tuple(word for word in fit if split == "held" or zlib.crc32(word.encode()) % HELD_WORDS)


@cache
def phrases(split: Split) -> tuple[str, ...]:
    """Signs of several words that people put up, without the words that the split must not see."""
    every = [" ".join(phrase.split()) for phrase in PHRASES.split("|")]
    unseen = set(known_words("held")) - set(known_words(split))
    return tuple(phrase for phrase in every if unseen.isdisjoint(phrase.split()))


@cache
def sounds() -> tuple[list[str], list[str], list[str]]:
    """What begins, carries and ends a syllable."""
    return ONSETS.split(), VOWELS.split(), ["", "", "", *CODAS.split()]


def invented(rng: random.Random, syllables: int) -> str:
    """A word that nobody knows but anybody can say: "brolk", "xewi"."""
    parts = [rng.choice(kind) for _ in range(syllables) for kind in sounds()]
    return repeating(rng, "".join(parts[rng.random() < 0.15 :]))  # some begin with a vowel


def code(rng: random.Random) -> str:
    """Letters without order, as on a number plate."""
    return repeating(rng, "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.choice((2, 3, 3, 4, 5)))))


def repeating(rng: random.Random, text: str) -> str:
    """Sometimes one character takes the place of the next: who reads after "a" must tell the first from the second."""
    if len(text) < 2 or rng.random() >= REPEATING:
        return text
    at = rng.randrange(1, len(text))
    return text[:at] + text[at - 1] + text[at + 1 :]


def digits(rng: random.Random, longest: int) -> str:
    """A number of one to `longest` digits, as often of each length."""
    count = rng.randint(1, longest)
    first = rng.choice("123456789") if count > 1 else rng.choice("0123456789")
    return repeating(rng, first + "".join(rng.choice("0123456789") for _ in range(count - 1)))


def one_word(rng: random.Random, split: Split, longest: int) -> str:
    """A known word, an invented one or bare letters, at most `longest` letters of it."""
    roll = rng.random()
    if roll < 0.4:
        fit = [word for word in known_words(split) if len(word) <= longest]
        return rng.choice(fit)
    return (code(rng) if roll < 0.5 else invented(rng, rng.choice((1, 1, 2, 2, 3))))[:longest]


def cased(rng: random.Random, words: list[str], face: Face) -> list[str]:
    """The same case for all words: capitals, small letters, or a capital first."""
    how = rng.choices((str.upper, str.lower, str.capitalize), (0.45, 0.2, 0.35))[0]
    if capitals_only(face):
        how = str.upper
    return [how(word) for word in words]


def price(rng: random.Random, face: Face) -> str:
    """A price such as $4.50, mostly in dollars; other signs only where the face has them."""
    sign = rng.choice([sign for sign in "$$$$£€¥" if face.writes(sign)])
    whole = str(rng.choice((rng.randint(0, 9), rng.randint(1, 99), rng.randint(1, 99), rng.randint(100, 999))))
    cents = rng.choice(("", "50", "99", "95", "00", "25", *(f"{rng.randrange(100):02d}" for _ in range(5))))
    return f"{sign}{whole}.{cents or '50'}" if cents or whole == "0" else f"{sign}{whole}"


def time(rng: random.Random) -> str:
    """A time of day, of 12 or of 24 hours."""
    hour = str(rng.randint(1, 12)) if rng.random() < 0.6 else f"{rng.randint(0, 23):02d}"
    minute = rng.choice((0, 15, 30, 45)) if rng.random() < 0.3 else rng.randrange(60)
    return f"{hour}:{minute:02d}"


def several(rng: random.Random, split: Split, limit: int) -> list[str]:
    """Two to four words of at most `limit` characters in all: a sign that exists, or words and numbers by chance."""
    if rng.random() < 0.2:
        fit = [phrase for phrase in phrases(split) if len(phrase) <= limit]
        if fit:
            return rng.choice(fit).split()
    wanted, found = rng.choice((2, 2, 2, 3, 3, 4)), list[str]()
    while len(found) < wanted:
        room = limit - len(" ".join(found)) - 1
        if room < 2:
            break
        longest = min(room if len(found) + 1 == wanted else room - 2, 9)
        number = rng.random() < 0.2
        found.append(digits(rng, min(3, max(1, longest))) if number else one_word(rng, split, max(2, longest)))
    return found


def chinese_word(rng: random.Random, face: Face, limit: int) -> str:
    """A word of Chinese signs, or characters of them by chance."""
    longest = min(4, limit)
    if rng.random() < 0.4:
        known = [char for char in chinese.CHARACTERS if face.writes(char)]
        return "".join(rng.choice(known) for _ in range(rng.randint(1, longest)))
    return rng.choice([word for word in chinese.WORDS if len(word) <= longest and face.writes(word)])


def lettered(rng: random.Random, face: Face, split: Split, limit: int, single: bool) -> Writing:
    """Words of letters in one case, sometimes with a mark at the end."""
    words = [one_word(rng, split, min(limit, LONGEST_WORD))] if single else several(rng, split, limit)
    words = cased(rng, words, face)
    if len(" ".join(words)) < limit and rng.random() < MARKED and words[-1].isalpha():
        words[-1] += rng.choice("!!?")
    return Writing(tuple(words), "words")


def written(rng: random.Random, face: Face, split: Split, limit: int, weights: dict[str, float]) -> Writing:
    """A text of at most `limit` characters that `face` can write; `weights` by word, words, number, price, time."""
    if face.chinese:
        return Writing((chinese_word(rng, face, limit),), "chinese")
    sort = rng.choices(list(weights), list(weights.values()))[0]
    makers: dict[str, Callable[[], Writing]] = {
        "word": lambda: lettered(rng, face, split, limit, single=True),
        "words": lambda: lettered(rng, face, split, limit, single=limit < 6),
        "number": lambda: Writing((digits(rng, min(6, limit)),), "number"),
        "price": lambda: Writing((price(rng, face),), "price"),
        "time": lambda: Writing((time(rng),), "time"),
    }
    return makers[sort]()
