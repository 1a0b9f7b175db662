"""The benchmark of answering together runs at the tiny shape and tells what it measured."""

import json
from pathlib import Path

import pytest

from tests.bench.together import main
from tests.tiny import make_checkpoint


def test_every_size_is_measured_and_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Groups that the pictures do not fill, too; in float32 all answers are those of one at a time."""
    folder = make_checkpoint(tmp_path / "tiny")
    main(
        [
            "--model",
            str(folder),
            "--device",
            "cpu",
            "--pictures",
            "5",
            "--max-tokens",
            "4",
            "--sizes",
            "2,3",
            "--runs",
            "1",
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    rows = json.loads(lines[-1])["rows"]
    assert list(rows) == ["1", "2", "3"] and all(row["same"] == 5 for row in rows.values())
    assert rows["1"]["ratio"] == 1 and all(row["seconds_each"] > 0 for row in rows.values())
    assert lines[0].split() == ["at", "a", "time", "seconds", "each", "ratio", "same", "answers"]
    assert lines[2].split()[0] == "2" and lines[2].endswith("5 of 5")
