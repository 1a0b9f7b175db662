"""README.md holds: every command in it runs and prints what it shows, and its file tree stands on the disk."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
INSTALL = ("pip install", "python -m model.training", "python -m tests.bench", "python3 -m venv")


def transcripts() -> list[tuple[str, str]]:
    """Pairs of a command and the output that the README shows under it."""
    found = []
    for kind, body in FENCES:
        if kind == "console":
            for piece in body.split("$ ")[1:]:
                command, _, output = piece.partition("\n")
                found.append((command, output))
    return found


def commands() -> list[str]:
    """Commands shown without their output."""
    return [line for kind, body in FENCES if kind == "sh" for line in body.splitlines() if line and line[0] != "#"]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a README command with this interpreter's qwenvl, in a folder that has the samples."""
    if not (folder / "samples").exists():
        (folder / "samples").symlink_to(ROOT / "samples")
    program = f"{shlex.quote(sys.executable)} -m qwenvl_cli"
    line = re.sub(r"(^|\| )qwenvl ", lambda match: f"{match[1]}{program} ", command)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_CACHE": str(folder / "cache")}
    return subprocess.run(
        line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


def test_the_readme_is_short_and_starts_with_the_two_commands() -> None:
    assert len(README.splitlines()) < 200
    first = next(body for kind, body in FENCES)
    assert [line for line in first.splitlines() if line and line[0] != "#"] == [
        "pip install . && qwenvl describe samples/two_shapes.png",
        'pip install ".[test]" && pytest',
    ]


@pytest.mark.parametrize("command, output", transcripts())
def test_transcripts_are_what_a_user_sees(command: str, output: str, tmp_path: Path) -> None:
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip() == output.rstrip()


@pytest.mark.parametrize("command", [line for line in commands() if not line.startswith(INSTALL)])
def test_commands_run(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stderr


def shape(value: Any) -> Any:
    """The keys and kinds of a record, without what stands in it; a whole number may stand for any."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return float if isinstance(value, int) else type(value)


def test_the_record_is_what_json_prints(tmp_path: Path) -> None:
    """The same fields, and for a picture of that size the same grid and tokens."""
    [shown] = [json.loads(body) for kind, body in FENCES if kind == "json"]
    [medium] = shown["media"]
    Image.new("RGB", (medium["width"], medium["height"]), "white").save(tmp_path / "picture.png")
    done = run("qwenvl describe picture.png --json", tmp_path)
    record = json.loads(done.stdout)
    assert shape(record | {"warnings": []}) == shape(shown), done.stderr
    [seen] = record["media"]
    assert (seen["grid"], seen["tokens"]) == (medium["grid"], medium["tokens"])
    for name in ("prompt_tokens", "vision_tokens"):
        assert record["usage"][name] == shown["usage"][name]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m ((?:model|tests)\.[\w.]+)", README))))
def test_modules_that_the_readme_names_answer_to_help(command: str) -> None:
    done = subprocess.run([sys.executable, "-m", command, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "usage" in done.stdout.lower(), done.stderr


def test_the_file_tree_stands_on_the_disk() -> None:
    tree = next(body for kind, body in FENCES if kind == "text")
    named = [line.split()[0] for line in tree.splitlines() if line.strip()]
    assert named and not [name for name in named if not (ROOT / name).exists()]
