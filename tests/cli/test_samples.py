"""The samples and the bundled model: what expected.json promises is what a user gets, through the real engine."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.training.boxes import overlap

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))


def qwenvl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "qwenvl_cli", *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )


def test_every_sample_is_small_and_has_an_expected_answer() -> None:
    files = {path.name for path in SAMPLES.iterdir() if path.suffix in (".png", ".jpg", ".mp4")}
    assert files == set(EXPECTED["describe"])
    assert max((SAMPLES / name).stat().st_size for name in files) < 300_000


def test_describe_says_what_is_expected_of_every_sample() -> None:
    names = sorted(EXPECTED["describe"])
    done = qwenvl("describe", *(str(SAMPLES / name) for name in names), "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {Path(record["media"][0]["path"]).name: record["text"] for record in records} == EXPECTED["describe"]


@pytest.mark.parametrize("name, question, answer", EXPECTED["ask"])
def test_ask_answers_as_expected(name: str, question: str, answer: str) -> None:
    done = qwenvl("ask", str(SAMPLES / name), question)
    assert (done.returncode, done.stdout) == (0, answer + "\n"), done.stderr


def test_the_card_is_that_of_the_weights() -> None:
    small = ROOT / "model" / "small"
    told = dict(re.findall(r"`(\S+\.safetensors)` ([0-9a-f]{64})", (small / "CARD.md").read_text(encoding="utf-8")))
    assert told == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in small.glob("*.safetensors")}
    assert max(path.stat().st_size for path in small.iterdir() if path.is_file()) <= 16 * 2**20


@pytest.mark.parametrize("what, name", [("the blue star", "blue star"), ("蓝色的星形", "蓝色的星形")])
def test_locate_finds_what_the_picture_shows(what: str, name: str) -> None:
    """Held to the pixels themselves: the star is what is more blue than red."""
    with Image.open(SAMPLES / "two_shapes.png") as picture:
        red, _, blue = (np.asarray(band, dtype=int) for band in picture.convert("RGB").split())
    rows, columns = np.nonzero(blue > red + 50)
    shown = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    done = qwenvl("locate", str(SAMPLES / "two_shapes.png"), what)
    *box, label = done.stdout.strip().split(" ", 4)
    assert (done.returncode, label) == (0, name) and overlap([int(side) for side in box], shown) > 0.8
