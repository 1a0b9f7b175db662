"""The bench of the start: whole processes take turns, and a process that fails stops it."""

import json
import sys

import pytest

from tests.bench import start_up


def test_every_command_runs_and_the_last_line_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    """One run each; an answer takes longer than the import it needs, help a fraction of it."""
    start_up.main(["--runs", "1"])
    lines = capsys.readouterr().out.splitlines()
    result = json.loads(lines[-1])
    rows = result["commands"]
    assert list(rows) == ["import torch", "qwenvl describe", "qwenvl --help"] and len(lines) == 5
    assert rows["import torch"]["cpu_ratio"] == rows["import torch"]["wall_ratio"] == 1
    assert rows["qwenvl describe"]["cpu_s"] > rows["import torch"]["cpu_s"] / 2
    assert rows["qwenvl --help"]["cpu_ratio"] < 0.5
    assert result["machine"]["torch"]


def test_medians_without_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worked: 9 is the warm-up of each, then 1 2 6 and 4 6 8 in turn."""
    left = {"a": [9, 1, 2, 6], "b": [9, 4, 6, 8]}
    order = []

    def run_once(command: str) -> dict[str, float]:
        order.append(command)
        seconds = float(left[command].pop(0))
        return {"wall_s": seconds, "cpu_s": 2 * seconds}

    monkeypatch.setattr(start_up, "run_once", run_once)
    rows = start_up.take_turns({start_up.BASE: "a", "other": "b"}, 3)
    assert order == ["a", "b"] * 4
    assert rows["other"] == {"wall_s": 6, "cpu_s": 12, "wall_ratio": 3, "cpu_ratio": 3}


def test_a_process_that_fails_stops_the_bench() -> None:
    with pytest.raises(SystemExit, match="ended with 3: no such thing"):
        start_up.run_once([sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(3)"])
