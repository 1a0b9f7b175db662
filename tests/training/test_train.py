"""The training command on the tiny plan: it stops, goes on from its checkpoint; branches see only their own."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.attention import Backend, Causal, attend
from model.training import state, train
from model.training.batches import branched
from model.training.export import TOKENIZER, write_folder


def run(out: Path, steps: int, *more: str) -> dict[str, object]:
    """Train to `steps` and return the checkpoint."""
    words = ["--out", str(out), "--plan", "tiny", "--steps", str(steps), "--batch", "2", "--questions", "2"]
    args = train.parser().parse_args([*words, "--log-every", "1", "--workers", "0", "--no-compile", *more])
    found: dict[str, object] = torch.load(train.train(args), weights_only=True)
    return found


@pytest.mark.parametrize("more", [(), ("--no-bfloat16", "--tower-first", "0")])
def test_a_run_goes_on_where_it_stopped(tmp_path: Path, more: tuple[str, ...]) -> None:
    first = run(tmp_path, 2, *more)
    second = run(tmp_path, 4, *more)
    assert (first["step"], second["step"]) == (2, 4)
    assert second["samples"] > first["samples"]  # type: ignore[operator]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(line["samples_per_s"] > 0 and line["drawn_per_s_a_worker"] > 0 for line in lines)
    assert all("thing" in line for line in lines) and "language" in lines[-1]
    name = "visual.blocks.0.attn.qkv.weight"
    assert not torch.equal(first["model"][name], second["model"][name])  # type: ignore[index]


def test_the_log_tells_losses_by_part_and_over_the_steps_that_had_them(tmp_path: Path) -> None:
    run(tmp_path, 8, "--log-every", "8", "--tower-first", "0", "--parts", "shapes=0.5,clips=0.5")
    line = json.loads((tmp_path / "log.jsonl").read_text())
    both = sorted((line["language_shapes"], line["language_clips"]))
    assert both[0] <= line["language"] <= both[1]
    assert line["motion"] > 1.0  # of clips only: near the logarithm of its 11 classes, not a share of it


def test_a_run_begins_with_the_weights_of_another(tmp_path: Path) -> None:
    first = run(tmp_path / "first", 2)
    (folder := tmp_path / "exported").mkdir()
    write_folder(first, folder, TOKENIZER, averaged=True)
    for source in (tmp_path / "first" / "checkpoint.pt", folder):
        out = tmp_path / f"from-{source.name}"
        args = ["--out", str(out), "--plan", "tiny", "--init", str(source), "--steps", "0", "--minutes", "1e-9"]
        start = state.start(train.parser().parse_args(args), torch.device("cpu"))
        wanted = first["model"] if source.is_file() else first["average"]
        name = "visual.blocks.0.attn.qkv.weight"
        assert torch.allclose(start.model.state_dict()[name], wanted[name], rtol=0.01)  # type: ignore[index]
        assert len(start.before) == 1 and start.step == 0
        second = run(out, 1, "--init", str(source), "--tower-first", "0")
        assert second["step"] == 1 and second["before"] == start.before


def masked(branch: Tensor) -> Tensor:
    """Who sees whom, written out (B, 1, S, S): back, at the prefix or within the own branch; padding sees itself."""
    triangle = torch.ones(branch.shape[1], branch.shape[1], dtype=torch.bool).tril()
    same = branch[:, :, None] == branch[:, None, :]
    return ((same | (branch == 0)[:, None, :]) & triangle)[:, None]


BRANCHES = torch.tensor(
    [[0, 0, 1, 1, 1, 2, 3, 3, 3, 3, -1], [0, 0, 1, 2, 2, 2, 2, 2, 3, 3, 3], [0, 0, 1, 1, -1, -1, -1, -1, -1, -1, -1]]
)


@pytest.mark.parametrize("groups", [1, 3, 20])
@pytest.mark.parametrize("name", ["sdpa", "eager"])
def test_branches_see_the_prefix_and_themselves(name: str, groups: int) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, heads, 11, 8, requires_grad=True) for heads in (4, 2, 2))
    real = (BRANCHES >= 0)[:, None, :, None]
    weights = torch.randn(3, 4, 11, 8) * real
    found = []
    for pattern in (Causal(masked(BRANCHES)), branched(BRANCHES, groups)):
        out = attend(q, k, v, pattern, Backend(name, "test"))
        found.append([out * real, *torch.autograd.grad((out * weights).sum(), (q, k, v))])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_prefixes_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="prefixes of different lengths"):
        branched(torch.tensor([[0, 0, 1], [0, 1, 1]]))
