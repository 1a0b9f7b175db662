"""Texts that a picture does not say: often one character off, so that only reading can tell."""

import random

from model.training.lettering import chinese

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALIKE = "oce ao bdph ij lit mnw uv ceo fte gq ypvg kxh rn sz hbn"


def _other_char(rng: random.Random, char: str) -> str:
    """Another character of the same sort and case; sometimes one that looks alike."""
    if char.isdigit():
        return rng.choice([digit for digit in "0123456789" if digit != char])
    if not char.isascii():
        return rng.choice([other for other in chinese.CHARACTERS if other != char])
    close = "".join(group for group in ALIKE.split() if char.lower() in group)
    pool = close if close.strip(char.lower()) and rng.random() < 0.3 else LETTERS
    found = rng.choice([other for other in pool if other != char.lower()])
    return found.upper() if char.isupper() else found


def changed(rng: random.Random, text: str) -> str:
    """One letter, digit or Chinese character replaced, dropped, doubled or swapped with the next."""
    places = [index for index, char in enumerate(text) if char.isalnum()]
    at, how = rng.choice(places), rng.random()
    inside = [index for index in places[:-1] if index + 1 in places and text[index].lower() != text[index + 1].lower()]
    if how < 0.15 and inside and text.isalpha():
        at = rng.choice(inside)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if how < 0.25 and len(text) > 2 and text.isalpha():
        return text[:at] + text[at + 1 :]
    if how < 0.35 and text.isalpha():
        return text[:at] + text[at] + text[at:]
    return text[:at] + _other_char(rng, text[at]) + text[at + 1 :]


def scrambled(rng: random.Random, text: str) -> str:
    """Every letter and digit replaced: a text of the same form that says something else."""
    return "".join(_other_char(rng, char) if char.isalnum() else char for char in text)


def another(rng: random.Random, text: str) -> str:
    """A text that differs from `text` in more than case."""
    return changed(rng, text) if rng.random() < 0.4 else scrambled(rng, text)
