"""Text to read: worked facts and their answers, letters where they are said to be, near misses, labels of letters."""

import random
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from model.tokenizer import Tokenizer
from model.training.asking import Ask
from model.training.assets.pack import Pack
from model.training.data import held_out
from model.training.labels import colour_class
from model.training.lettering import asks, faces, marks
from model.training.lettering.boards import BARE, SIZES, Board, least, plan, resized
from model.training.lettering.drawing import Letter, draw, letters_of
from model.training.lettering.faces import BUILT_IN, Face
from model.training.lettering.near import another, changed
from model.training.lettering.sentences import caption
from model.training.lettering.strings import REPEATING, known_words, lettered, price, repeating, time
from model.training.parts import parts
from model.training.parts.text import facts_of
from model.training.sample import Facts, Lang, Sample

TEXT = parts()["text"]
PAPER = np.full((112, 140, 3), 255, dtype=np.uint8)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [args.make() for args in held_out(60, "text")]


def a_board(kind: str = BARE, lines: tuple[tuple[str, ...], ...] = (("OPEN",),), **more: object) -> Board:
    colours = {"colour": "black", "rgb": (0, 0, 0), "ink": "black", "ink_rgb": (0, 0, 0)} | more
    board = Board(kind, face=faces.faces()[0], lines=lines, sort="words", **colours)  # type: ignore[arg-type]
    return resized(replace(board, x=70.0, y=56.0), 24)


def a_sign() -> Facts:
    red = a_board("sign", (("Open", "24"), ("hours",)), colour="red", rgb=(200, 0, 0), ink="white")
    return facts_of("white", [red], letters_of(red, 0), (112, 140))


def asked(facts: Facts, lang: Lang, skill: str) -> dict[tuple[str, str], str]:
    """Answers by key and slots."""
    found: list[Ask] = []
    for maker in asks.MAKERS:
        found += maker(facts, random.Random(1), lang)
    return {(ask.key, "|".join(ask.slots.values())): ask.answer for ask in found if ask.skill == skill}


def test_a_sign_is_told_and_read_in_both_languages() -> None:
    facts = a_sign()
    assert caption(facts, "en") == 'A red sign that says "Open 24 hours", on a white background.'
    assert caption(facts, "zh") == "白色背景上，有一个写着“Open 24 hours”的红色牌子。"
    assert asked(facts, "en", "read") == {
        ("read", ""): "Open 24 hours",
        ("read_on", "the sign"): "Open 24 hours",
        ("read_on", "the red sign"): "Open 24 hours",
    }
    assert asked(facts, "zh", "line") == {
        ("read_line", "第一行"): "Open 24",
        ("read_line", "上面一行"): "Open 24",
        ("read_line", "第二行"): "hours",
        ("read_line", "下面一行"): "hours",
    }
    words = asked(facts, "en", "word")
    assert words[("read_word", "first")] == "Open" and words[("read_word", "second")] == "24"
    assert words[("read_word", "third")] == words[("read_word", "last")] == "hours"


def test_words_are_spelled_and_letters_named() -> None:
    facts = a_sign()
    assert asked(facts, "en", "spell") == {
        ("spell", "the first word"): "O p e n",
        ("spell", "the last word"): "h o u r s",
    }
    letters = asked(facts, "zh", "letter")
    assert letters[("letter", "第一个|第一个单词")] == "O" and letters[("letter", "第二个|最后一个单词")] == "o"
    assert letters[("letter", "最后一个|最后一个单词")] == "s"


def test_colours_counts_and_sorts_of_a_text() -> None:
    facts = a_sign()
    colours = asked(facts, "en", "colour")
    assert colours == {
        ("color_of", "text"): "white",
        ("color_of", "text on the sign"): "white",
        ("color_of", "sign"): "red",
        ("color_of", "background"): "white",
    }
    assert asked(facts, "zh", "colour")["color_of", "牌子上的文字"] == "白色"
    assert asked(facts, "en", "count") == {("count", "digits"): "2"}
    assert not asked(facts, "en", "sort")  # neither a number nor letters alone


@pytest.mark.parametrize(
    ("text", "sort", "skill", "answers"),
    [
        ("$4.50", "price", "value", {("price", ""): "$4.50"}),
        ("10:45", "time", "value", {("time", ""): "10:45"}),
        ("407", "number", "sort", {("is_number", ""): "yes"}),
        ("OPEN", "words", "count", {("count", "words"): "1", ("count", "letters"): "4"}),
    ],
)
def test_sorts_of_text(text: str, sort: str, skill: str, answers: dict[tuple[str, str], str]) -> None:
    board = replace(a_board(lines=((text,),)), sort=sort)  # type: ignore[arg-type]
    assert asked(facts_of("white", [board], letters_of(board, 0), (112, 140)), "en", skill) == answers


