"""`qwenvl models quantize`, and that what it writes answers as the flag --quantize does."""

import json
from pathlib import Path

import pytest

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


def test_packed_already(model: Path, tmp_path: Path) -> None:
    assert cli("models", "quantize", model, tmp_path / "a").exit_code == 0
    result = cli("models", "quantize", tmp_path / "a", tmp_path / "b", "--quantize", "int4")
    assert result.exit_code != 0 and "packed as int8 already" in result.stderr
    assert not (tmp_path / "b").exists() and not (tmp_path / "b.partial").exists()
