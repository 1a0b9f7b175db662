"""Prompt ids equal to apply_chat_template with the published template and, where it is at hand, the real vocabulary."""

import re
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from model.config import ModelConfig, model_config
from model.prompt import MediaPart, Message, build_prompt
from model.tokenizer import Tokenizer
from tests.model.test_prompt import CONVERSATIONS, REAL, REAL_IDS, TEMPLATE, Media
from tests.tiny import tiny_config, tiny_tokenizer_json

Both = tuple[Any, Tokenizer, ModelConfig]


@pytest.fixture(scope="module", params=["tiny", "published"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The reference's tokenizer and ours from one file, and a config with its ids."""
    file, config = REAL, model_config(tiny_config(vocab_size=151_936, **REAL_IDS))
    if request.param == "tiny":
        file, config = tmp_path_factory.mktemp("tiny") / "tokenizer.json", model_config(tiny_config())
        file.write_text(tiny_tokenizer_json(), encoding="utf-8")
    if not file.exists():
        pytest.skip("the published vocabulary is not here")
    reference = PreTrainedTokenizerFast(tokenizer_file=str(file), chat_template=TEMPLATE)
    return reference, Tokenizer.from_file(file), config


def published_form(message: Message, media: list[Media]) -> dict[str, Any]:
    content = [
        {"type": media[part.index].kind} if isinstance(part, MediaPart) else {"type": "text", "text": part.text}
        for part in message.parts
    ]
    return {"role": message.role, "content": content}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_ids(name: str, both: Both) -> None:
    reference, tokenizer, config = both
    messages, media = CONVERSATIONS[name]
    plain = [published_form(message, media) for message in messages]
    text = reference.apply_chat_template(plain, add_generation_prompt=True, tokenize=False)
    counts = iter([t * h * w // 4 for t, h, w in (item.grid for item in media)])
    text = re.sub(r"<\|(image|video)_pad\|>", lambda pad: pad.group() * next(counts), text)
    assert build_prompt(messages, media, tokenizer, config) == reference(text).input_ids


@pytest.mark.parametrize(
    "text", ["", " ", "a  b\n\n c", "12345 + 6,7", "naïve café ﬁ", "日本語と中文", "🙂👩‍👧", "it's I'LL", "\t\r\nx\r"]
)
def test_typed_text(text: str, both: Both) -> None:
    """Without control tokens in it, any text encodes as the reference does."""
    reference, tokenizer, _ = both
    assert tokenizer.encode(text) == reference(text).input_ids