def test_two_boards_are_named_apart() -> None:
    red = a_board("sign", (("OPEN",),), colour="red", rgb=(200, 0, 0), ink="white")
    blue = a_board("label", (("$3",),), colour="blue", rgb=(0, 0, 200), ink="white")
    pair = [replace(red, y=28.0), replace(blue, y=90.0, sort="price")]
    letters = [letter for number, board in enumerate(pair) for letter in letters_of(board, number)]
    facts = facts_of("white", pair, letters, (112, 140))
    told = 'A red sign that says "OPEN" above a blue label that says "$3", on a white background.'
    assert caption(facts, "en") == told
    assert caption(facts, "zh") == "白色背景上，上方有一个写着“OPEN”的红色牌子，下方有一个写着“$3”的蓝色标签。"
    assert asked(facts, "en", "read")["read_on", "the blue label"] == "$3"
    assert asked(facts, "en", "value") == {("price", ""): "$3"}
    assert set(asked(facts, "en", "place").values()) & {"top", "bottom"} == {"top", "bottom"}


def test_a_text_is_asked_for_as_it_stands_and_with_a_letter_changed(samples: list[Sample]) -> None:
    answers = {"yes": 0, "no": 0, "是": 0, "不是": 0}
    for sample in samples:
        texts = [fact["text"].lower() for fact in sample.facts["things"] if fact["thing"] != "word"]
        for qa in sample.questions:
            if qa.skill == "says":
                quoted = re.findall(r'["“](.+?)["”]', qa.question)[-1].lower()
                answers[qa.answer] += 1
                if len(texts) == 1:
                    assert (qa.answer in ("yes", "是")) == (quoted == texts[0]), qa
    assert 0.35 < (answers["yes"] + answers["是"]) / sum(answers.values()) < 0.65


def test_near_misses_are_near_and_never_the_same() -> None:
    rng = random.Random(3)
    for text in ("OPEN", "sale", "Brolka", "10:45", "$4.50", "AAA", "OUT OF ORDER", "出口"):
        for _ in range(200):
            assert another(rng, text).lower() != text.lower()
            near = changed(rng, text)
            assert near.lower() != text.lower() and abs(len(near) - len(text)) <= 1


def test_letters_lie_where_their_ink_is() -> None:
    board = a_board(lines=(("Bo4k", "HI"),))
    letters = letters_of(board, 0)
    assert [(letter.char, letter.word) for letter in letters] == [*((c, 0) for c in "Bo4k"), ("H", 1), ("I", 1)]
    dark = draw(PAPER, [board])[..., 0] < 128
    rows, columns = np.nonzero(dark)
    xs, ys = [x for one in letters for x, _ in one.corners], [y for one in letters for _, y in one.corners]
    assert min(xs) - 1 <= columns.min() <= min(xs) + 4 and max(xs) - 4 <= columns.max() <= max(xs) + 1
    assert abs(rows.min() - min(ys)) <= 2 and abs(rows.max() - max(ys)) <= 2
    for letter in letters:  # every letter has ink near its centre, and the gap between words has none
        x, y = letter.centre
        assert dark[int(y) - 9 : int(y) + 10, int(x) - 5 : int(x) + 6].any(), letter.char
    gap = (letters[3].corners[1][0] + letters[4].corners[0][0]) / 2
    assert not dark[:, int(gap)].any()


def test_ink_below_the_line_stays_on_the_picture() -> None:
    board = a_board(lines=(("jgQy",),))
    board = replace(board, y=112 - board.reach[1])  # as low as it may stand
    dark = draw(PAPER, [board])[..., 0] < 128
    above = draw(PAPER, [replace(board, y=board.y - 20)])[..., 0] < 128
    assert dark.sum() > 0.97 * above.sum()


def test_a_face_without_small_letters_writes_capitals() -> None:
    face = Face(BUILT_IN, frozenset(faces.BASIC))
    assert not faces.capitals_only(face)
    capitals = Face(BUILT_IN, frozenset(char for char in faces.BASIC if not char.islower()))
    assert faces.capitals_only(capitals)
    assert all(lettered(random.Random(seed), capitals, "train", 8, single=True).text.isupper() for seed in range(30))


