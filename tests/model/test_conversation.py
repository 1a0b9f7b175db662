"""Conversations: what the cache holds is what was said, so each answer is that of the whole text read anew."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model.conversation import Conversation
from model.errors import PromptError
from model.generate import Finished, GenerateOptions, Run, TextPiece, generate
from model.loading import LoadedModel, load
from model.preprocess import MediaTensors
from model.prompt import simple_messages
from model.qwen import QwenVL
from model.tokenizer import IM_END, IM_START
from tests.model.test_generate import clip, picture
from tests.tiny import make_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), seed=7)


@pytest.fixture(params=["float32", "bfloat16", "static"])
def loaded(folder: Path, request: pytest.FixtureRequest) -> LoadedModel:
    """Decoded by ordinary steps, by native ones where they are built, by those that a GPU would record."""
    dtype = "bfloat16" if request.param == "bfloat16" else "float32"
    found = load(folder, device="cpu", dtype=dtype)
    found.model.static = True if request.param == "static" else None
    return found


def options(loaded: LoadedModel, tokens: int = 12, **more: Any) -> GenerateOptions:
    return GenerateOptions(max_tokens=tokens, logprobs=True, **more)


def endless(loaded: LoadedModel) -> LoadedModel:
    """Never ends an answer by itself."""
    never = loaded.tokenizer.token_id(IM_START)
    return replace(loaded, generation=replace(loaded.generation, eos_token_ids=(never,)))


def last(events: Iterator[TextPiece | Finished]) -> Finished:
    *pieces, end = events
    assert isinstance(end, Finished)
    assert end.text == "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))
    return end


def follows(
    loaded: LoadedModel, talk: Conversation, answers: Sequence[Finished], media: Sequence[MediaTensors]
) -> None:
    """Hold the last answer to one uncached pass over all that was said."""
    tokens = [told.id for told in answers[-1].logprobs]
    assert talk._ids[len(talk._ids) - len(tokens) :] == tokens
    with torch.inference_mode():
        scores = loaded.model(torch.tensor([talk._ids]), media)[0, -len(tokens) - 1 : -1].float().log_softmax(-1)
    told = torch.tensor([one.logprob for one in answers[-1].logprobs])
    chosen = scores.gather(1, torch.tensor(tokens)[:, None])[:, 0]
    wide = 1e-4 if loaded.dtype is torch.float32 else 0.05
    assert torch.allclose(chosen, told, atol=wide), (chosen - told).abs().max()
    assert (scores.amax(-1) - chosen).max() < wide


def test_every_turn_is_the_whole_conversation_read_anew(loaded: LoadedModel) -> None:
    """Pictures and a clip that come in different turns, answers that are cut, a cache that has to grow."""
    loaded = endless(loaded)
    talk, shown, answers = Conversation(loaded, options(loaded)), list[MediaTensors](), list[Finished]()
    turns: list[tuple[str, list[MediaTensors]]] = [
        ("what is it?", [picture(loaded, 56, 84)]),
        ("and how many stars are there in it, please?", []),
        ("图中有什么？", [clip(loaded), picture(loaded, 140, 28, 3)]),
        ("why?", []),
    ]
    for text, media in turns:
        shown += media
        answers.append(last(talk.ask(text, media)))
        follows(loaded, talk, answers, shown)
    assert answers[1].prompt_tokens > answers[0].prompt_tokens + 12 and answers[1].vision_tokens == 6
    assert [end.finish_reason for end in answers] == ["length"] * 4
    assert answers[1].vision_s == 0 < answers[2].vision_s


def test_the_first_turn_is_a_question_alone(loaded: LoadedModel) -> None:
    """The same ids, the same answer; a system text is said once."""
    media = [picture(loaded, 56, 84)]
    talk = Conversation(loaded, options(loaded), system="Be brief.")
    first = last(talk.ask("what?", media))
    alone = last(generate(loaded, simple_messages(1, "what?", "Be brief."), media, options(loaded)))
    assert [one.id for one in first.logprobs] == [one.id for one in alone.logprobs]
    assert first.prompt_tokens == alone.prompt_tokens
    last(talk.ask("more", []))
    assert talk._ids.count(loaded.tokenizer.token_id(IM_START)) == 5


def test_an_answer_that_ends_is_ended_once(loaded: LoadedModel) -> None:
    """The token that ended it was never read, and comes with the next turn."""
    free = Conversation(endless(loaded), options(loaded))
    tokens = [one.id for one in last(free.ask("what?", [])).logprobs]
    end = tokens[5]
    ending = replace(loaded, generation=replace(loaded.generation, eos_token_ids=(end,)))
    talk = Conversation(ending, options(loaded))
    first = last(talk.ask("what?", []))
    assert (first.finish_reason, [one.id for one in first.logprobs]) == ("stop", tokens[: tokens.index(end)])
    before = list(talk._ids)
    last(talk.ask("why?", []))
    assert talk._ids[: len(before) + 1] == [*before, loaded.tokenizer.token_id(IM_END)]


def test_a_cut_answer_that_ends_in_a_placeholder_does_not_ask_for_media(loaded: LoadedModel) -> None:
    talk = Conversation(endless(loaded), options(loaded))
    said = [one.id for one in last(talk.ask("what?", [])).logprobs]
    cut = max(at for at, token in enumerate(said) if token not in said[:at])
    config = replace(loaded.config, image_token_id=said[cut])
    talk = Conversation(replace(endless(loaded), config=config), options(loaded, cut + 1))
    answer = last(talk.ask("what?", []))
    assert cut and [one.id for one in answer.logprobs] == said[: cut + 1] and talk._ids[-cut:] == said[:cut]
    last(talk.ask("why?", []))


def test_an_answer_may_be_left(loaded: LoadedModel) -> None:
    """What came of it stays said."""
    loaded = endless(loaded)
    talk = Conversation(loaded, options(loaded, 30))
    media = [picture(loaded, 56, 56)]
    events = talk.ask("what?", media)
    next(events)
    events.close()  # type: ignore[attr-defined]
    said = len(talk._ids)
    answer = last(talk.ask("go on", []))
    follows(loaded, talk, [answer], media)
    assert len(talk._ids) > said + 30


@pytest.mark.parametrize("single_turn", [False, True])
def test_a_question_stopped_before_its_answer_has_been_read_or_not(
    loaded: LoadedModel, single_turn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks can tell: media that were read need not come again, and others must."""
    loaded = replace(loaded, generation=replace(loaded.generation, single_turn=single_turn))
    talk, media = Conversation(loaded, options(loaded)), [picture(loaded, 56, 84)]

    def stopped(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    for owner, name, taken in ((QwenVL, "encode_media", 0), (Run, "choose", 1)):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(owner, name, stopped)
            list(talk.ask("what?", media))
        assert talk.taken == taken
    answer = last(talk.ask("why?", []))
    assert answer.vision_tokens == 6
    if single_turn:
        alone = last(generate(loaded, simple_messages(1, "why?"), media, options(loaded)))
        assert [told.id for told in answer.logprobs] == [told.id for told in alone.logprobs]
    else:
        follows(loaded, talk, [answer], media)


def test_a_full_context_leaves_the_conversation_as_it_was(loaded: LoadedModel) -> None:
    """The refused turn can be said shorter."""
    limit = loaded.config.text.max_position_embeddings
    talk = Conversation(endless(loaded), options(loaded))
    last(talk.ask("what?", []))
    before = list(talk._ids)
    with pytest.raises(PromptError, match=f"the model holds {limit}"):
        list(talk.ask("x" * 8 * limit, []))
    assert talk._ids == before
    answer = last(talk.ask("why?", []))
    follows(loaded, talk, [answer], [])


def test_a_prompt_that_fails_leaves_the_conversation_as_it_was(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when memory runs out in the middle of the network."""
    talk = Conversation(endless(loaded), options(loaded))
    last(talk.ask("what?", []))
    before = list(talk._ids)
    layer = loaded.model.model.layers[1]

    def broken(*_: Any, **__: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(layer, "forward", broken)
        with pytest.raises(MemoryError):
            list(talk.ask("a long question about nothing in particular", []))
    assert talk._ids == before
    answer = last(talk.ask("why?", []))
    follows(loaded, talk, [answer], [])


def test_a_model_of_single_questions_is_asked_each_by_itself(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About the media that came last, encoded once."""
    loaded = replace(loaded, generation=replace(loaded.generation, single_turn=True))
    encoded: list[int] = []
    encode = QwenVL.encode_media

    def counting(network: QwenVL, media: Sequence[MediaTensors]) -> torch.Tensor:
        encoded.append(len(media))
        return encode(network, media)

    monkeypatch.setattr(QwenVL, "encode_media", counting)
    talk, one, two = Conversation(loaded, options(loaded)), picture(loaded, 56, 84), picture(loaded, 56, 56, 2)
    answers = [last(talk.ask("what?", [one])), last(talk.ask("how many?", [])), last(talk.ask("and?", [two]))]
    assert (talk.remembers, encoded) == (False, [1, 1])
    assert answers[1].vision_s == 0 < min(answers[0].vision_s, answers[2].vision_s)
    with pytest.raises(PromptError):
        list(talk.ask("x" * 8 * loaded.config.text.max_position_embeddings, [one]))
    assert last(talk.ask("and?", [])).text == answers[2].text  # what a refused question showed is not kept
    for answer, text, media in zip(answers, ("what?", "how many?", "and?"), ([one], [one], [two]), strict=True):
        alone = last(generate(loaded, simple_messages(len(media), text), media, options(loaded)))
        assert [told.id for told in answer.logprobs] == [told.id for told in alone.logprobs]
        assert answer.prompt_tokens == alone.prompt_tokens
