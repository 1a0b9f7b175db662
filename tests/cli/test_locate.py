"""`qwenvl locate`: boxes in pixels of the picture as it is shown, as lines, as JSON, and drawn into a copy."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from qwenvl_cli.media.source import LoadedMedia
from qwenvl_cli.results import Message
from tests.cli.harness import FakeEngine, Result, cli

Make = Callable[..., Path]
Shares = tuple[float, float, float, float]


def finding(*boxes: tuple[Shares, str]) -> FakeEngine:
    """An engine that finds boxes, given as shares of the sides, in pixels of the picture that it sees."""

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        high, wide = media[0].frames.shape[1:3]
        sides = (wide, high, wide, high)
        return json.dumps(
            [
                {"bbox_2d": [share * side for share, side in zip(shares, sides, strict=True)], "label": label}
                for shares, label in boxes
            ],
            ensure_ascii=False,
        )

    return FakeEngine(answer=answer)


def saying(text: str) -> FakeEngine:
    """An engine that says one thing."""
    return FakeEngine(answer=lambda messages, media: text)


STAR = finding(((0.0, 0.0, 0.5, 0.5), "red star"))


def test_boxes_are_lines_in_pixels_of_the_original(picture: Make) -> None:
    """Of a picture that is not square, and seen at another size."""
    path = picture(size=(200, 100))
    engine = finding(((0.0, 0.0, 0.5, 0.5), "red star"), ((0.25, 0.5, 1.0, 1.0), "blue\nring\x1b[2J"))
    result = cli("locate", path, "the shapes", engine=engine)
    assert (result.exit_code, result.stdout) == (0, "0 0 100 50 red star\n50 50 200 100 blue ring\n")
    [(messages, media, options)] = engine.asked
    assert options.max_tokens == 2048  # a list of boxes is long
    assert media[0].frames.shape[1:3] != (100, 200)
    assert messages[-1].parts == (0, "Locate the shapes and output the bbox coordinates in JSON format.")


@pytest.mark.parametrize("longest", [100, 512, 2048])
def test_the_longest_answer_can_be_chosen(picture: Make, longest: int) -> None:
    """Also what other commands take without being asked."""
    cli("locate", picture(), "it", "--max-tokens", longest, engine=(engine := FakeEngine(answer=STAR.answer)))
    assert engine.asked[0][2].max_tokens == longest


def test_the_question_is_in_the_language_of_what_is_sought(picture: Make, tmp_path: Path) -> None:
    """And may stand in a file."""
    (tmp_path / "what.txt").write_text("红色的星形\n", encoding="utf-8")
    for what in ("红色的星形", f"@{tmp_path / 'what.txt'}"):
        assert cli("locate", picture(), what, "--json", engine=STAR).json["prompt"] == (
            "定位红色的星形，以JSON格式输出其bbox坐标。"
        )


def test_the_record_has_the_boxes(picture: Make) -> None:
    """And the answer as it was given; records of other commands have no such field."""
    record = cli("locate", picture(size=(200, 100)), "stars", "--json", engine=STAR).json
    assert record["boxes"] == [{"bbox": [0, 0, 100, 50], "label": "red star"}]
    assert json.loads(record["text"])[0]["label"] == "red star" and record["error"] is None
    assert "boxes" not in cli("describe", picture(), "--json").json


def test_pixels_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    """A photo taken sideways, and one so long that white was added on both sides."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40), "red").save(tmp_path / "phone.jpg", exif=exif)
    assert cli("locate", tmp_path / "phone.jpg", "it", engine=STAR).stdout == "0 0 20 30 red star\n"
    Image.new("RGB", (1200, 2), "red").save(tmp_path / "long.png")
    whole = finding(((0.0, 0.0, 1.0, 1.0), "line"))
    assert cli("locate", tmp_path / "long.png", "it", engine=whole).stdout == "0 0 1200 2 line\n"


