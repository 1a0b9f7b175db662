"""Dense labels of text: which letters lie in a cell of 28 pixels, in which word, from which letter of it on.

A cell shows several letters, so that one label a cell cannot spell: the letters whose centres fall in a cell are told
one by one, in reading order (`first` to `fourth`), in one case; `style` tells the case of the word, `index` which
letter of its word the first one is, and `letters` how long the word is. So a cell says where it goes on with a word.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from model.training import colours
from model.training.labels import Map, anchors, centre_classes, colour_class, offsets
from model.training.lettering import chinese
from model.training.lettering.boards import BARE, KINDS, Board
from model.training.lettering.drawing import Letter, corners
from model.training.sample import CELL, Facts, Size
from model.training.things import catalogue, words

SLOTS = ("first", "second", "third", "fourth")
MARKS = "!?$%.:-&'£€¥"
CHARACTERS = words.CHARS + MARKS + chinese.CHARACTERS
STYLES = ("lower", "upper", "title", "number", "price", "time", "chinese", "other")
LONGEST = 12
LETTER_COVER, WORD_COVER, BOARD_COVER = 0.12, 0.04, 0.3  # shares of a cell that suffice
CLASSES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SLOTS, ("none", *CHARACTERS)),
    "style": ("none", *STYLES),
    "index": ("none", *(str(place + 1) for place in range(LONGEST))),
    "letters": ("none", *(str(count + 1) for count in range(LONGEST))),
    "board": ("none", *(kind for kind in KINDS if kind != BARE)),
    "ground": ("none", *colours.NAMES),
}


def character_class(char: str) -> int:
    """Class of a character in the slots; case is folded, what the list lacks is none."""
    return CHARACTERS.find(char.lower()) + 1


def style_of(word: str) -> str:
    """The case of a word, or what else it is."""
    if not word.isascii():
        return "price" if word[0] in "£€¥" else "chinese"
    if word[0] == "$":
        return "price"
    if ":" in word:
        return "time"
    letters = "".join(char for char in word if char.isalpha())
    if not letters:
        return "number" if word.isdigit() else "other"
    if len(letters) > 1 and letters[0].isupper() and letters[1:].islower():
        return "title"
    return "upper" if letters.isupper() else "lower" if letters.islower() else "other"


@lru_cache(maxsize=64)
def cells(high: int, wide: int) -> NDArray[np.intp]:
    """The number of the cell that each pixel of a picture of high x wide cells lies in."""
    return np.repeat(np.arange(high), CELL)[:, None] * wide + np.repeat(np.arange(wide), CELL)


def shares(ids: Image.Image, count: int) -> NDArray[np.float64]:
    """From pixels of 0..count (H, W) to the share of each cell that each takes, (count + 1, h, w)."""
    pixels = np.asarray(ids)
    high, wide = pixels.shape[0] // CELL, pixels.shape[1] // CELL
    counted = np.bincount((cells(high, wide) * (count + 1) + pixels).ravel(), minlength=high * wide * (count + 1))
    return np.asarray(counted.reshape(high, wide, count + 1).transpose(2, 0, 1) / CELL**2)


def cell_of(letter: Letter, size: Size) -> tuple[int, int]:
    """Row and column of the cell that a letter's centre lies in."""
    x, y = letter.centre
    row, column = int(y / CELL), int(x / CELL)
    return min(max(row, 0), size[0] // CELL - 1), min(max(column, 0), size[1] // CELL - 1)


def areas(boards: Sequence[Board], letters: Sequence[Letter], size: Size) -> tuple[Image.Image, Image.Image]:
    """Who owns each pixel: numbers of boards, and numbers of letters, both from 1."""
    surfaces, signs = Image.new("L", (size[1], size[0]), 0), Image.new("L", (size[1], size[0]), 0)
    brush = ImageDraw.Draw(surfaces)
    for number, board in enumerate(boards):
        if board.kind != BARE:
            brush.polygon(corners(board), fill=number + 1)
    brush = ImageDraw.Draw(signs)
    for number, letter in enumerate(letters):
        brush.polygon(letter.corners, fill=number + 1)
    return surfaces, signs


def slots(letters: Sequence[Letter], ranks: Sequence[int], size: Size) -> dict[str, Map]:
    """The letters whose centres lie in each cell, in reading order, and the place of the first of them in its word."""
    grid = (1, size[0] // CELL, size[1] // CELL)
    maps = {name: np.zeros(grid, dtype=np.int64) for name in (*SLOTS, "index")}
    filled: dict[tuple[int, int], int] = {}
    for letter, rank in zip(letters, ranks, strict=True):
        row, column = cell_of(letter, size)
        slot = filled.get((row, column), 0)
        filled[row, column] = slot + 1
        if slot == 0:
            maps["index"][0, row, column] = min(rank + 1, LONGEST)
        if slot < len(SLOTS):
            maps[SLOTS[slot]][0, row, column] = character_class(letter.char)
    return maps


def ranks_of(letters: Sequence[Letter]) -> list[int]:
    """The place of each letter in its word, from 0."""
    counts: dict[tuple[int, int], int] = {}
    found = []
    for letter in letters:
        key = (letter.board, letter.word)
        found.append(counts.get(key, 0))
        counts[key] = found[-1] + 1
    return found


def word_ids(facts: Facts) -> dict[tuple[int, int], int]:
    """Ids of the words by the number of their board and their place in its text."""
    return {(fact["of"], fact["rank"]): fact["id"] for fact in facts["things"] if fact["thing"] == "word"}


def owned(taken: NDArray[np.float64], surfaces: NDArray[np.float64], facts: Facts, letters: Sequence[Letter]) -> Map:
    """Who owns each cell, (1, h, w) of 1 + the id of a thing: the word that takes most of it, else the board."""
    by_word = word_ids(facts)
    covered = np.zeros((len(facts["things"]) + 1, *taken.shape[1:]))
    for number, letter in enumerate(letters):
        covered[by_word[letter.board, letter.word] + 1] += taken[number + 1]
    best = covered.argmax(axis=0)
    board = np.where(surfaces[1:].max(axis=0) > BOARD_COVER, surfaces[1:].argmax(axis=0) + 1, 0)
    who = np.where(covered.max(axis=0) > WORD_COVER, best, board)[None].astype(np.int64)
    for owner in sorted(
        set(by_word.values()) - {int(value) - 1 for value in np.unique(who)}
    ):  # a small word among others
        who[0].flat[int(covered[owner + 1].argmax())] = owner + 1
    return who


def starts(who: Map, facts: Facts, letters: Sequence[Letter], size: Size) -> Map:
    """Where reading begins: at each word's one cell with its first letter, where the word owns it."""
    found, by_word = np.zeros_like(who), word_ids(facts)
    begun: set[int] = set()
    for letter in letters:
        owner = by_word[letter.board, letter.word] + 1
        cell = (0, *cell_of(letter, size))
        if owner not in begun and who[cell] == owner:  # a first letter in another word's cell leaves it to the second
            found[cell] = owner
            begun.add(owner)
    return found


def maps(boards: Sequence[Board], letters: Sequence[Letter], facts: Facts, size: Size) -> dict[str, Map]:
    """Label every cell of a picture; the things of `facts` are the boards, by number, then their words."""
    surfaces, signs = areas(boards, letters, size)
    covers, taken = shares(surfaces, len(boards)), shares(signs, len(letters))
    who = owned(taken, covers, facts, letters)
    ranks = ranks_of(letters)
    found = slots(letters, ranks, size)
    most = np.where(taken[1:].max(axis=0) > LETTER_COVER, taken[1:].argmax(axis=0) + 1, 0)[None]
    found["char"] = np.array([0, *(words.code_of(letter.char) for letter in letters)])[most]
    found["index"] = np.where(
        found["index"] > 0, found["index"], np.array([0, *(min(rank + 1, LONGEST) for rank in ranks)])[most]
    )
    table = {name: [0] for name in ("thing", "colour", "column", "row", "style", "letters", "board", "ground")}
    for fact in facts["things"]:
        for name, value in looks(fact, facts).items():
            table[name].append(value)
    found |= {name: np.array(values)[who] for name, values in table.items()}
    found["index"] = np.where(found["letters"] > 0, found["index"], 0)
    away = offsets(found["column"], found["row"])
    near = anchors(who, away["across"], away["down"])
    begin = starts(who, facts, letters, size)
    rest = np.where(np.isin(near, begin), 0, near)  # boards, and words whose first letter lies in another's cell
    return found | away | {"owner": who, "anchor": np.where(begin > 0, begin, rest)}


def looks(fact: Facts, facts: Facts) -> dict[str, int]:
    """Classes of what a board or a word shows wherever it is seen."""
    left, top, right, bottom = fact["box"]
    column, row = centre_classes((left + right) / 2, (top + bottom) / 2)
    word = fact["thing"] == "word"
    board = facts["things"][fact["of"]] if word else fact
    bare = board["thing"] == BARE
    return {
        "thing": list(catalogue()).index("text") + 1 if word else 0,
        "colour": colour_class(fact["colour"]),
        "column": column,
        "row": row,
        "style": STYLES.index(style_of(fact["text"])) + 1 if word else 0,
        "letters": min(len(fact["text"]), LONGEST) if word else 0,
        "board": 0 if bare else CLASSES["board"].index(board["thing"]),
        "ground": colour_class(facts["background"] if bare else board["colour"]),
    }
