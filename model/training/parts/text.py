"""Pictures of text: signs, labels, screens, price tags and bare words, to be read letter by letter."""

import hashlib
import random
from dataclasses import replace

import numpy as np
from PIL import Image

from model.training import labels
from model.training.drawing.plan import inside
from model.training.grounds import ground
from model.training.lettering import asks
from model.training.lettering.boards import BARE, Board, plan, room
from model.training.lettering.drawing import Letter, corners, draw, letters_of, turned
from model.training.lettering.marks import CLASSES, cell_of, maps
from model.training.lettering.sentences import caption
from model.training.parts import AskAll, Part
from model.training.placing import place_of
from model.training.questions import ask as word_questions
from model.training.sample import CELL, QA, RGB, Facts, Sample, Size, Split
from model.training.worn import bending, wear_more

Plan = tuple[str, RGB, list[Board]]  # the background's name and shade, and the boards
BENT = 0.15  # share of the pictures with large letters that are seen in perspective or cropped, where nothing is lost
STEADY = 1.6  # times the size that letters need: from here on they may be bent
LARGE = 2.5  # times the same: from here on what they stand on may be bold


def randomness(seed: int, split: Split) -> random.Random:
    """A generator of its own for every seed and split."""
    digest = hashlib.sha256(f"{split}/text/{seed}".encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))


def box_of(corners: list[tuple[float, float]]) -> list[float]:
    """The upright box around some points: left, top, right, bottom."""
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return [round(value, 1) for value in (min(across), min(down), max(across), max(down))]


def board_fact(number: int, board: Board, size: Size) -> Facts:
    """What is true of one board."""
    wide, high = board.extent
    return {
        "id": number,
        "thing": board.kind,
        "colour": board.colour,
        "ink": board.ink,
        "place": list(place_of(*turned(board, wide / 2, high / 2), size)),
        "box": box_of(corners(board)),
        "text": board.text,
        "lines": [" ".join(line) for line in board.lines],
        "sort": board.sort,
    }


def word_facts(first: int, number: int, board: Board, letters: list[Letter], size: Size) -> list[Facts]:
    """What is true of the words of one board; their ids count from `first`."""
    found: list[Facts] = []
    for line, words in enumerate(board.lines):
        for word in words:
            rank = len(found)
            own = [letter for letter in letters if (letter.board, letter.word) == (number, rank)]
            box = box_of([corner for letter in own for corner in letter.corners])
            cells = [row * (size[1] // CELL) + column for row, column in (cell_of(letter, size) for letter in own)]
            place = list(place_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, size))
            fact: Facts = {"id": first + rank, "thing": "word", "colour": board.ink, "place": place, "box": box}
            found.append(fact | {"text": word, "of": number, "rank": rank, "line": line, "cells": cells})
    return found


def facts_of(background: str, boards: list[Board], letters: list[Letter], size: Size) -> Facts:
    """All that is true of a picture: the boards come first among the things, then their words."""
    things = [board_fact(number, board, size) for number, board in enumerate(boards)]
    for number, board in enumerate(boards):
        things += word_facts(len(things), number, board, letters, size)
    return {"kind": "image", "size": list(size), "background": background, "things": things, "events": []}


def ask(facts: Facts, rng: random.Random, split: Split) -> list[QA]:
    """Word some questions of every skill."""
    return word_questions(facts, rng, split, makers=asks.MAKERS)


def bent(rng: random.Random, boards: list[Board], size: Size) -> list[Board]:
    """The boards seen in perspective or cropped, or as they are where one would be cut or come to another place."""
    bend = bending(rng, size)
    moved = [replace(board, bend=bend) for board in boards]
    for before, after in zip(boards, moved, strict=True):
        around = box_of(corners(after))
        now, then = (board_fact(0, board, size)["place"] for board in (after, before))
        if now != then or not inside((around[0], around[1], around[2], around[3]), size):
            return boards
    return moved


def drawn(
    rng: random.Random, seed: int, size: Size, planned: Plan, difficulty: float, split: Split, questions: AskAll = ask
) -> Sample:
    """Draw planned boards, tell their letters and ask about them."""
    background, rgb, boards = planned
    space = min(room(board) for board in boards)
    bare = boards[0].ink_rgb if boards[0].kind == BARE else None
    kept = [tint for board in boards for tint in (board.colour, board.ink)]
    behind = ground(rng, background, rgb, size, difficulty, split, kept, bare, bare is None or space >= LARGE)
    if space >= STEADY and rng.random() < BENT * difficulty:
        boards = bent(rng, boards, size)
    letters = [letter for number, board in enumerate(boards) for letter in letters_of(board, number)]
    facts = facts_of(background, boards, letters, size) | {"texture": behind.texture}
    picture = draw(behind.pixels, boards)[None]
    picture = picture if boards[0].bend is None else boards[0].bend.frames(picture, Image.Resampling.BILINEAR)
    sample = Sample(
        seed=seed,
        kind="image",
        frames=np.ascontiguousarray(wear_more(rng, picture, difficulty, room=space)),
        sampled_fps=1.0,
        dense=maps(boards, letters, facts, size),
        background=labels.colour_class(background),
        facts=facts,
    )
    sample.questions = questions(facts, rng, split)
    return sample


def make(seed: int, size: Size, frames: int, fps: float, difficulty: float, split: Split) -> Sample:
    """Draw one picture."""
    rng = randomness(seed, split)
    return drawn(rng, seed, size, plan(rng, size, difficulty, split), difficulty, split)


PART = Part("text", "image", make, ask, caption, asks.WEIGHTS, CLASSES, longest=100)
