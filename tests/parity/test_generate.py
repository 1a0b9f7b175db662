"""32 greedy tokens equal to those of transformers, through a folder that it wrote, in every published layout."""

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.config import GenerationDefaults
from model.generate import Finished, GenerateOptions, generate, generate_batch
from model.loading import LoadedModel, load
from model.preprocess import MediaTensors
from model.prompt import build_prompt, simple_messages
from tests.parity.reference import make_reference, make_weights, reference_inputs
from tests.parity.shapes import MEDIA, SHAPES, Shape
from tests.tiny import make_checkpoint, stored_name

STEPS = 32
QUESTION = "what colour is the shape?"


def write_folder(folder: Path, shape: Shape, layout: str, theirs: Any) -> Path:
    """Save the reference with its own code, beside a tokenizer; then bring it into an older or a newer layout."""
    make_checkpoint(folder, tied=shape.tied)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        theirs.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    if layout == "flat":
        (folder / "config.json").write_text(json.dumps(shape.config()), encoding="utf-8")
    weights = folder / "model.safetensors"
    if layout == "new names":
        state = {stored_name(name, "nested"): value for name, value in load_file(weights).items()}
        save_file(state, weights, {"format": "pt"})
    assert any(name.startswith("visual.") for name in load_file(weights)) == (layout != "new names")
    assert ("text_config" in json.loads((folder / "config.json").read_text())) == (layout != "flat")
    return folder


def reference_tokens(
    theirs: Any, loaded: LoadedModel, ids: list[int], media: Sequence[MediaTensors], penalty: float
) -> list[int]:
    """Generate with the reference; it takes our positions, since its own are not the published ones with clips."""
    batch = torch.tensor([ids])
    positions, following = loaded.model.positions(batch, media)
    theirs.model.get_rope_index = lambda *_, **__: (positions, (following - len(ids))[:, None])
    theirs.model.rope_deltas = None
    out = theirs.generate(
        **reference_inputs(batch, media),
        attention_mask=torch.ones_like(batch),
        max_new_tokens=STEPS,
        do_sample=False,
        repetition_penalty=penalty,
        eos_token_id=None,
        pad_token_id=0,
    )
    return out[0, len(ids) :].tolist()  # type: ignore[no-any-return]


def our_tokens(finished: Finished) -> list[int]:
    return [told.id for told in finished.logprobs]


@pytest.mark.parametrize(("layout", "penalty"), [("as saved", 1.3), ("flat", 1.0), ("new names", 1.2)])
@pytest.mark.parametrize("shape", SHAPES[:3], ids=lambda shape: shape.name)
def test_greedy_tokens(tmp_path: Path, shape: Shape, layout: str, penalty: float) -> None:
    """Random weights soon repeat themselves; with a repetition penalty, on both sides, the answers vary."""
    theirs = make_reference(shape, make_weights(shape))
    loaded = load(write_folder(tmp_path / "model", shape, layout, theirs), device="cpu", dtype="float32")
    options = GenerateOptions(max_tokens=STEPS, repetition_penalty=penalty, logprobs=True)
    requests, expected = [], []
    for name in ("none", "pictures", "mixed", "long-clip"):
        media = MEDIA[name]
        messages = simple_messages(len(media), QUESTION)
        ids = build_prompt(messages, media, loaded.tokenizer, loaded.config)
        requests.append((messages, media))
        expected.append(reference_tokens(theirs, loaded, ids, media, penalty))
    assert all(len(answer) == STEPS for answer in expected)
    assert penalty == 1.0 or all(len(set(answer)) > 8 for answer in expected), "answers that never vary prove little"
    never = set(range(loaded.config.text.vocab_size)).difference(*expected).pop()
    loaded.generation = GenerationDefaults(eos_token_ids=(never,))
    for (messages, media), answer in zip(requests, expected, strict=True):
        *_, finished = generate(loaded, messages, media, options)
        assert isinstance(finished, Finished)
        assert our_tokens(finished) == answer
    assert [our_tokens(finished) for finished in generate_batch(loaded, requests, options)] == expected
