"""`qwenvl models quantize`, and that what it writes answers as the flag --quantize does."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.weights import stored_dtype
from tests.cli.harness import cli
from tests.tiny import make_checkpoint


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "tiny")


@pytest.mark.parametrize("form", ["int8", "int4"])
def test_a_smaller_model_is_written_and_whole(model: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "small"
    result = cli("models", "quantize", model, out, "--quantize", form, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["path"] == str(out) and told["quantize"] == form and "use it with --model" in result.stderr
    assert cli("models", "verify", out).exit_code == 0
    shown = json.loads(cli("models", "show", out, "--json").stdout)
    full = json.loads(cli("models", "show", model, "--json").stdout)
    assert shown["parameters"] == full["parameters"] and shown["bytes"] < full["bytes"]
    assert shown["problems"] == []


def test_a_folder_that_holds_something_is_left_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    result = cli("models", "quantize", model, tmp_path / "mine")
    assert result.exit_code == 2 and "already holds something" in result.stderr and "hint:" in result.stderr
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("stored", ["bfloat16", "float32"])
def test_what_was_half_precision_stays_so(tmp_path: Path, stored: str) -> None:
    """Also where this machine computes in float32, as with small networks it does: a GPU may read the folder."""
    source, out = make_checkpoint(tmp_path / "full", dtype=getattr(torch, stored)), tmp_path / "out"
    assert cli("models", "quantize", source, out).exit_code == 0
    told = json.loads((out / "config.json").read_text())
    assert told["quantization_config"]["dtype"] == stored == stored_dtype(out)
    kept = load_file(next(out.glob("*.safetensors")))
    assert kept["model.norm.weight"].dtype is getattr(torch, stored)


def test_the_working_directory_is_not_replaced(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = cli("models", "quantize", model, ".")
    assert result.exit_code == 2 and "working directory" in result.stderr and "hint:" in result.stderr


def test_packed_already(model: Path, tmp_path: Path) -> None:
    assert cli("models", "quantize", model, tmp_path / "a").exit_code == 0
    result = cli("models", "quantize", tmp_path / "a", tmp_path / "b", "--quantize", "int4")
    assert result.exit_code != 0 and "packed as int8 already" in result.stderr
    assert not (tmp_path / "b").exists() and not (tmp_path / "b.partial").exists()
