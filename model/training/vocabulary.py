"""Trains the bundled model's byte-level BPE: the Qwen pre-tokenizer and special tokens, about 9,000 entries in all.

Run `python -m model.training.vocabulary`; it writes model/small/tokenizer.json. Half of the entries make every name of
a thing one token (`with_names`).
"""

import argparse
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from model.tokenizer import added_tokens, published_pipeline
from model.training import colours, language
from model.training.assets.names import named_things
from model.training.data import Plan, plan_batch
from model.training.everyday import CHINESE_TEXT, ENGLISH_TEXT, ENGLISH_WORDS
from model.training.phrasings import tables
from model.training.things import catalogue, words

SIZE = 4096  # before the names of things
LONGEST = 16  # bytes of a token: whole English words, but at most five Chinese characters
PARTICLES = "的 了 在 有 是 和 吗 向 变 、 ， 。 ？ 一个 图形 背景 变成 先是 然后"
NAMES_FILE = Path(__file__).parents[2] / ".." / "shared" / "assets" / "emoji_names.tsv"


def asked(samples: int) -> Iterator[str]:
    """Questions and answers of many samples of the world, as training meets them."""
    plan = Plan(seed=4096, batch=16, ramp=0.0)
    made = 0
    step = 0
    while made < samples:
        step += 1
        for args in plan_batch(plan, step, 0.5)[: min(16, samples - made)]:
            made += 1
            for qa in args.make().questions:
                yield from in_words(qa.question)
                yield from in_words(qa.answer)


@cache
def _borders() -> re.Pattern[str]:
    """Finds the Chinese words of the world, longest first."""
    spoken = {*colours.CHINESE.values(), *(thing.zh for thing in catalogue().values()), *language.VERBS_ZH.values()}
    spoken |= {name for row in language.PLACES_ZH for name in row} | {*PARTICLES.split(), *language.NUMBERS["zh"]}
    return re.compile("(" + "|".join(sorted(spoken, key=lambda word: (-len(word), word))) + ")")


def in_words(text: str) -> Iterator[str]:
    """Cut Chinese at the words of the world, so that no merge runs over the border of two words."""
    if text.isascii():
        yield text
        return
    yield from (piece for piece in _borders().split(text) if piece)


def general() -> Iterator[str]:
    """Words of a stranger: common English and Chinese, names of everyday things, digits, punctuation, letters."""
    for _ in range(40):
        yield ENGLISH_TEXT
        yield CHINESE_TEXT
    for word in (*ENGLISH_WORDS.split(), *words.WORDS):
        yield from (word, f" {word}", f" {word}", word.capitalize(), f" {word.upper()}")
    for rows in tables().values():
        for row in rows.values():
            for text in row:
                yield from in_words(text)
    for number in language.NUMBERS["en"]:
        yield f" {number}"


def names(path: Path) -> Iterator[str]:
    """Names of pictured things in English and Chinese, where the list is at hand."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    columns = [header.index(name) for name in ("en", "zh")]
    for line in lines[1:]:
        cells = line.split("\t")
        for column in columns:
            yield from in_words(cells[column])
            yield f" {cells[column]}"


def train(samples: int, names_file: Path) -> Tokenizer:
    """Train the merges; deterministic for the same texts."""
    tokenizer = published_pipeline(models.BPE(byte_fallback=False))
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(added_tokens()),
        min_frequency=2,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=LONGEST,
    )
    tokenizer.train_from_iterator([*asked(samples), *general(), *names(names_file)], trainer)
    tokenizer.add_tokens(added_tokens())
    return tokenizer


def whole_words() -> Iterator[str]:
    """Every word of the names of things as it stands at the beginning of an answer, within one, and in Chinese."""
    for thing in named_things():
        for word in thing.name.split():
            yield from (word, f" {word}")
        yield from (f" {word}" for word in thing.plural.split())
        yield thing.zh


ROUNDS = 4  # a merge for one word may reach over the border of two pieces of another: then that is looked at again


def with_names(tokenizer: Tokenizer) -> Tokenizer:
    """Add merges until words of names are one token each; texts without them keep their tokens.

    Said in one token, a name is a choice among names, and not a spelling of which every token has to be learned.
    """
    for _ in range(ROUNDS):
        made = json.loads(tokenizer.to_str())
        vocabulary, merges = made["model"]["vocab"], made["model"]["merges"]
        known = {tuple(merge) for merge in merges}
        for word in dict.fromkeys(whole_words()):
            left, *rest = tokenizer.encode(word, add_special_tokens=False).tokens
            for right in rest:
                if (left, right) not in known:
                    known.add((left, right))
                    merges.append([left, right])
                    vocabulary.setdefault(left + right, len(vocabulary))
                left += right
        for number, token in enumerate(made["added_tokens"], len(vocabulary)):
            token["id"] = number
        tokenizer = Tokenizer.from_str(json.dumps(made))
    return tokenizer


def write(tokenizer: Tokenizer, path: Path) -> None:
    """Write tokenizer.json whole or not at all, and say how large it is."""
    temporary = path.with_suffix(".tmp")
    text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    print(f"{path}: {tokenizer.get_vocab_size()} entries, {path.stat().st_size} bytes")


def main() -> None:
    """Train, write, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--names", type=Path, default=NAMES_FILE)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "small" / "tokenizer.json")
    args = parser.parse_args()
    write(with_names(train(args.samples, args.names)), args.out)


if __name__ == "__main__":
    main()
