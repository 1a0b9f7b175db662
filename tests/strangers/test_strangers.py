"""Whether the bundled model describes strangers' drawings truly, and whether the checker can be trusted."""

import colorsys
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from model.training import language
from model.training.things import everything
from tests.strangers import check

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
AIM = 8  # of ten: what an edition should reach
FLOOR = 9  # of ten: what the bundled model reached when last measured; raise it with a better one, never lower it

HUES = {"red": 0, "orange": 30, "yellow": 60, "green": 120, "blue": 215, "purple": 300}
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")
PAIR = {
    "background": "white",
    "things": [
        {"shape": "circle", "colour": "red", "place": "top left"},
        {"shape": "star", "colour": "gray", "place": "right"},
    ],
}
SQUARES = {
    "background": "black",
    "things": [{"shape": "square", "colour": "blue", "place": p} for p in ("left", "right")],
}


def test_the_bundled_model_describes_strangers_drawings_truly() -> None:
    pictures = [str(HERE / "drawings" / name) for name in EXPECTED]
    done = subprocess.run(
        [sys.executable, "-m", "qwenvl_cli", "describe", *pictures, "--model", "bundled", "--json", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    texts = {Path(record["media"][0]["path"]).name: record["text"] for record in records}
    assert texts.keys() == EXPECTED.keys()
    wrong = {name: found for name, text in texts.items() if (found := check.faults(text, EXPECTED[name]))}
    lines = [f"{'wrong' if name in wrong else 'true '} {name}: {text}" for name, text in texts.items()]
    report = "\n".join([*lines, *(f"{name}: {'; '.join(found)}" for name, found in wrong.items())])
    right = len(texts) - len(wrong)
    print(f"{right} of {len(texts)} described truly, the aim is {AIM}\n{report}")
    assert right >= FLOOR, report


@pytest.mark.parametrize(
    "text",
    [
        "A red circle at the top left and a gray star on the right, on a white background.",
        "a grey star in the right and one red circle on the upper left",
        "There is a red circle at the top left corner, and a gray star.",
        "A gray star and a small red circle on the left side of the picture, on a plain white background.",
        "A red circle and a gray star. The background is white.",
    ],
)
def test_true_descriptions_pass(text: str) -> None:
    assert check.faults(text, PAIR) == []


@pytest.mark.parametrize(
    "text, fault",
    [
        ("A red circle and a blue star.", "blue star: there are 0, said are 1"),
        ("A red circle and a gray cross.", "gray cross: there are 0, said are 1"),
        ("A red circle.", "gray star: there are 1, said are 0"),
        ("Two red circles and a gray star.", "red circle: there are 1, said are 2"),
        ("A red circle, a gray star and a green ring.", "green ring: there are 0, said are 1"),
        ("A red circle at the bottom left and a gray star.", "red circle: not where it is said to be"),
        ("A red circle in the center and a gray star.", "red circle: not where it is said to be"),
        ("A red circle and a gray star at the top right.", "gray star: not where it is said to be"),
        ("A red circle and a gray star, on a black background.", "the background is white, not black"),
        ("A red circle and a gray star wearing a hat.", "not understood"),
        ("A red circle, a gray star and much joy, on a white background.", "not understood"),
        ("A red circle and a gray star, on a white background, on a black background.", "not understood"),
        ("On a white background.", "not understood"),
        ("", "not understood"),
    ],
)
def test_false_descriptions_fail(text: str, fault: str) -> None:
    assert fault in check.faults(text, PAIR)


def test_places_of_equal_things_are_shared_out() -> None:
    assert check.faults("Two blue squares, on a black background.", SQUARES) == []
    assert check.faults("A blue square on the right and a blue square on the left.", SQUARES) == []
    assert check.faults("A blue square on the right and a blue square.", SQUARES) == []
    assert check.faults("A blue square on the left and a blue square on the left.", SQUARES)
    assert check.faults("Two blue squares on the left.", SQUARES)
    assert check.faults("Three blue squares.", SQUARES)


@pytest.mark.parametrize("shape", sorted(set(check.SHAPES) & everything().keys()))
def test_the_checker_understands_canonical_captions(shape: str) -> None:
    places = [[row, column] for row in range(3) for column in range(3)]
    for count in (1, 2, 3):
        for start, colour in enumerate(check.COLOURS[: len(places) - count]):
            where = places[start : start + count]
            facts = {"background": "gray", "things": [{"thing": shape, "colour": colour, "place": p} for p in where]}
            facts["things"].append({"thing": "star", "colour": "white", "place": [2, 2]})
            same = {"background": "gray", "things": [told(thing) for thing in facts["things"]]}
            assert check.faults(language.caption(facts, "en"), same) == []


def told(thing: language.Facts) -> dict[str, str]:
    """A thing of the training world as the checker knows it."""
    where = language.place(thing["place"], "en")
    return {"shape": thing["thing"], "colour": thing["colour"], "place": where}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_drawings_show_what_their_facts_say(name: str) -> None:
    path = HERE / "drawings" / name
    assert path.stat().st_size < 15_000
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((240, 240))
    pixels = np.asarray(picture, dtype=np.int32)
    facts = EXPECTED[name]
    assert colour_of(pixels[:2].reshape(-1, 3)) == facts["background"]
    height, width = pixels.shape[:2]
    found = []
    for spot in spots(np.abs(pixels - pixels[0, 0]).max(axis=-1) > 40):
        top, left, bottom, right = *spot.min(axis=0), *spot.max(axis=0) + 1
        row, column = int(3 * (top + bottom) / 2 / height), int(3 * (left + right) / 2 / width)
        where = f"{ROWS[row]} {COLUMNS[column]}".strip() or "center"
        found.append((colour_of(pixels[spot[:, 0], spot[:, 1]]), where))
    assert sorted(found) == sorted((thing["colour"], thing["place"]) for thing in facts["things"])


def spots(mask: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """The connected areas of a mask, each as its (row, column) pairs."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    found = []
    while left:
        grown = [left.pop()]
        for row, column in grown:
            beside = {(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)} & left
            left -= beside
            grown.extend(beside)
        found.append(np.array(grown))
    return found


def colour_of(pixels: npt.NDArray[np.int32]) -> str:
    """The name of the middle colour of some pixels."""
    red, green, blue = (float(value) / 255 for value in np.median(pixels, axis=0))
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    if light < 0.15 or light > 0.9:
        return "black" if light < 0.5 else "white"
    if strength < 0.2:
        return "gray"
    return min(HUES, key=lambda name: abs((hue * 360 - HUES[name] + 180) % 360 - 180))