def test_what_lies_outside_or_has_no_area_or_comes_twice_is_left_out(picture: Make) -> None:
    """Boxes are clipped to the picture."""
    engine = finding(
        ((0.5, 0.5, 1.5, 1.5), "a"), ((0.5, 0.5, 1.5, 1.5), "a"), ((2.0, 0.0, 3.0, 1.0), "b"), ((0.5, 0, 0.5, 1), "c")
    )
    assert cli("locate", picture(), "all", engine=engine).stdout == "30 25 60 50 a\n"


def test_nothing_found_is_no_error(picture: Make) -> None:
    """Stdout stays empty, so that `wc -l` counts."""
    result = cli("locate", picture(), "cats", engine=saying("[]"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing of that kind was found\n" in result.stderr
    assert cli("locate", picture(), "cats", "--json", engine=saying("[]")).json["boxes"] == []


def test_an_answer_without_a_list_fails_its_constraint(picture: Make, tmp_path: Path) -> None:
    """Exit 7, in JSON a record of the failure, and no picture is written."""
    engine, out = saying("There is\nno cat. " * 20), tmp_path / "o.png"
    result = cli("locate", picture(), "cats", "--save", out, engine=engine)
    assert (result.exit_code, result.stdout, out.exists()) == (7, "", False)
    assert "error: the answer holds no list of boxes: 'There is no cat. There" in result.stderr
    assert "…'\nhint: name the thing in other words\n" in result.stderr
    record = cli("locate", picture(), "cats", "--json", engine=engine).json
    assert record["error"]["type"] == "ConstraintError" and record["text"] is None


def test_an_answer_cut_before_its_first_box_asks_for_more_tokens(picture: Make) -> None:
    engine = saying('[{"bbox_2d": [0, 0')
    engine.finish_reason = "length"
    result = cli("locate", picture(), "all", engine=engine)
    assert (result.exit_code, result.stdout) == (7, "")
    assert "hint: it was cut: give it more --max-tokens\n" in result.stderr


def test_an_answer_that_was_cut_keeps_its_whole_boxes(picture: Make) -> None:
    """With the warning that more may have followed."""
    engine = saying('[{"bbox_2d": [0, 0, 28, 28], "label": "a"}, {"bbox_2d": [28, 0')
    engine.finish_reason = "length"
    result = cli("locate", picture(size=(56, 56)), "all", engine=engine)
    assert (result.exit_code, result.stdout) == (0, "0 0 28 28 a\n")
    assert "warning: the answer was cut at --max-tokens\n" in result.stderr


def test_clips_and_empty_names_are_refused(tmp_path: Path, picture: Make) -> None:
    """Before anything is answered."""
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:], duration=500)
    engine = FakeEngine()
    moving = cli("locate", tmp_path / "moving.gif", "it", engine=engine)
    assert (moving.exit_code, engine.asked) == (4, [])
    assert f"error: {tmp_path}/moving.gif is a clip: boxes are found in pictures\nhint: " in moving.stderr
    for what in ("", "  "):
        result = cli("locate", picture(), what)
        assert (result.exit_code, result.engines) == (2, []) and "what to look for is empty\nhint: " in result.stderr


def colours_of(path: Path, *places: tuple[int, int]) -> list[bool]:
    """Whether the pixels of a saved picture differ from the picture's own (0, 20, 1), roughly."""
    with Image.open(path) as saved:
        pixels = [saved.convert("RGB").getpixel(place) for place in places]
    return [isinstance(pixel, tuple) and max(pixel) > 100 for pixel in pixels]


def saved(picture: Make, name: str, *more: object, engine: FakeEngine = STAR) -> Result:
    """Locate in a picture of 200 x 100 and save."""
    return cli("locate", picture("p.png", size=(200, 100)), "it", "--save", name, *more, engine=engine)


@pytest.mark.parametrize("name", ["o.png", "o.JPG", "o.webp"])
def test_a_copy_shows_the_boxes(picture: Make, tmp_path: Path, name: str) -> None:
    """At the size of the original; the frame lies on the box, its inside is free."""
    result = saved(picture, str(tmp_path / name), engine=finding(((0.1, 0.4, 0.5, 0.9), "红色")))
    assert (result.exit_code, result.stdout) == (0, "20 40 100 90 红色\n")
    assert f"drawn in {tmp_path / name}\n" in result.stderr
    with Image.open(tmp_path / name) as copy:
        assert copy.size == (200, 100)
    frame, free = [(20, 60), (99, 60), (60, 40), (60, 89)], [(60, 60), (10, 60), (104, 60), (60, 95)]
    assert colours_of(tmp_path / name, *frame, *free) == [True] * 4 + [False] * 4


