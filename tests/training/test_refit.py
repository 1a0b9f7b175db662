"""Names are fitted anew to what the last layer gives: rightly, alone, near where they were, and the card says so."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch

from model.tokenizer import Tokenizer
from model.training import average, export, refit
from model.training.modeling import build, small_config
from model.training.refit import EMBEDDINGS, OTHER, Said, fitted, rows_of_names, told_right
from model.training.state import read_state, write_checkpoint
from model.training.vocabulary import with_names

ROWS = torch.arange(10, 40)


def spoken(count: int) -> tuple[Said, torch.Tensor, torch.Tensor]:
    """States that lie about the true row of what they say, the rows a run left (blurred), and the true ones."""
    torch.manual_seed(0)
    true = torch.nn.functional.normalize(torch.randn(60, 16), dim=-1) * 4
    left = true + torch.randn(60, 16) * 0.9
    left[:10], left[40:] = true[:10], true[40:]
    said = torch.randint(0, 60, (count,))
    places = torch.where((said >= 10) & (said < 40), said - 10, OTHER)
    return Said(true[said] * 2 + torch.randn(count, 16) * 2, places, torch.ones(count)), left, true


def test_rows_of_names_are_fitted_to_what_was_said_and_others_stand() -> None:
    said, left, _ = spoken(600)
    fresh = Said(*(part[300:] for part in (said.states, said.names, said.weights)))
    taught = Said(*(part[:300] for part in (said.states, said.names, said.weights)))
    made = left.index_copy(0, ROWS, fitted(taught, left, ROWS, keep=1.0))
    assert torch.equal(made[:10], left[:10]) and torch.equal(made[40:], left[40:])
    assert told_right(fresh, made, ROWS) > told_right(fresh, left, ROWS) + 5


def test_a_dearer_move_is_shorter_and_a_name_never_said_moves_less_than_others_do() -> None:
    said, left, _ = spoken(600)
    few = said.names != 7
    moved = {
        keep: fitted(Said(said.states[few], said.names[few], said.weights[few]), left, ROWS, keep) - left[ROWS]
        for keep in (1.0, 50.0)
    }
    lengths = {keep: move.norm(dim=-1) for keep, move in moved.items()}
    assert lengths[50.0].mean() < 0.5 * lengths[1.0].mean()
    assert lengths[50.0][7] < lengths[50.0].mean()


def test_names_do_not_take_the_place_of_other_words() -> None:
    said, left, _ = spoken(600)
    made = left.index_copy(0, ROWS, fitted(said, left, ROWS, keep=1.0))
    others = (said.states[said.names == OTHER] @ made.T).argmax(dim=-1)
    assert float(torch.isin(others, ROWS).float().mean()) < 0.1


def test_of_two_names_for_one_look_the_one_that_counts_more_is_said() -> None:
    _, left, _ = spoken(1)
    look = (left[10] + left[11]).expand(40, -1)
    names = torch.tensor([0, 1] * 20)
    for heavier in (0, 1):
        weights = torch.where(names == heavier, 12.0, 1.0)
        made = left.index_copy(0, ROWS, fitted(Said(look, names, weights), left, ROWS, keep=1.0))
        assert int((look[0] @ made.T).argmax()) == ROWS[heavier]


def test_pictures_of_a_part_count_as_often_as_asked(trained: Path) -> None:
    args = argparse.Namespace(
        seed=0, batch=2, questions=2, parts=(("things", 1.0),), tokenizer=export.TOKENIZER, steps=1, workers=0,
        count=(("things", 3.0),),
    )  # fmt: skip
    state = read_state(trained)
    said = refit.seen(state["config"], state["average"], torch.arange(4000), args)
    assert len(said.weights) == len(said.states) and said.weights.unique().tolist() == [3.0]


def test_a_tokenizer_of_other_weights_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "wide.json"
    with_names(tokenizers.Tokenizer.from_file(str(export.TOKENIZER))).save(str(other))
    wider = read_state(trained)
    wider["config"] |= {"vocab_size": 99_999, "image_token_id": 99_998}
    write_checkpoint(trained, wider)
    monkeypatch.setattr(
        "sys.argv", ["refit", str(trained), "--out", str(tmp_path / "out.pt"), "--tokenizer", str(other)]
    )
    with pytest.raises(SystemExit, match="give --tokenizer"):
        refit.main()
    assert not (tmp_path / "out.pt").exists()


def test_to_collect_from_no_batch_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["refit", str(trained), "--out", str(tmp_path / "out.pt"), "--steps", "0"])
    with pytest.raises(SystemExit) as refused:
        refit.main()
    assert refused.value.code == 2 and "at least 1" in capsys.readouterr().err


def test_names_have_rows_plurals_among_them_where_they_are_one_token() -> None:
    wide = with_names(tokenizers.Tokenizer.from_file(str(export.TOKENIZER)))
    reader = Tokenizer(wide)
    rows = set(rows_of_names(reader).tolist())
    for word in ("squirrel", " squirrel", " squirrels", " cacti", "松鼠"):
        assert set(reader.encode(word)) <= rows and len(reader.encode(word)) == 1, word
    assert not set(reader.encode("a picture of two and no more.")) & rows


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = small_config("tiny", Tokenizer.from_file(export.TOKENIZER))
    weights = build(config).state_dict()
    state: dict[str, Any] = {"model": weights, "average": weights, "config": config, "teachers": {}, "optimizers": [1]}
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {**state, "before": [], "step": 2, "samples": 9, "args": {"seed": 3}})
    return path


def test_a_checkpoint_gets_other_rows_for_names_and_says_so(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "refit.pt"
    given = ["refit", str(trained), "--out", str(out), "--parts", "things=1", "--steps", "2", "--batch", "2"]
    monkeypatch.setattr("sys.argv", [*given, "--workers", "0", "--keep", "0.01"])
    refit.main()
    before, after = read_state(trained), read_state(out)
    was, now = before["average"][EMBEDDINGS], after["average"][EMBEDDINGS]
    changed = torch.nonzero((was != now).any(-1))[:, 0]
    names = rows_of_names(Tokenizer.from_file(export.TOKENIZER))
    assert len(changed) and set(changed.tolist()) <= set(names.tolist())
    assert all(
        torch.equal(after["average"][name], value) for name, value in before["average"].items() if name != EMBEDDINGS
    )
    assert "optimizers" not in after and after["refit"]["right"][1] > after["refit"]["right"][0]
    assert f"{after['refit']['names']} names said" in capsys.readouterr().out
    fitted_anew = f"fitted anew to {after['refit']['names']:,} names said"
    assert fitted_anew in export.which_weights(after, averaged=True)
    assert fitted_anew in export.run_of(export.told(after)[-1])
    assert "refit" not in average.mean_of([before, after])  # a mean of rows is fitted to nothing
