"""Processes that train one run: they hold the same weights after they met, and count what all of them were shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model.training import export
from model.training.together import Group, joined, own_device
from tests.training.test_train import run

ROOT = Path(__file__).parents[2]
TINY = ["--plan", "tiny", "--batch", "2", "--questions", "2", "--workers", "0", "--no-compile", "--log-every", "1"]


SHARING = """
import sys
from pathlib import Path
import torch
from model.training.together import joined, share
with joined(1) as group:
    weights = [torch.full((2,), float(group.rank)), torch.tensor([[3.0 * group.rank]])]
    share(weights, group.size)
    Path(sys.argv[1], f"{group.rank}.txt").write_text(str([each.tolist() for each in weights]))
"""


def torchrun(*words: object) -> str:
    """Run two processes and return what they print."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*start, *map(str, words)], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def trained(out: Path, steps: int) -> dict[str, object]:
    """Train a tiny run by torchrun and return its checkpoint."""
    words = ("-m", "model.training.train", "--out", out, "--steps", steps, "--device", "cpu", *TINY)
    assert torchrun(*words, "--meet-every", 2).count("saved") == 1  # by the one that leads
    found: dict[str, object] = torch.load(out / "checkpoint.pt", weights_only=True)
    return found


def test_processes_that_meet_hold_the_same_mean(tmp_path: Path) -> None:
    (script := tmp_path / "sharing.py").write_text(SHARING)
    torchrun(script, tmp_path)
    held = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    assert held == dict.fromkeys(("0.txt", "1.txt"), "[[0.5, 0.5], [[1.5]]]")


def test_two_processes_train_one_run_and_go_on_with_it(tmp_path: Path) -> None:
    alone = run(tmp_path / "alone", 3)
    first = trained(tmp_path / "both", 3)
    second = trained(tmp_path / "both", 4)
    assert (first["step"], second["step"]) == (3, 4)
    assert first["samples"] > alone["samples"]  # type: ignore[operator]  # each drew batches of its own
    lines = [json.loads(line) for line in (tmp_path / "both" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert export.command_of(first["args"]).startswith("torchrun --nproc-per-node 2 -m model.training.train ")  # type: ignore[arg-type]
    assert "meet" not in export.command_of(alone["args"])  # type: ignore[arg-type]
    name = "visual.blocks.0.attn.qkv.weight"
    assert not torch.equal(alone["average"][name], first["average"][name])  # type: ignore[index]


def test_a_process_of_its_own_meets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(20) as group:
        assert group == Group() and group.leads and group.meets(7)
    assert [Group(1, 2, 20).meets(step) for step in (0, 7, 40)] == [True, False, True]
    assert not Group(1, 2, 20).leads
    assert own_device("cpu") == torch.device("cpu")
