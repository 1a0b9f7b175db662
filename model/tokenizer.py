"""Text to ids and back, over the byte-level BPE of a checkpoint folder.

What a user types never becomes a control token: `<|im_end|>` in a question is encoded as plain characters. Decoding
goes through bytes, so that a character whose bytes lie in several tokens is never cut.
"""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from model.errors import ConfigError

IM_START, IM_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
VISION_START, VISION_END = "<|vision_start|>", "<|vision_end|>"
IMAGE_PAD, VIDEO_PAD = "<|image_pad|>", "<|video_pad|>"

# The control tokens of the published vocabulary, in the order of their ids.
SPECIAL_TOKENS = (
    END_OF_TEXT, IM_START, IM_END, "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
    "<|quad_start|>", "<|quad_end|>", VISION_START, VISION_END, "<|vision_pad|>", IMAGE_PAD, VIDEO_PAD,
)  # fmt: skip
# These are single tokens too, but decoding shows them.
MARKUP_TOKENS = (
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
    "<|file_sep|>",
)  # fmt: skip
WORD_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_alphabet() -> dict[str, int]:
    """Map each character of byte-level BPE to its byte: printable Latin-1 stands for itself, the rest from U+0100 on.

    >>> byte_alphabet()["A"], byte_alphabet()["Ġ"]
    (65, 32)
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


def published_pipeline(model: models.BPE) -> tokenizers.Tokenizer:
    """Put the published normaliser, word pattern and byte-level coding around a BPE model."""
    built = tokenizers.Tokenizer(model)
    built.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(WORD_PATTERN), "isolated")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    built.pre_tokenizer = pre_tokenizers.Sequence([words, bytes_])
    built.decoder = decoders.ByteLevel()
    return built


def added_tokens() -> list[AddedToken]:
    """Return the control and markup tokens of the published vocabulary, in the order of their ids."""
    control = [AddedToken(text, special=True, normalized=False) for text in SPECIAL_TOKENS]
    return control + [AddedToken(text, special=False, normalized=False) for text in MARKUP_TOKENS]


def _from_vocabulary(folder: Path) -> tokenizers.Tokenizer:
    """Build the tokenizer from the older pair vocab.json + merges.txt, which does not hold the control tokens."""
    try:
        bpe = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    except Exception as error:  # the library raises bare Exception for anything wrong in its files
        raise ConfigError(f"the vocabulary in {folder} cannot be read: {error}", "download the folder again") from error
    built = published_pipeline(bpe)
    built.add_tokens(added_tokens())
    return built


class Tokenizer:
    """A loaded vocabulary; nothing seen from outside changes after construction, so threads may share it."""

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        if not isinstance(backend.decoder, decoders.ByteLevel):
            raise ConfigError("the tokenizer is not a byte-level BPE", "use the tokenizer of a Qwen2.5-VL checkpoint")
        added = backend.get_added_tokens_decoder()
        self._added = {token.content: token_id for token_id, token in added.items()}
        self._hidden = frozenset(token_id for token_id, token in added.items() if token.special)
        # Every added token is made special to the backend and special tokens are then encoded as plain text: this is
        # how no string that a user types can become a control token.
        backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in self._added])
        backend.encode_special_tokens = True
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._alphabet = byte_alphabet()
        self._bytes: dict[tuple[int, bool], bytes] = {}  # what tokens stood for when they were asked for before
        longest_first = sorted(self._added, key=len, reverse=True)
        self._splitter = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if longest_first else None

    @classmethod
    def from_file(cls, path: Path) -> "Tokenizer":
        """Load tokenizer.json, given itself or its folder; a folder with vocab.json + merges.txt serves as well."""
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.exists() and path.is_dir() and (path / "vocab.json").exists():
            return cls(_from_vocabulary(path))
        try:
            backend = tokenizers.Tokenizer.from_str(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            hint = "point --model at a complete folder"
            raise ConfigError(f"{file.name} is missing in {file.parent}", hint) from error
        except Exception as error:  # the library raises bare Exception for anything wrong in the file
            raise ConfigError(f"{file} cannot be read: {error}", "download the file again") from error
        return cls(backend)

    @property
    def vocab_size(self) -> int:
        """Entries, control tokens included; a network may have more rows than this."""
        return self._backend.get_vocab_size()

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Encode text; only with `special` do the names of control tokens become their ids."""
        if not special or self._splitter is None:
            return self._plain(text)
        ids: list[int] = []
        for piece in self._splitter.split(text):
            if piece in self._added:
                ids.append(self._added[piece])
            else:
                ids += self._plain(piece)
        return ids

    def _plain(self, text: str) -> list[int]:
        # A lone surrogate (an undecodable byte of a command line) has no UTF-8 form and would be a bare Python error.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return self._backend.encode(clean, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int], skip_special: bool = True) -> str:
        """Decode ids in one go; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(self.token_bytes(token_id, skip_special) for token_id in ids).decode("utf-8", "replace")

    def token_bytes(self, token_id: int, skip_special: bool = True) -> bytes:
        """Return the bytes one token stands for: none for a hidden control token or a row without an entry."""
        found = self._bytes.get((token_id, skip_special))
        if found is None:
            found = self._bytes[token_id, skip_special] = self._bytes_of(token_id, skip_special)
        return found

    def _bytes_of(self, token_id: int, skip_special: bool) -> bytes:
        text = self._backend.id_to_token(token_id)
        if text is None or (skip_special and token_id in self._hidden):
            return b""
        if text in self._added:
            return text.encode("utf-8")
        return bytes(self._alphabet[char] for char in text if char in self._alphabet)

    def token_id(self, token: str) -> int:
        """Return the id of one token, most often a control token; raise ConfigError when there is none."""
        found = self._backend.token_to_id(token)
        if found is None:
            raise ConfigError(f"the tokenizer has no token {token!r}", "use the tokenizer of a Qwen2.5-VL checkpoint")
        return found

    def id_to_token(self, token_id: int) -> str:
        """Return one token as readable text; bytes of a cut character show as U+FFFD."""
        return self.decode([token_id], skip_special=False)

    def stream(self) -> "StreamDecoder":
        """Start decoding token by token."""
        return StreamDecoder(self)


class StreamDecoder:
    """Decodes a growing answer; bytes of an unfinished character are held until the rest of it comes."""

    def __init__(self, tokenizer: Tokenizer, skip_special: bool = True) -> None:
        self._tokenizer = tokenizer
        self._skip_special = skip_special
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """Take one id and return the text that is now certain, which may be empty."""
        return self._utf8.decode(self._tokenizer.token_bytes(token_id, self._skip_special))

    def flush(self) -> str:
        """Return what is left at the end: U+FFFD for a character that never became whole."""
        return self._utf8.decode(b"", final=True)
