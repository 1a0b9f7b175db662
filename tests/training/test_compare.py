"""What packing costs, row by row: reports joined, doubtful rows asked again of both networks."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.loading import load
from model.training import compare
from model.training.compare import Row
from model.training.data import held_out
from model.training.evaluate import Exam, counted_as, evaluate
from model.training.parts import parts


def report(**exact: float) -> dict[str, Any]:
    return {"skills": {name.replace("_in_", " (") + ")" * ("_in_" in name): {"n": 50, "exact": share}
                       for name, share in exact.items()}}  # fmt: skip


def test_rows_that_lose_more_than_a_point_are_doubtful() -> None:
    plain, packed = report(count=90.0, name_in_things=98.0, order=94.0), report(count=88.0, order=96.0)
    rows = compare.joined(plain, [packed, report(name_in_things=98.0)])
    assert rows == {
        "count": Row("shapes", 50, 45, 44),
        "order": Row("clips", 50, 47, 48),
        "name (things)": Row("things", 50, 49, 49),
    }
    assert compare.doubtful(rows) == {"shapes": ["count"]}
    assert compare.summed(rows) == {"rows": 3, "answers": 150, "lost": 0.0, "over_a_point": ["count"]}
    assert compare.told(rows).splitlines()[2] == "| count | 50 | 45 | 44 | 2.0 |"


def test_reports_of_other_questions_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = report(count=90.0)
    other["skills"]["count"]["n"] = 51
    with pytest.raises(ValueError, match="count: 51 questions in the one report, 50 in the other"):
        compare.joined(other, [report(count=90.0)])
    for name, told in (("plain", other), ("packed", report(count=90.0))):
        (tmp_path / name).write_text(json.dumps(told))
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "plain"), str(tmp_path / "packed")])
    with pytest.raises(SystemExit):
        compare.main()
    assert "count: 51 questions in the one report" in capsys.readouterr().err


def test_every_row_of_a_report_belongs_to_the_part_that_asked_it() -> None:
    for name, part in parts().items():
        for args in held_out(4, name):
            assert {compare.part_of(counted_as(qa, name)) for qa in Exam(part, ()).questions(args.make())} == {name}


def test_doubtful_rows_are_asked_until_they_have_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both reports are of the bundled model in float; a false one makes a row doubtful, fresh questions clear it."""
    measured, _ = evaluate(load("bundled", device="cpu"), 2, each=4, names=("shapes",))
    wrong = json.loads(json.dumps(measured))
    wrong["skills"]["default"]["exact"] -= 50.0
    for name, told in (("plain", measured), ("packed", wrong)):
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
    monkeypatch.setattr(compare, "PIECE", 3)
    words = [str(tmp_path / "plain.json"), str(tmp_path / "packed.json"), "--questions", "4", "--pictures", "9"]
    monkeypatch.setattr("sys.argv", ["compare", *words, "--out", str(tmp_path / "found.json")])
    compare.main()
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["first"]["over_a_point"] == ["default"]
    assert list(found["again"]) == ["default"] and found["again"]["default"]["asked"] == 6  # two pieces of three
    assert abs(found["again"]["default"]["plain"] - found["again"]["default"]["packed"]) <= 2
