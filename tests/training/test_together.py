"""Processes that train one run: they end with the same weights, and with the counts of all of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from model.training import export
from model.training.together import Group, joined, own_device
from tests.training.test_train import run

TINY = ["--plan", "tiny", "--batch", "2", "--questions", "2", "--workers", "0", "--no-compile", "--log-every", "1"]


def trained(out: Path, steps: int, processes: int) -> dict[str, object]:
    """Train a tiny run by torchrun and return its checkpoint."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    words = [*start, "-m", "model.training.train", "--out", str(out), "--steps", str(steps), "--device", "cpu"]
    done = subprocess.run(
        [*words, *TINY, "--meet-every", "2"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("saved") == 1  # by the one that leads
    found: dict[str, object] = torch.load(out / "checkpoint.pt", weights_only=True)
    return found


def test_two_processes_train_one_run_and_go_on_with_it(tmp_path: Path) -> None:
    alone = run(tmp_path / "alone", 3)
    first = trained(tmp_path / "both", 3, 2)
    second = trained(tmp_path / "both", 4, 2)
    assert (first["step"], second["step"]) == (3, 4)
    assert first["samples"] > alone["samples"]  # type: ignore[operator]  # each drew batches of its own
    lines = [json.loads(line) for line in (tmp_path / "both" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert export.command_of(first["args"]).startswith("torchrun --nproc-per-node 2 -m model.training.train ")  # type: ignore[arg-type]
    assert "meet" not in export.command_of(alone["args"])  # type: ignore[arg-type]
    name = "visual.blocks.0.attn.qkv.weight"
    assert not torch.equal(alone["average"][name], first["average"][name])  # type: ignore[index]


def test_a_process_of_its_own_meets_nobody(monkeypatch: object) -> None:
    with joined(20) as group:
        assert group == Group() and group.leads and group.meets(7)
    assert [Group(1, 2, 20).meets(step) for step in (0, 7, 40)] == [True, False, True]
    assert not Group(1, 2, 20).leads
    assert own_device("cpu") == torch.device("cpu")
