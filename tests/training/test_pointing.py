"""Questions point at the tokens of what they are about, and a pointer that is told so learns it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.config import model_config, preprocess_config
from model.tokenizer import Tokenizer
from model.training.batches import Batch, BatchSource
from model.training.data import Plan, batch_samples
from model.training.events.tokens import HALVES
from model.training.export import PREPROCESSOR, TOKENIZER, VIDEO_PREPROCESSOR
from model.training.labels import anchors
from model.training.lettering.marks import SLOTS, character_class
from model.training.modeling import DenseHeads, number_loss, small_config
from model.training.parts import parts
from model.training.pictured import item_names
from model.training.pointing import (
    HEADS,
    IGNORED,
    Asker,
    Pointer,
    Pointers,
    answer_tokens,
    askers_of,
    character_places,
    labels_of,
    pointers,
    thing_meant,
)
from model.training.sample import NUMBERS, QA, TIMES, Sample
from model.training.world import make_sample

PLAN = Plan(seed=5, batch=4, questions=6)


def a_batch(step: int) -> Batch:
    config = model_config(small_config("cpu", Tokenizer.from_file(TOKENIZER)))
    source = BatchSource(PLAN, str(TOKENIZER), config, preprocess_config(PREPROCESSOR, VIDEO_PREPROCESSOR))
    source.progress.fill_(1.0)
    return source[step]


def test_labels_stand_at_the_tokens_of_the_things_that_a_question_is_about() -> None:
    for seed in range(20):
        sample = make_sample(seed, "image", (112, 140), 1, 1.0, 1.0)
        owner = sample.dense["owner"].flatten()
        for qa in sample.questions:
            if qa.about is None:
                continue
            found = labels_of(sample, Asker(0, qa.about, qa.other))
            assert set(found) == {"about", "anchor", *(["other"] if qa.other is not None else [])}
            assert found["about"].tolist() == [int(value - 1 in qa.about) for value in owner]
            shown = {thing for thing in qa.about if thing + 1 in owner}
            assert int(found["anchor"].sum()) == len(shown)  # one token a thing: what is counted


def test_reading_is_encoded_and_points_letter_by_letter() -> None:
    tokenizer = Tokenizer.from_file(TOKENIZER)
    qa = QA("read", "en", "?", "Open 7", spots=(("Open 7", ((0,), (0,), (1,), (2,), (5,))),))
    tokens, starts = answer_tokens(qa, tokenizer)
    assert [tokenizer.decode([token]) for token in tokens] == list("Open 7") and starts == list(range(7))
    assert len(tokenizer.encode(qa.answer)) < len(tokens)  # the vocabulary has longer ones
    found = {asker.column: asker.spot for asker in askers_of(qa, 10, answer_tokens(qa, tokenizer)[1])}
    assert found == {10: (0,), 11: (0,), 12: (1,), 13: (2,), 15: (5,)}


def test_what_is_not_read_off_the_picture_is_encoded_as_ever() -> None:
    tokenizer = Tokenizer.from_file(TOKENIZER)
    plain = QA("caption", "en", "?", "A red sign at the top, on a white background.")
    assert answer_tokens(plain, tokenizer)[0] == tokenizer.encode(plain.answer)
    answer = 'A red sign that says "GO ON", on a white background.'
    quoted = QA("caption", "en", "?", answer, spots=(("GO ON", ((3,), (4,), (5,), (5,))),))
    tokens, starts = answer_tokens(quoted, tokenizer)
    assert tokenizer.decode(tokens) == answer and starts[-1] == len(answer)
    at = answer.index("GO ON")
    assert [tokens[starts.index(at + i)] for i in range(5)] == [tokenizer.encode(char)[0] for char in "GO ON"]


def test_a_quoted_text_has_its_places_and_the_rest_of_a_caption_none() -> None:
    answer = 'A sign that says "GO", on a red background.'
    places = character_places(answer, (("GO", ((3,), (4,))),))
    assert {answer[at]: place for at, place in enumerate(places) if place} == {"G": (3,), "O": (4,)}
    chinese = QA("read", "zh", "?", "出口", spots=(("出口", ((1,), (2,))),))
    tokenizer = Tokenizer.from_file(TOKENIZER)
    spots = [asker.spot for asker in askers_of(chinese, 0, answer_tokens(chinese, tokenizer)[1])]
    assert len(spots) == len(tokenizer.encode("出口")) and spots[0] == (1,) and spots[-1] == (2,)


@pytest.mark.parametrize(("part", "kind"), [("text", "image"), ("events", "video")])
def test_spots_show_what_is_read_there(part: str, kind: str) -> None:
    seen = 0
    for seed in range(8):
        sample = parts()[part].make(seed, (112, 168), 1 if kind == "image" else 8, 2.0, 1.0, "train")
        for qa in sample.questions:
            for phrase, cells in qa.spots:
                for char, places in zip(phrase.replace(" ", ""), cells, strict=True):
                    for place in places:
                        assert shows(sample, part, char, place)
                        seen += 1
    assert seen > 50


def shows(sample: Sample, part: str, char: str, place: int) -> bool:
    """Whether a media token shows a letter among its first four, or a thing whose event has begun."""
    if part == "events":
        return bool(sample.dense["owner"].flatten()[place]) or bool(len(sample.facts["scenes"]) > 1)
    slots = [int(sample.dense[name].flatten()[place]) for name in SLOTS]
    return character_class(char) in slots or 0 not in slots


def test_the_anchor_is_the_owned_cell_nearest_to_the_centre() -> None:
    who = np.array([[[1, 1, 1, 0], [2, 0, 0, 0]]])
    across = np.array([[[8, 6, 4, 0], [6, 0, 0, 0]]])  # class 6 and 7 are half a cell from the middle
    assert anchors(who, across, np.full_like(who, 6)).tolist() == [[[0, 1, 0, 0], [2, 0, 0, 0]]]


def test_a_batch_points_from_the_last_token_of_every_question_at_media_only() -> None:
    kinds = set()
    for step in range(6):
        batch = a_batch(step)
        samples, asked = batch_samples(PLAN, step, 1.0)
        kinds.add(samples[0].kind)
        short = sum(qa.about is not None for qas in asked for qa in qas)
        assert batch.media.shape == (len(samples), batch.pointers.labels.shape[-1])
        asking = (batch.pointers.labels != IGNORED).any(-1).any(0)  # (B, A)
        assert int(asking.sum()) == short + sum(len(qa.told) for qas in asked for qa in qas)
        first = 0
        for row, number in asking.nonzero().tolist():
            column = int(batch.pointers.columns[row, number])
            assert batch.targets[column] >= 0
            first += int(batch.targets[column - 1]) < 0  # the answer begins here
            assert bool((batch.pointers.labels[HEADS.index("about"), row, number] != IGNORED).all())
        assert first >= short
    assert kinds == {"image", "video"}


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_caption_points_before_each_phrase(kind: str) -> None:
    tokenizer = Tokenizer.from_file(TOKENIZER)
    for seed in range(12):
        sample = make_sample(seed, kind, (112, 112), 1 if kind == "image" else 8, 2.0, 1.0)  # type: ignore[arg-type]
        for qa in sample.questions:
            if qa.skill not in ("caption", "colour"):
                assert not qa.told
            if not qa.told:
                assert qa.skill != "caption"
                continue
            assert sorted(i for _, ids in qa.told for i in {*ids}) and qa.about is None
            tokens = tokenizer.encode(qa.answer)
            for (phrase, ids), asker in zip(qa.told, askers_of(qa, 5, answer_tokens(qa, tokenizer)[1]), strict=True):
                assert asker.about == ids and asker.other is None
                read = tokenizer.decode(tokens[asker.column - 5 :])  # what is read from there on
                start = read.lower().removeprefix(" ").find(phrase.lower())
                assert start == 0 or (qa.lang == "zh" and 0 < start <= 2)  # Chinese words may share a token


def test_a_pointer_learns_which_tokens_are_meant() -> None:
    torch.manual_seed(0)
    shown = torch.randn(2, 8, 16)
    asking = shown[:, 3:4]  # the question looks like the token that it asks for
    labels = torch.zeros(len(HEADS), 2, 1, 8, dtype=torch.int8)
    labels[..., 3] = 1
    given = Pointers(torch.tensor([[11], [23]]), labels, *torch.zeros(2, 2, 1, dtype=torch.long))
    pointer = Pointer(16)
    optimizer = torch.optim.Adam(pointer.parameters(), lr=0.01)
    for _ in range(60):
        losses = pointer(asking, shown, given)
        assert set(losses) == set(HEADS)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert all(float(loss.detach()) < 0.1 for loss in losses.values())
    unknown = replace(given, labels=torch.full_like(labels, IGNORED))
    assert pointer(asking, shown, unknown) == {}


def test_every_figure_of_a_time_knows_the_time() -> None:
    tokenizer, seen = Tokenizer.from_file(TOKENIZER), set()
    for seed in range(30):
        sample = parts()["events"].make(seed, (56, 56), 24, 2.0, 1.0, "train")
        for qa in sample.questions:
            starts = answer_tokens(qa, tokenizer)[1]
            askers = [asker for asker in askers_of(qa, 0, starts) if asker.number]
            assert bool(askers) == (qa.skill in ("when", "length"))
            said = "".join(qa.answer[starts[asker.column]] for asker in askers)
            assert all(asker.number == TIMES + 1 + 2 * float(said) for asker in askers)
            seen.add(said)
    assert {len(said) for said in seen} >= {1, 2} and TIMES + len(HALVES) < NUMBERS


def test_a_number_is_learnt_where_its_figures_are_read_from() -> None:
    torch.manual_seed(0)
    asking, numbers = torch.randn(2, 2, 16), torch.tensor([[0, 5], [9, 0]])
    heads = DenseHeads(16, {"number": NUMBERS})
    optimizer = torch.optim.Adam(heads.parameters(), lr=0.02)
    for _ in range(80):
        loss = number_loss(heads, asking, numbers)["number"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    best = heads.heads["number"](heads.norm(asking)).argmax(-1)
    assert best[0, 1] == 5 and best[1, 0] == 9
    assert number_loss(heads, asking, torch.zeros_like(numbers)) == {}


def test_the_thing_that_is_meant_is_told_where_it_is_asked_for() -> None:
    """Of equal things their class, of several different ones none; what nothing asks about has none either."""
    sample = parts()["things"].make(3, (140, 168), 1, 1.0, 1.0, "train")
    classes, facts = item_names("all"), sample.facts["things"]
    for fact in facts:
        one = thing_meant(sample, Asker(0, (fact["id"],)))
        assert one == 0 or classes[one - 1] == fact["thing"]
        assert thing_meant(sample, Asker(0, ())) == thing_meant(sample, Asker(0, None)) == 0
    shown = [fact for fact in facts if thing_meant(sample, Asker(0, (fact["id"],)))]
    assert shown and bool(thing_meant(sample, Asker(0, tuple(fact["id"] for fact in shown)))) == (
        len({fact["thing"] for fact in shown}) == 1
    )
    given = pointers([sample], [[Asker(7, (shown[0]["id"],)), Asker(9, None, number=4)]], sample.dense["owner"].size)
    assert given.things.tolist() == [[classes.index(shown[0]["thing"]) + 1, 0]]
