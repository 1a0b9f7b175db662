"""Pictures of text: signs, labels, screens, price tags and bare words, to be read letter by letter."""

import hashlib
import random

import numpy as np

from model.training import labels
from model.training.lettering import asks
from model.training.lettering.boards import Board, plan
from model.training.lettering.drawing import Letter, draw, letters_of
from model.training.lettering.marks import CLASSES, cell_of, maps
from model.training.lettering.sentences import caption
from model.training.paint import wear
from model.training.parts import AskAll, Part
from model.training.placing import place_of
from model.training.questions import ask as word_questions
from model.training.sample import CELL, QA, RGB, Facts, Sample, Size, Split

Plan = tuple[str, RGB, list[Board]]  # the background's name and shade, and the boards


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
    half_wide, half_high = board.reach
    around = [(board.x - half_wide, board.y - half_high), (board.x + half_wide, board.y + half_high)]
    return {
        "id": number,
        "thing": board.kind,
        "colour": board.colour,
        "ink": board.ink,
        "place": list(place_of(board.x, board.y, size)),
        "box": box_of(around),
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


def drawn(rng: random.Random, seed: int, size: Size, planned: Plan, split: Split, questions: AskAll = ask) -> Sample:
    """Draw planned boards, tell their letters and ask about them."""
    background, behind, boards = planned
    letters = [letter for number, board in enumerate(boards) for letter in letters_of(board, number)]
    facts = facts_of(background, boards, letters, size)
    picture = draw(behind, boards, size)
    sample = Sample(
        seed=seed,
        kind="image",
        frames=np.ascontiguousarray(wear(rng, picture[None])),
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
    return drawn(rng, seed, size, plan(rng, size, difficulty, split), split)


PART = Part("text", "image", make, ask, caption, asks.WEIGHTS, CLASSES, longest=100)