def test_a_picture_from_standard_input_can_be_saved_too(picture: Make, tmp_path: Path) -> None:
    """It is read twice, though it comes once."""
    content = picture(size=(200, 100)).read_bytes()
    out = tmp_path / "o.png"
    assert cli("locate", "-", "it", "--save", out, engine=STAR, stdin=content).exit_code == 0
    assert colours_of(out, (0, 30), (50, 49), (150, 80)) == [True, True, False]


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="pipes have no names here")
def test_a_picture_from_a_named_pipe_can_be_saved_too(picture: Make, tmp_path: Path) -> None:
    """As a shell hands over <(curl ...): it, too, is read twice and comes once."""
    out, (reading, writing) = tmp_path / "o.png", os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(picture(size=(200, 100)).read_bytes())
    with open(reading, "rb"):
        result = cli("locate", f"/dev/fd/{reading}", "it", "--save", out, engine=STAR)
    assert (result.exit_code, result.stdout) == (0, "0 0 100 50 red star\n"), result.stderr
    assert colours_of(out, (0, 30), (50, 49), (150, 80)) == [True, True, False]


def test_the_copy_takes_nobodys_place(picture: Make, tmp_path: Path) -> None:
    """Everything is checked before a model is loaded."""
    (tmp_path / "old.png").write_bytes(b"old")
    (tmp_path / "folder.png").mkdir()
    for name, message in (
        ("old.png", "exists\nhint: choose another name, or add --overwrite"),
        ("o.gif", "has no suffix of a picture that can be written\nhint: name it .png, .jpg or .webp"),
        ("no/o.png", "cannot be a file: check its folder\nhint: create it: mkdir -p"),
        ("folder.png", "cannot be a file"),
    ):
        result = saved(picture, str(tmp_path / name))
        assert (result.exit_code, result.engines) == (2, []) and f"{tmp_path / name} {message}" in result.stderr
    assert (tmp_path / "old.png").read_bytes() == b"old"
    assert saved(picture, str(tmp_path / "old.png"), "--overwrite").exit_code == 0
    assert colours_of(tmp_path / "old.png", (0, 30)) == [True]
    itself = saved(picture, str(tmp_path / "p.png"), "--overwrite")
    assert itself.exit_code == 2 and "p.png is the picture itself" in itself.stderr
    assert not list(tmp_path.glob(".*"))


def test_a_batch_finds_things_in_every_picture(picture: Make, tmp_path: Path) -> None:
    """One record each; an answer without a list fails alone and at once; it is another setting than a prompt."""
    folder, out = tmp_path / "photos", tmp_path / "o.jsonl"
    for name in "abc":
        picture(f"{name}.png", folder, size=(200, 100))

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        return "No." if media[0].path.endswith("b.png") else STAR.answer(messages, media)

    engine = FakeEngine(answer=answer)
    result = cli("batch", folder, "-o", out, "--locate", "the stars", engine=engine)
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    boxes = [{"bbox": [0, 0, 100, 50], "label": "red star"}]
    assert (result.exit_code, engine.groups) == (3, [3])
    assert [record.get("boxes") for record in records] == [boxes, None, boxes]
    assert [(record["error"] or {}).get("type") for record in records] == [None, "ConstraintError", None]
    assert "1 failed earlier" in cli("batch", folder, "-o", out, "--locate", "the stars").stderr
    told = cli("batch", folder, "-o", out, "--prompt", records[0]["prompt"])
    assert "3 answered" in told.stderr
    both = cli("batch", folder, "-o", out, "--prompt", "x", "--locate", "y")
    assert both.exit_code == 2 and "--prompt and --locate ask for two things" in both.stderr