def test_a_turned_text_turns_its_letters() -> None:
    flat, turned = a_board(), replace(a_board(), angle=8.0)
    first, last = letters_of(flat, 0)[0], letters_of(flat, 0)[-1]
    assert first.centre[1] == pytest.approx(last.centre[1])
    first, last = letters_of(turned, 0)[0], letters_of(turned, 0)[-1]
    assert first.centre[1] > last.centre[1] + 4  # against the clock: the end rises
    dark = draw(PAPER, [turned])[..., 0] < 128
    left, right = dark[:, int(first.centre[0])].nonzero()[0], dark[:, int(last.centre[0])].nonzero()[0]
    assert left.mean() > right.mean() + 3


def test_slots_spell_a_cell_in_reading_order() -> None:
    def letter(char: str, x: float, y: float, word: int, line: int = 0) -> Letter:
        corners = ((x - 3, y - 5), (x + 3, y - 5), (x + 3, y + 5), (x - 3, y + 5))
        return Letter(char, 0, word, line, corners)

    letters = [letter("N", 4, 14, 0), letter("o", 12, 14, 0), letter("7", 33, 14, 1), letter("!", 40, 14, 1)]
    maps = marks.slots(letters, marks.ranks_of(letters), (28, 84))
    names = marks.CLASSES["first"]
    spelled = [[names[int(maps[slot][0, 0, column])] for slot in marks.SLOTS] for column in range(3)]
    assert spelled == [["n", "o", "none", "none"], ["7", "!", "none", "none"], ["none"] * 4]
    assert maps["index"].tolist() == [[[1, 1, 0]]]


def test_cells_know_their_word_its_case_and_the_ground() -> None:
    sign = a_board("sign", (("OPEN", "now"),), colour="red", rgb=(200, 0, 0), ink="white", ink_rgb=(255, 255, 255))
    letters = letters_of(sign, 0)
    facts = facts_of("blue", [sign], letters, (112, 140))
    dense = marks.maps([sign], letters, facts, (112, 140))
    for fact in facts["things"][1:]:
        mine = dense["owner"] == fact["id"] + 1
        style = "upper" if fact["text"] == "OPEN" else "lower"
        assert mine.any()
        assert {marks.CLASSES["style"][value] for value in dense["style"][mine]} == {style}
        assert set(dense["letters"][mine].tolist()) == {len(fact["text"])}
        assert set(dense["ground"][mine].tolist()) == {colour_class("red")}
        assert set(dense["colour"][mine].tolist()) == {colour_class("white")}
        assert (dense["anchor"] == fact["id"] + 1).sum() == 1
        begin = next(letter for letter in letters if letter.word == fact["rank"])
        assert dense["anchor"][(0, *marks.cell_of(begin, (112, 140)))] == fact["id"] + 1
    told = sorted(value for slot in marks.SLOTS for value in dense[slot][dense[slot] > 0].tolist())
    assert told == sorted(marks.character_class(char) for char in "OPENnow")


@pytest.mark.parametrize(
    ("word", "style"),
    [("OPEN", "upper"), ("open", "lower"), ("Open", "title"), ("42", "number"), ("$4.50", "price"), ("£3", "price"),
     ("10:45", "time"), ("出口", "chinese"), ("50%", "other"), ("A", "upper"), ("Sale!", "title")],
)  # fmt: skip
def test_styles(word: str, style: str) -> None:
    assert marks.style_of(word) == style


def test_texts_can_be_read_and_stay_inside(samples: list[Sample]) -> None:
    told = letters = 0
    for sample in samples:
        height, width = sample.frames.shape[1:3]
        for fact in sample.facts["things"]:
            left, top, right, bottom = fact["box"]
            assert left >= 0 and top >= 0 and right <= width and bottom <= height, fact
            if fact["thing"] == "word":
                letters += len(fact["text"])
                assert bottom - top >= 8.5
            else:
                assert len(fact["text"]) <= 24 and 1 <= len(fact["lines"]) <= 2
                assert fact["thing"] == BARE or fact["ink"] != fact["colour"] != sample.facts["background"]
        told += sum(int((sample.dense[slot] > 0).sum()) for slot in marks.SLOTS)
    assert told > 0.97 * letters  # four slots a cell nearly always suffice


def test_two_boards_do_not_touch() -> None:
    rng, pairs = random.Random(5), 0
    for _ in range(150):
        _, _, boards = plan(rng, (140, 168), 1.0, "train")
        if len(boards) == 2:
            pairs += 1
            one, two = boards
            assert one.colour != two.colour
            apart = [
                abs(a - b) - p - q
                for a, b, p, q in zip((one.x, one.y), (two.x, two.y), one.reach, two.reach, strict=True)
            ]
            assert max(apart) >= 0
    assert pairs > 15


