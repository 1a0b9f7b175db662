"""Ids and text: typed text never becomes control tokens, and no character is cut."""

import json
import random
from pathlib import Path

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from model.errors import ConfigError
from model.tokenizer import MARKUP_TOKENS, SPECIAL_TOKENS, StreamDecoder, Tokenizer, byte_alphabet
from tests.tiny import tiny_tokenizer_json

REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "qwen2_tokenizer" / "tokenizer.json"
TEXTS = (
    "a red circle",
    "图中有一个红色的圆形",
    "👩‍👩‍👧‍👦 🇫🇷 🙂",
    "naïve — “quoted”\n\n  tabs\tand spaces ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ሀ ༄",
)


@pytest.fixture(scope="module")
def tiny() -> Tokenizer:
    return Tokenizer(tokenizers.Tokenizer.from_str(tiny_tokenizer_json()))


@pytest.fixture(scope="module")
def real() -> Tokenizer:
    if not REAL.exists():
        pytest.skip("the published vocabulary is not here")
    return Tokenizer.from_file(REAL)


def test_byte_alphabet_is_the_librarys() -> None:
    assert set(byte_alphabet()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(byte_alphabet().values()) == list(range(256))


@pytest.mark.parametrize("typed", [*SPECIAL_TOKENS, *MARKUP_TOKENS])
def test_typed_names_of_control_tokens_stay_text(tiny: Tokenizer, typed: str) -> None:
    text = f"before{typed}after"
    ids = tiny.encode(text)
    assert tiny.token_id(typed) not in ids
    assert tiny.decode(ids) == text


def test_names_become_ids_only_when_asked(tiny: Tokenizer) -> None:
    start = tiny.token_id("<|im_start|>")
    assert tiny.encode("<|im_start|>a red", special=True) == [start, *tiny.encode("a red")]
    assert tiny.decode([start, *tiny.encode("a red")]) == "a red"
    assert tiny.decode([start], skip_special=False) == "<|im_start|>"


@pytest.mark.parametrize("text", TEXTS)
def test_round_trip(tiny: Tokenizer, text: str) -> None:
    assert tiny.decode(tiny.encode(text)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_streaming_never_shows_part_of_a_character(tiny: Tokenizer, text: str) -> None:
    stream = tiny.stream()
    pieces = [stream.push(token_id) for token_id in tiny.encode(text)]
    assert "�" not in "".join(pieces)
    assert "".join(pieces) == text and stream.flush() == ""
    if text.isascii() or "圆" in text:
        return
    assert "" in pieces  # some character really did lie in several tokens


def test_streaming_holds_four_single_bytes_until_the_emoji_is_whole(tiny: Tokenizer) -> None:
    letter = {byte: char for char, byte in byte_alphabet().items()}
    ids = [tiny.token_id(letter[byte]) for byte in "🦜".encode()]
    stream = tiny.stream()
    assert [stream.push(token_id) for token_id in ids] == ["", "", "", "🦜"]
    assert stream.push(ids[0]) == "" and stream.flush() == "�"


def test_streaming_equals_decoding_at_once_on_random_ids(tiny: Tokenizer) -> None:
    reference = tokenizers.Tokenizer.from_str(tiny_tokenizer_json())
    draw = random.Random(0)
    for _ in range(200):
        ids = [draw.randrange(tiny.vocab_size) for _ in range(12)]
        assert tiny.decode(ids) == reference.decode(ids)
        assert tiny.decode(ids, skip_special=False) == reference.decode(ids, skip_special_tokens=False)
        stream = tiny.stream()
        assert "".join(map(stream.push, ids)) + stream.flush() == tiny.decode(ids)


def test_rows_beyond_the_vocabulary_are_silent(tiny: Tokenizer) -> None:
    assert tiny.decode([tiny.vocab_size + 5]) == ""
    assert StreamDecoder(tiny).push(10**6) == ""


def test_undecodable_argument_bytes_do_not_crash(tiny: Tokenizer) -> None:
    assert tiny.decode(tiny.encode("caf\udce9")) == "caf?"


def test_vocabulary_and_merges_give_the_same_ids(tiny: Tokenizer, tmp_path: Path) -> None:
    bpe = json.loads(tiny_tokenizer_json())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(bpe["vocab"]), encoding="utf-8")
    merges = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in bpe["merges"])])
    (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
    older = Tokenizer.from_file(tmp_path)
    for text in TEXTS:
        assert older.encode(text) == tiny.encode(text)
    assert [older.token_id(t) for t in SPECIAL_TOKENS] == [tiny.token_id(t) for t in SPECIAL_TOKENS]


@pytest.mark.parametrize("content", [None, "", "<html>", "[]", '{"version": "1.0"}'])
def test_unreadable_files_are_typed_errors(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tokenizer\.json") as caught:
        Tokenizer.from_file(tmp_path)
    assert caught.value.hint


def test_other_kinds_of_vocabulary_are_refused() -> None:
    with pytest.raises(ConfigError, match="byte-level"):
        Tokenizer(tokenizers.Tokenizer(models.BPE()))


def test_unknown_token_is_a_typed_error(tiny: Tokenizer) -> None:
    with pytest.raises(ConfigError, match="no token"):
        tiny.token_id("<|nonsense|>")


def test_published_ids(real: Tokenizer) -> None:
    """The worked ids of the published chat header."""
    header = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    wanted = [151644, 8948, 198, 2610, 525, 264, 10950, 17847, 13, 151645, 198]
    assert real.encode(header, special=True) == wanted
    assert real.vocab_size == 151_665
    names = (*SPECIAL_TOKENS, *MARKUP_TOKENS)
    assert [real.token_id(name) for name in names] == list(range(151_643, 151_665))


@pytest.mark.parametrize("text", TEXTS)
def test_published_vocabulary_streams_whole_characters(real: Tokenizer, text: str) -> None:
    stream, ids = real.stream(), real.encode(text)
    pieces = [stream.push(token_id) for token_id in ids]
    assert ids == tokenizers.Tokenizer.from_file(str(REAL)).encode(text).ids
    assert "�" not in "".join(pieces) and "".join(pieces) + stream.flush() == text
