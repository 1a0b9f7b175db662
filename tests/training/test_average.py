"""The mean of several runs' ends is a checkpoint that is exported and gone on from, and its card says what it is."""

from pathlib import Path
from typing import Any

import pytest
import torch

from model.tokenizer import Tokenizer
from model.training import average, export
from model.training.modeling import build, small_config
from model.training.state import read_state

State = dict[str, Any]


def state_of(seed: int, samples: int, **changes: Any) -> State:
    torch.manual_seed(seed)
    config = small_config("tiny", Tokenizer.from_file(export.TOKENIZER))
    weights = build(config).state_dict()
    before = [{"step": 1, "samples": 50, "questions": 50, "elapsed": 60.0, "args": {"seed": 1}}]
    made = {"model": weights, "average": {name: value + 1.0 for name, value in weights.items()}, "config": config}
    own = {"step": 9, "samples": samples, "questions": 0, "elapsed": 60.0, "args": {"seed": seed}, "before": before}
    return {**made, **own, "teachers": {}, "optimizers": [], **changes}


def test_the_mean_is_of_the_averaged_weights_and_else_the_last_one() -> None:
    one, two = state_of(1, 100), state_of(2, 200)
    mean = average.mean_of([one, two])
    for name, value in mean["average"].items():
        assert torch.allclose(value, (one["average"][name] + two["average"][name]) / 2), name
        assert torch.equal(value, mean["model"][name])
    assert (mean["samples"], mean["args"], mean["ends"]) == (200, two["args"], [150, 250])
    assert "optimizers" not in mean


def test_a_mean_of_a_mean_counts_every_end() -> None:
    first = average.mean_of([state_of(1, 100), state_of(2, 200)])
    mean = average.mean_of([first, state_of(3, 300)])
    assert mean["ends"] == [150, 250, 350] and mean["shares"] == [0.25, 0.25, 0.5]
    assert export.which_weights(mean, averaged=True).endswith("350 samples in all, weighing 25, 25 and 50 %")


def test_a_mean_may_weigh_one_more_than_another() -> None:
    first = average.mean_of([state_of(1, 100), state_of(2, 200)])
    mean = average.mean_of([first, state_of(3, 300)], [1, 4])
    assert mean["shares"] == pytest.approx([0.1, 0.1, 0.8])
    for name, value in mean["average"].items():
        assert torch.allclose(value, 0.2 * first["average"][name] + 0.8 * state_of(3, 300)["average"][name]), name


@pytest.mark.parametrize("shares", ["1", "1 2 3", "0 1", "-1 2", "nan 1", "inf 1"])
def test_shares_that_do_not_weigh_every_checkpoint_are_refused(
    shares: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / name for name in ("a.pt", "b.pt")]
    for place in places:
        torch.save(state_of(1, 100), place)
    words = ["average", *map(str, places), "--out", str(tmp_path / "mean.pt"), "--shares", *shares.split()]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="one positive number for each"):
        average.main()
    assert not list(tmp_path.glob("mean*"))


def test_runs_before_are_told_once_and_those_beside_the_last_as_such() -> None:
    one = state_of(1, 100)
    after = {"before": export.told(one)}
    mean = average.mean_of([one, state_of(2, 200, **after), state_of(3, 300, **after)])
    runs = [run["args"]["seed"] for run in mean["before"]]
    assert runs == [1, 1, 2] and [bool(run.get("beside")) for run in mean["before"]] == [False, False, True]
    assert [export.run_of(run).partition(":")[0] for run in mean["before"][1:]] == [
        "Before it, whose weights it began with",
        "Averaged with it",
    ]
    assert mean["ends"] == [150, 350, 450]
    later = state_of(4, 400, before=export.told(mean))
    assert average.samples_shown(later) == 50 + 100 + 200 + 300 + 400  # every run's samples were others


def test_an_exported_folder_is_averaged_as_the_checkpoint_it_was_made_of(tmp_path: Path) -> None:
    one = average.mean_of([state_of(1, 100), state_of(2, 200)])
    (folder := tmp_path / "exported").mkdir()
    export.write_folder(one, folder, export.TOKENIZER, averaged=True)
    later = state_of(3, 300, before=export.told(one))
    mean, of_folder = (average.mean_of([first, later]) for first in (one, read_state(folder)))
    for key in ("ends", "shares", "before", "args"):
        assert mean[key] == of_folder[key], key
    for name, value in mean["average"].items():
        assert torch.allclose(value, of_folder["average"][name], atol=0.02), name  # it holds bfloat16


def test_other_networks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = state_of(1, 100)
    other["config"] = {**other["config"], "hidden_size": 32}
    for name, state in (("a.pt", state_of(1, 100)), ("b.pt", other)):
        torch.save(state, tmp_path / name)
    places = [str(tmp_path / name) for name in ("a.pt", "b.pt")]
    monkeypatch.setattr("sys.argv", ["average", *places, "--out", str(tmp_path / "mean.pt")])
    with pytest.raises(SystemExit, match="different networks"):
        average.main()
    assert not list(tmp_path.glob("mean*"))


def test_the_mean_is_exported_and_its_card_says_of_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        torch.save(state_of(number, 100 * number), tmp_path / f"{number}.pt")
    places = [str(tmp_path / f"{number}.pt") for number in (1, 2)]
    monkeypatch.setattr("sys.argv", ["average", *places, "--out", str(tmp_path / "mean.pt")])
    average.main()
    export.export(tmp_path / "mean.pt", tmp_path / "small", samples=0)
    card = (tmp_path / "small" / "CARD.md").read_text(encoding="utf-8")
    mean = "the mean of the averaged weights at the ends of 2 runs, after 150 and 250 samples in all"
    assert f"{mean}." in card
    state = torch.load(tmp_path / "mean.pt", weights_only=True)
    assert export.run_of(export.told(state)[-1]).endswith(f"as {mean}")  # of a run that goes on from it