def test_easy_texts_are_short_large_and_upright() -> None:
    rng = random.Random(6)
    easy = [plan(rng, (112, 112), 0.0, "train")[2] for _ in range(80)]
    single = [boards[0] for boards in easy if len(boards) == 1 and len(boards[0].text) <= 6 and not boards[0].angle]
    assert len(single) > 60
    for board in single:
        assert board.size >= min(size for size in SIZES if size >= least(board.face, board.text, 1.0))


def test_words_are_mostly_new_and_some_known_ones_are_held_out() -> None:
    rng = random.Random(7)
    face = Face(BUILT_IN, frozenset(faces.BASIC))
    drawn = [lettered(rng, face, "train", 12, single=True).text.lower().strip("!?") for _ in range(400)]
    held = set(known_words("held")) - set(known_words("train"))
    assert 0.08 < len(held) / len(known_words("held")) < 0.18
    assert not held & (set(drawn) & set(known_words("held")))
    assert sum(word not in known_words("held") for word in drawn) > 180
    assert set("abcdefghijklmnopqrstuvwxyz") <= set("".join(drawn))
    for _ in range(100):
        assert re.fullmatch(r"\$\d+(\.\d\d)?", price(rng, face))
        assert re.fullmatch(r"(\d|1\d|2[0-3]|0\d):[0-5]\d", time(rng))


def test_answers_are_short_in_tokens(samples: list[Sample]) -> None:
    tokenizer = Tokenizer.from_file(ROOT / "model" / "small" / "tokenizer.json")
    for sample in samples:
        for qa in sample.questions:
            assert len(tokenizer.encode(qa.answer)) <= 60, qa
            assert tokenizer.decode(tokenizer.encode(qa.answer)) == qa.answer


def test_without_packed_fonts_the_built_in_face_remains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(faces, "pack", lambda: Pack(tmp_path))
    assert faces.packed_faces() == []
    found = faces.faces.__wrapped__()
    assert found[0].path == BUILT_IN and found[0].writes("$4.50 OPEN?") and not found[0].writes("出口")


def test_short_texts_are_short_and_large() -> None:
    part, whole = parts()["short_text"], parts()["text"]
    heights: dict[str, list[float]] = {"short_text": [], "text": []}
    for seed in range(25):
        for one in (part, whole):
            sample = one.make(seed, (140, 168), 1, 1.0, 1.0, "held")
            for fact in sample.facts["things"]:
                if fact["thing"] == "word":
                    heights[one.name].append(fact["box"][3] - fact["box"][1])
                elif one is part:
                    assert len(fact["text"]) <= 6 and fact["sort"] != "chinese"
    assert median(heights["short_text"]) > 1.3 * median(heights["text"])
    again = part.make(3, (140, 168), 1, 1.0, 1.0, "held")
    assert (again.frames == part.make(3, (140, 168), 1, 1.0, 1.0, "held").frames).all()
    assert part.classes == whole.classes and part.make(3, (140, 168), 1, 1.0, 1.0, "train").facts != again.facts


def test_pages_are_full_of_letters_and_asked_by_their_ends() -> None:
    """A page has several times the letters of a sign, answers its first and last line, and is not read out whole."""
    part, letters = parts()["letters"], list[int]()
    for seed in range(24):
        sample = part.make(seed, (168, 168), 1, 1.0, 1.0, "train")
        board, *words = sample.facts["things"]
        letters.append(sum(len(word["text"]) for word in words))
        asked = {qa.answer for qa in sample.questions if qa.skill == "line"}
        ends = {board["lines"][0], board["lines"][-1]} if len(board["lines"]) > 1 else set()
        assert asked <= ends and bool(asked) == bool(ends)
        assert f"{len(board['lines'])} line" in part.caption(sample.facts, "en")
        left, top, right, bottom = board["box"]
        assert left >= 0 and top >= 0 and right <= 168 and bottom <= 168, "the page lies in the picture"
    assert median(letters) > 15


def test_some_texts_repeat_a_character_and_none_grows() -> None:
    made = [repeating(random.Random(seed), "abcde") for seed in range(1000)]
    changed = [text for text in made if text != "abcde"]
    assert 0.7 * REPEATING < len(changed) / len(made) < 1.3 * REPEATING
    for text in changed:
        assert len(text) == 5 and sum(one == two for one, two in pairwise(text)) == 1
    assert {repeating(random.Random(seed), "7") for seed in range(50)} == {"7"}
