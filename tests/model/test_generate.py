"""Answers: streamed text, ends, confidence, and a batch that equals one by one."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model.cache import KVCache
from model.config import GenerationDefaults
from model.errors import GenerationError, PromptError
from model.generate import Finished, GenerateOptions, Request, TextPiece, generate, generate_batch
from model.loading import LoadedModel, load
from model.preprocess import MediaTensors, prepare
from model.prompt import build_prompt, simple_messages
from model.qwen import QwenVL
from model.text_stream import LoopDetector, StopStrings, TextStream
from model.tokenizer import byte_alphabet
from tests.tiny import make_checkpoint


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(make_checkpoint(tmp_path_factory.mktemp("checkpoint"), seed=5), device="cpu")


def picture(loaded: LoadedModel, height: int, width: int, seed: int = 0) -> MediaTensors:
    frames = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    return prepare(frames, "image", 1.0, loaded.preprocess)


def clip(loaded: LoadedModel) -> MediaTensors:
    frames = np.random.default_rng(1).integers(0, 256, (4, 56, 56, 3), dtype=np.uint8)
    return prepare(frames, "video", 2.0, loaded.preprocess)


def answer(loaded: LoadedModel, request: Request, **options: Any) -> tuple[list[str], Finished]:
    *pieces, end = generate(loaded, *request, GenerateOptions(**options))
    assert isinstance(end, Finished) and all(isinstance(piece, TextPiece) for piece in pieces)
    return [piece.text for piece in pieces if isinstance(piece, TextPiece)], end


def ask(text: str, *media: MediaTensors) -> Request:
    return simple_messages(len(media), text), media


class Script(QwenVL):
    """Says given tokens instead of computing any, so that ends can be tested to the token."""

    def __init__(self, network: QwenVL, tokens: list[int]) -> None:
        torch.nn.Module.__init__(self)
        self.config, self.model, self.tokens = network.config, network.model, tokens

    def _say(self, rows: int, position: int) -> Tensor:
        logits = torch.zeros(rows, self.config.text.vocab_size)
        logits[:, self.tokens[position]] = 5.0
        return logits

    def prefill(self, input_ids: Tensor, media: Any, cache: KVCache, **_: Any) -> Tensor:
        return self._say(len(input_ids), 0)

    def step(self, ids: Tensor, cache: KVCache) -> Tensor:
        cache.advance(1)
        return self._say(len(ids), cache.length)


def scripted(loaded: LoadedModel, tokens: list[int]) -> LoadedModel:
    return replace(loaded, model=Script(loaded.model, tokens))


def spelled(loaded: LoadedModel, text: str) -> list[int]:
    """One token per byte."""
    letter = {byte: char for char, byte in byte_alphabet().items()}
    return [loaded.tokenizer.token_id(letter[byte]) for byte in text.encode()]


def test_events_add_up(loaded: LoadedModel) -> None:
    request = ask("what is it?", picture(loaded, 56, 84), clip(loaded))
    pieces, end = answer(loaded, request, max_tokens=24, logprobs=True)
    assert len(pieces) > 5 and all(pieces) and "".join(pieces) == end.text
    ids = [told.id for told in end.logprobs]
    assert end.text == loaded.tokenizer.decode(ids) and end.completion_tokens == len(ids) == 24
    assert end.finish_reason == "length"
    assert end.vision_tokens == 6 + 2 * 4
    assert end.prompt_tokens == len(build_prompt(*request, loaded.tokenizer, loaded.config))
    probabilities = [float(np.exp(told.logprob)) for told in end.logprobs]
    assert end.mean_probability == pytest.approx(np.mean(probabilities))
    assert end.min_probability == pytest.approx(min(probabilities))
    assert min(end.vision_s, end.prefill_s, end.generate_s) > 0


def test_cached_decoding_is_scoring_the_whole_sequence(loaded: LoadedModel) -> None:
    """Greedy tokens and their log-probabilities follow from one uncached pass over prompt and answer."""
    request = ask("what is it?", picture(loaded, 56, 84), clip(loaded))
    _, end = answer(loaded, request, max_tokens=24, logprobs=True)
    prompt = build_prompt(*request, loaded.tokenizer, loaded.config)
    ids = torch.tensor([prompt + [told.id for told in end.logprobs]])
    with torch.inference_mode():
        scores = loaded.model(ids, request[1])[0, len(prompt) - 1 : -1].log_softmax(-1)
    assert scores.argmax(-1).tolist() == [told.id for told in end.logprobs]
    assert scores.amax(-1).tolist() == pytest.approx([told.logprob for told in end.logprobs], abs=1e-4)


def test_a_batch_is_one_by_one(loaded: LoadedModel) -> None:
    """Rows of different lengths and media, ending at different steps."""
    requests = [
        ask("what is it?", picture(loaded, 56, 84)),
        ask("hello"),
        ask("图中有什么？", clip(loaded), picture(loaded, 140, 28, 3)),
        ask("describe the picture, please, in as many words as you can find", picture(loaded, 28, 28, 4)),
        ask("how many?"),
    ]
    samplings: tuple[dict[str, Any], ...] = ({"max_tokens": 30}, {"max_tokens": 30, "temperature": 0.9, "seed": 11})
    for options in samplings:
        endless = generate_batch(loaded, requests, GenerateOptions(**options, logprobs=True))
        ends = tuple(row.logprobs[5 * index + 4].id for index, row in enumerate(endless))
        ending = replace(loaded, generation=GenerationDefaults(ends, repetition_penalty=1.0))
        began = perf_counter()
        together = generate_batch(ending, requests, GenerateOptions(**options, logprobs=True))
        took = perf_counter() - began
        assert 0 < sum(row.vision_s + row.prefill_s + row.generate_s for row in together) <= took  # they are shares
        alone = [answer(ending, request, **options, logprobs=True)[1] for request in requests]
        for batched, single in zip(together, alone, strict=True):
            assert [told.id for told in batched.logprobs] == [told.id for told in single.logprobs]
            assert batched.mean_probability == pytest.approx(single.mean_probability, abs=1e-4)
            same = ("text", "finish_reason", "prompt_tokens", "vision_tokens", "completion_tokens")
            assert [getattr(batched, key) for key in same] == [getattr(single, key) for key in same]
        assert len({end.completion_tokens for end in alone}) > 1  # they did end at different steps
    assert generate_batch(loaded, [], GenerateOptions()) == []


def test_a_seed_repeats_an_answer(loaded: LoadedModel) -> None:
    texts = [answer(loaded, ask("hi"), max_tokens=20, temperature=1.5, seed=seed)[1].text for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]
    assert answer(loaded, ask("hi"), max_tokens=20, temperature=0.0)[1] is not None


def test_checkpoint_defaults_serve_where_nothing_is_asked(loaded: LoadedModel) -> None:
    """The repetition penalty counts for greedy too; temperature and top_k of the checkpoint do not make it sample."""
    defaults = GenerationDefaults((1,), repetition_penalty=1.05, temperature=0.7, top_p=0.8, top_k=20)
    sampler = GenerateOptions().sampler(1, defaults)
    assert (sampler.temperature, sampler.repetition_penalty) == (0.0, 1.05)
    sampler = GenerateOptions(temperature=0.5, top_k=0, repetition_penalty=1.0).sampler(1, defaults)
    chosen = (sampler.temperature, sampler.top_k, sampler.top_p, sampler.repetition_penalty)
    assert chosen == (0.5, 0, 0.8, 1.0)


@pytest.mark.parametrize("own", [{"top_k": 1, "top_p": 0.001}, {"top_k": 1}, {"top_p": 0.001}])
def test_a_temperature_overrules_defaults_that_leave_one_token(loaded: LoadedModel, own: dict[str, Any]) -> None:
    """As the published 7B has them; what is asked for by name stays."""
    greedy = replace(loaded, generation=replace(loaded.generation, **own))
    texts = {answer(greedy, ask("hi"), max_tokens=20, temperature=1.5, seed=seed)[1].text for seed in range(4)}
    assert len(texts) > 1
    sampler = GenerateOptions(temperature=1.5, top_k=1, top_p=0.001).sampler(1, greedy.generation)
    assert (sampler.top_k, sampler.top_p) == (1, 0.001)


@pytest.mark.parametrize("end", [0, 1])
def test_every_end_token_ends_and_is_not_told(loaded: LoadedModel, end: int) -> None:
    eos = loaded.generation.eos_token_ids[end]
    pieces, done = answer(scripted(loaded, [*spelled(loaded, "red."), eos]), ask("?"), max_tokens=9, logprobs=True)
    assert ("".join(pieces), done.finish_reason, done.completion_tokens) == ("red.", "stop", 4)
    assert [told.token for told in done.logprobs] == ["r", "e", "d", "."]


def test_an_empty_answer_has_the_confidence_of_its_end(loaded: LoadedModel) -> None:
    pieces, done = answer(scripted(loaded, [loaded.generation.eos_token_ids[0]]), ask("?"))
    assert (pieces, done.text, done.completion_tokens) == ([], "", 0)
    certain = np.exp(5) / (np.exp(5) + loaded.config.text.vocab_size - 1)
    assert done.mean_probability == done.min_probability == pytest.approx(certain)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_character_cut_by_the_limit_is_shown_as_cut_once(loaded: LoadedModel, limit: int) -> None:
    pieces, done = answer(scripted(loaded, spelled(loaded, "🙂🙂")), ask("?"), max_tokens=limit)
    assert (pieces, done.text, done.finish_reason) == (["�"], "�", "length")


def test_emoji_and_chinese_come_whole(loaded: LoadedModel) -> None:
    text = "圆🙂é"
    tokens = [*spelled(loaded, text), loaded.generation.eos_token_ids[0]]
    assert answer(scripted(loaded, tokens), ask("?"))[0] == ["圆", "🙂", "é"]


def test_a_stop_string_over_token_bounds_never_shows(loaded: LoadedModel) -> None:
    tokens = spelled(loaded, "one END of ENDING. more")
    pieces, done = answer(scripted(loaded, tokens), ask("?"), max_tokens=len(tokens), stop=("ENDING", "zzz"))
    assert (done.text, done.finish_reason) == ("one END of ", "stop")
    assert "".join(pieces) == done.text and done.completion_tokens == len("one END of ENDING")
    pieces, done = answer(scripted(loaded, tokens), ask("?"), max_tokens=5, stop=("END",))
    assert done.text == "one E" and done.finish_reason == "length"  # held back, and given out at the end


@pytest.mark.parametrize(
    ("stops", "pieces", "shown"),
    [
        (("###",), ["a#", "#b", "##", "#c"], ["a", "##b", "", ""]),
        (("aab",), ["aa", "ab"], ["", "a"]),
        (("\n\n", "Q:"), ["x\n", "Q", "y", "\n", "\n"], ["x", "\n", "Qy", "", ""]),
        (("a", "ba"), ["xba"], ["x"]),
        ((), ["ab", "c"], ["ab", "c"]),
        (("结束",), ["好结", "束了"], ["好", ""]),
    ],
)
def test_stop_strings(stops: tuple[str, ...], pieces: list[str], shown: list[str]) -> None:
    matcher = StopStrings(stops)
    assert [matcher.push(piece) for piece in pieces] == shown
    assert matcher.stopped is bool(stops)
    assert matcher.push("later") == ("" if stops else "later")


def test_stop_string_inside_a_character_split_over_tokens(loaded: LoadedModel) -> None:
    stream = TextStream(loaded.tokenizer.stream(), ("🙂",))
    shown = [stream.push(token_id) for token_id in spelled(loaded, "a🙂b")]
    assert "".join(shown) == "a" == stream.text and stream.stopped and stream.finish() == ""


def loops_at(tokens: list[int]) -> int | None:
    detector = LoopDetector()
    return next((count for count, token in enumerate(tokens, 1) if detector.push(token)), None)


@pytest.mark.parametrize(("period", "told"), [(1, 160), (4, 160), (26, 160), (30, 180), (100, 600)])
def test_loops_are_told(period: int, told: int) -> None:
    """After an opening of 7 other tokens, told once 160 tokens and 6 repeats are full."""
    opening = list(range(900, 907))
    assert loops_at(opening + list(range(period)) * 700) == 7 + told


@pytest.mark.parametrize(
    "tokens",
    [
        [5] * 159,  # a long row of dots or zeros
        list(range(101)) * 10,  # longer than any period watched
        list(range(60)) * 5,  # a paragraph told five times
        [token for line in range(200) for token in (1, 2, 1000 + line, 3)],  # a numbered list
        [token for digits in range(300) for token in (digits % 10, digits // 10 % 10, 11, 12)],
    ],
)
def test_legitimate_repetition_is_not_a_loop(tokens: list[int]) -> None:
    assert loops_at(tokens) is None


def test_a_loop_ends_an_answer(loaded: LoadedModel) -> None:
    tokens = spelled(loaded, "I see " + "red, " * 100)
    pieces, done = answer(scripted(loaded, tokens), ask("?"), max_tokens=400)
    assert done.finish_reason == "loop" and done.completion_tokens < 6 + 170
    assert "".join(pieces) == done.text and done.text.startswith("I see red, red, ")


def test_prompts_beyond_the_context_are_refused_before_any_work(loaded: LoadedModel) -> None:
    with pytest.raises(PromptError, match="4096"):
        next(generate(loaded, *ask("hi", picture(loaded, 56, 56)), GenerateOptions(max_tokens=4090)))


def test_scores_that_are_not_finite_end_in_an_error(loaded: LoadedModel) -> None:
    broken = scripted(loaded, [1, 1, 1])
    broken.model.prefill = lambda *_, **__: torch.full((1, 512), float("nan"))  # type: ignore[method-assign]
    with pytest.raises(GenerationError, match="not finite"):
        list(generate(broken, *ask("hi"), GenerateOptions()))


def test_inference_mode_does_not_leak_between_pieces(loaded: LoadedModel) -> None:
    for _ in generate(loaded, *ask("hi"), GenerateOptions(max_tokens=3)):
        assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 0},
        {"stop": ("",)},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"top_k": -1},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": float("inf")},
        {"seed": -1},
        {"seed": 2**63},
    ],
)
def test_impossible_options_are_typed_errors(options: dict[str, Any]) -> None:
    with pytest.raises(GenerationError, match=next(iter(options)).replace("stop", "stop string")) as caught:
        GenerateOptions(**options)
    assert caught.value.hint


def test_a_checkpoint_folder_can_be_moved_between_layouts(tmp_path: Path, loaded: LoadedModel) -> None:
    """The same weights under the newer names give the same answer."""
    newer = load(make_checkpoint(tmp_path, layout="nested", shards=2, seed=5), device="cpu")
    request = ask("what is it?", picture(loaded, 56, 84))
    assert answer(newer, request, max_tokens=16)[1].text == answer(loaded, request, max_tokens=16)[1].text
