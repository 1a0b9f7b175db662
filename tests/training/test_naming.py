"""Names of things as single tokens, found by likeness to what is seen; weights carried over to such a vocabulary."""

from functools import cache
from pathlib import Path

import pytest
import tokenizers
import torch
from torch import Tensor

from model.config import model_config
from model.tokenizer import IM_END, IMAGE_PAD, Tokenizer, added_tokens, published_pipeline
from model.training import train, widen
from model.training.modeling import Teachers, build, naming_losses, small_config
from model.training.naming import NONE, Namer, NameTable, among_all, name_table, name_tokens, of_all
from model.training.pictured import item_names
from model.training.state import read_state, write_checkpoint
from model.training.vocabulary import general, whole_words, with_names


@cache
def plain_file() -> str:
    """A small vocabulary of common words, which spells most names."""
    made = published_pipeline(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=2000,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(general(), trainer)
    made.add_tokens(added_tokens())
    return made.to_str()


def plain() -> tokenizers.Tokenizer:
    """That vocabulary, read anew."""
    return tokenizers.Tokenizer.from_str(plain_file())


def test_every_word_of_a_name_becomes_one_token() -> None:
    before = plain()
    after = with_names(before)
    words = list(dict.fromkeys(whole_words()))
    several = [word for word in words if len(after.encode(word).ids) > 1]
    assert len(words) > 3000 and len(several) < 0.08 * len(words)
    assert all(after.decode(after.encode(word).ids) == word for word in words)
    assert after.encode("zz qq").tokens == before.encode("zz qq").tokens
    assert len(before.encode(" squirrel").ids) > 1 == len(after.encode(" squirrel").ids)
    assert with_names(after).get_vocab() == after.get_vocab()
    known = sorted(after.get_vocab().values())
    assert known == list(range(len(known))) and len(known) > len(before.get_vocab())


def test_a_class_of_the_hundred_is_the_same_thing_among_all() -> None:
    few, every = item_names("cpu"), item_names("all")
    places = among_all().tolist()
    assert places[0] == 0 and [every[place - 1] for place in places[1:]] == list(few)
    assert of_all({"colour": torch.zeros(3)}) is None
    assert of_all({"item": torch.tensor([0, 2])}).tolist() == [0, places[2]]  # type: ignore[union-attr]
    assert of_all({"any_item": torch.tensor([0, 2])}).tolist() == [0, 2]  # type: ignore[union-attr]


def test_the_table_holds_names_of_one_token() -> None:
    rows = torch.arange(12.0).view(4, 3)
    table = name_table(torch.tensor([[[1, NONE], [2, 0]]]), rows)
    assert table.rows.tolist() == [[[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]] and table.single.tolist() == [[True, False]]


def test_names_of_several_tokens_are_neither_asked_for_nor_in_the_way() -> None:
    torch.manual_seed(0)
    rows, features, namer = torch.randn(3, 5, 8), torch.randn(4, 8), Namer(8)
    single = torch.ones(3, 5, dtype=torch.bool)
    single[:, 2] = single[1, 0] = False
    classes = torch.tensor([1, 2, 5, 3])
    found = namer(features, classes, NameTable(rows, single))
    rows[:, 2] = 1e4
    features[3] = 1e4
    torch.testing.assert_close(namer(features, classes, NameTable(rows, single)), found)
    assert float(namer(features[3:], classes[3:], NameTable(rows, single)).detach()) == 0


def test_names_are_learnt_by_one_map() -> None:
    """What is seen of things never shown is named too, where it lies to their names as that of others does."""
    torch.manual_seed(0)
    table = torch.randn(3, 60, 16).mean(dim=0, keepdim=True).expand(3, -1, -1) * 4
    turn = torch.linalg.qr(torch.randn(16, 16))[0]
    seen, namer = table[0] @ turn, Namer(16)
    shown, hidden = torch.arange(1, 51), torch.arange(51, 61)

    def named(classes: Tensor) -> float:
        mapped = namer.map(namer.norm(seen[classes - 1])) @ table[0].T
        return float((mapped.argmax(-1) == classes - 1).float().mean())

    before = named(hidden)
    optimizer = torch.optim.Adam(namer.parameters(), lr=0.01)
    for _ in range(200):
        loss = namer(seen[shown - 1], shown, NameTable(table, torch.ones(3, 60, dtype=torch.bool)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert before < 0.5 and named(shown) > 0.95 and named(hidden) > 0.8


def test_each_place_is_taught_where_something_is_named() -> None:
    torch.manual_seed(0)
    teachers = Teachers(8, {}, {}, torch.arange(30).view(3, 10, 1))
    rows, features = torch.randn(30, 8, requires_grad=True), torch.randn(2, 3, 8, requires_grad=True)
    none, some = torch.zeros(2, 3, dtype=torch.long), torch.tensor([[0, 4, 0], [0, 0, 10]])
    given = {"tower": (features, None), "shown": (features, none), "said": (features, some)}
    found = naming_losses(teachers, rows, given)
    assert set(found) == {"named_said"}
    found["named_said"].backward()
    assert features.grad is not None and features.grad.abs().sum(-1).gt(0).equal(some > 0)
    assert rows.grad is None  # answers alone move embeddings


Widened = tuple[dict[str, Tensor], dict[str, object], Path, Path]


@pytest.fixture
def wide(tmp_path: Path) -> Widened:
    """A small network of a vocabulary of common words: its weights, the widened checkpoint, and both tokenizers."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    plain().save(str(old))
    config = small_config("tiny", Tokenizer.from_file(old))
    torch.manual_seed(0)
    weights = build(config).state_dict()
    things = len(item_names("all")) + 1
    teachers = {widen.HEAD: torch.randn(things, config["hidden_size"]), widen.NORM: torch.ones(config["hidden_size"])}
    state = {
        "model": weights,
        "average": weights,
        "teachers": teachers,
        "config": config,
        "optimizers": [1],
        "before": [],
    }
    write_checkpoint(tmp_path / "narrow.pt", state)
    with pytest.MonkeyPatch.context() as patch:
        given = ["widen", str(tmp_path / "narrow.pt"), "--out", str(tmp_path / "wide.pt"), "--from", str(old)]
        patch.setattr("sys.argv", [*given, "--tokenizer", str(new)])
        widen.main()
    return weights, read_state(tmp_path / "wide.pt"), old, new


def test_weights_are_carried_to_a_wider_vocabulary(
    wide: Widened,
) -> None:
    weights, state, old, new = wide
    before, after = Tokenizer.from_file(old), Tokenizer.from_file(new)
    config, made = state["config"], state["average"]
    assert isinstance(config, dict) and isinstance(made, dict) and "optimizers" not in state
    model = build(config)
    model.load_state_dict(made)
    assert model_config(config).image_token_id == after.token_id(IMAGE_PAD)
    rows, own = made[widen.EMBEDDINGS], weights[widen.EMBEDDINGS]
    assert len(rows) >= after.vocab_size > before.vocab_size
    for special in (IM_END, IMAGE_PAD):
        assert torch.equal(rows[after.token_id(special)], own[before.token_id(special)])
    assert torch.equal(rows[after.encode("Q")[0]], own[before.encode("Q")[0]])
    plural = after.encode(" squirrels")  # no name, but a word of one
    assert len(plural) == 1
    torch.testing.assert_close(rows[plural[0]], own[before.encode(" squirrels")].mean(dim=0))
    assert all(torch.equal(made[name], value) for name, value in weights.items() if name != widen.EMBEDDINGS)


def test_new_tokens_are_taken_from_weights_that_learnt_them(wide: Widened, tmp_path: Path) -> None:
    _, state, old, new = wide
    average = state["average"]
    assert isinstance(average, dict)
    learnt = {"average": {**average, widen.EMBEDDINGS: average[widen.EMBEDDINGS] + 1.0}}
    made = widen.widened(read_state(tmp_path / "narrow.pt"), old, new, learnt)["average"][widen.EMBEDDINGS]
    before = made - average[widen.EMBEDDINGS]
    after = Tokenizer.from_file(new)
    assert torch.allclose(before[after.encode(" squirrels")[0]], torch.tensor(1.0), atol=1e-5)
    for kept in (after.encode("Q")[0], after.token_id(IM_END)):
        assert before[kept].abs().max() == 0.0


def test_words_of_a_smaller_vocabulary_are_refused_and_nothing_is_written(wide: Widened, tmp_path: Path) -> None:
    _, _, old, new = wide
    narrow, out, before = tmp_path / "narrow.pt", tmp_path / "again.pt", new.read_bytes()
    given = ["widen", str(narrow), "--out", str(out), "--from", str(old), "--tokenizer", str(new)]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit, match="smaller vocabulary"):
        patch.setattr("sys.argv", [*given, "--words", str(narrow)])
        widen.main()
    assert new.read_bytes() == before and not list(tmp_path.glob("again*"))


def test_training_refuses_weights_of_another_vocabulary(wide: Widened, tmp_path: Path) -> None:
    given = ["train", "--out", str(tmp_path / "run"), "--init", str(tmp_path / "narrow.pt"), "--steps", "1"]
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SystemExit, match=r"another vocabulary .*training\.widen"),
    ):
        patch.setattr("sys.argv", given)
        train.main()


def test_new_names_lie_apart_as_the_tower_tells_them_apart(
    wide: Widened,
) -> None:
    _, state, _, new = wide
    made, teachers = state["average"], state["teachers"]
    assert isinstance(made, dict) and isinstance(teachers, dict)
    names = name_tokens(Tokenizer.from_file(new))
    alone = (names[1] != NONE).sum(dim=-1) == 1
    rows = made[widen.EMBEDDINGS][names[1, alone, 0]]
    seen = teachers[widen.HEAD][1:] - teachers[widen.HEAD][1:].mean(dim=0)
    likeness = torch.nn.functional.cosine_similarity(rows - rows.mean(dim=0), seen[alone])
    assert float(likeness.median()) > 0.9
