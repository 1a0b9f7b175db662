"""The ablation of sizes trains every size on the same samples and measures all of them alike."""

import json
from pathlib import Path

import pytest

from model.training import ablate_sizes
from model.training.modeling import PLANS


def test_two_sizes_are_trained_and_measured_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablate_sizes, "SIZES", {"one": PLANS["tiny"], "two": PLANS["tiny"] | {"dd": 1}})
    words = "--sizes one,two --steps 3 --minutes 0 --batch 2 --questions 2 --held 3 --log-every 1 --no-compile"
    rows = ablate_sizes.main(["--out", str(tmp_path), *words.split()])
    assert [row["steps"] for row in rows] == [3, 3] and rows[0]["samples"] == rows[1]["samples"] > 0
    assert rows[0]["parameters"] > rows[1]["parameters"]
    for row in rows:
        assert row["losses"]["language"] > 0 and len((tmp_path / f"{row['size']}.jsonl").read_text().splitlines()) == 3
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == rows
    table = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| one | 32 x 2 | 64 x 2 |" in table and "| two | 32 x 2 | 64 x 1 |" in table and "--held 3" in table


def test_the_same_seed_gives_the_same_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablate_sizes, "SIZES", {"one": PLANS["tiny"]})
    words = "--sizes one --steps 2 --minutes 0 --batch 2 --questions 1 --held 2 --no-compile"
    first, again = (ablate_sizes.main(["--out", str(tmp_path), *words.split()])[0] for _ in range(2))
    assert first["losses"] == again["losses"]


def test_an_unknown_size_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ablate_sizes.parser().parse_args(["--out", "x", "--sizes", "huge"])
    assert "choose among" in capsys.readouterr().err
