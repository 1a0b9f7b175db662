"""Animated pictures are clips with the durations they ask for."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qwenvl_cli.errors import MediaError
from tests.media.makers import UPRIGHT, corners, load, numbered, numbers, quadrants

FORMS = {"gif": {}, "webp": {"lossless": True}, "png": {}, "avif": {"quality": 90}}


def _write(path: Path, count: int, duration: int | list[int], **options: object) -> Path:
    pictures = [Image.fromarray(numbered(index)) for index in range(count)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=duration, loop=0, **options)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_moving_picture_is_a_clip(form: str, tmp_path: Path) -> None:
    media = load(_write(tmp_path / f"a.{form}", 20, 100, **FORMS[form]))
    assert media.kind == "video" and numbers(media) == [0, 6, 13, 19]  # 2 s at 2 a second: 4 frames of 20
    assert media.frame_times == pytest.approx([0.0, 0.6, 1.3, 1.9], abs=0.01)
    assert media.duration == pytest.approx(2.0, abs=0.02) and media.sampled_fps == pytest.approx(2.0, abs=0.02)
    assert (media.width, media.height) == (112, 56) and media.warnings == []


@pytest.mark.parametrize("form", FORMS)
def test_frames_are_shown_for_as_long_as_they_ask(form: str, tmp_path: Path) -> None:
    """Three quick frames, one for 3 s, one quick: evenly spread instants mostly meet the long one."""
    path = _write(tmp_path / f"a.{form}", 6, [100, 100, 100, 3000, 100, 100], **FORMS[form])
    media = load(path, fps=2.0)
    assert numbers(media) == [0, 3, 3, 3, 3, 5]  # at 0, 0.68, 1.36, 2.04, 2.72 and 3.4 s
    assert media.frame_times == pytest.approx([0.0, 0.3, 0.3, 0.3, 0.3, 3.4], abs=0.01)
    assert media.sampled_fps == pytest.approx(5 / 3.4, rel=0.01)


def test_a_gif_without_durations_runs_as_in_a_browser(tmp_path: Path) -> None:
    assert load(_write(tmp_path / "a.gif", 10, 0)).duration == pytest.approx(1.0)
    assert load(_write(tmp_path / "b.gif", 10, 20)).duration == pytest.approx(0.2)


@pytest.mark.parametrize("form", FORMS)
def test_one_frame_is_a_picture(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    quadrants(168, 112).save(path, save_all=True, **FORMS[form])
    media = load(path)
    assert media.kind == "image" and media.frames.shape[0] == 1 and corners(media.frames[0]) == UPRIGHT


def test_the_still_of_an_apng_is_not_one_of_its_frames(tmp_path: Path) -> None:
    pictures = [Image.fromarray(numbered(index)) for index in range(9)]
    path = tmp_path / "a.png"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=500, default_image=True)
    media = load(path)
    assert numbers(media) == list(range(1, 9)) and media.duration == pytest.approx(4.0)


def test_transparent_frames_are_laid_over_white(tmp_path: Path) -> None:
    frames = []
    for index in range(4):
        pixels = np.zeros((56, 112, 4), np.uint8)
        pixels[:, 14 * index : 14 * index + 14] = (0, 0, 255, 255)
        pixels[0, 0] = pixels[-1, -1] = (60 * index, 0, 0, 255)  # so that every frame spans the whole canvas
        frames.append(Image.fromarray(pixels))
    for form in ("webp", "png", "gif"):
        path = tmp_path / f"a.{form}"
        options = {"lossless": True} if form == "webp" else {"disposal": 2 if form == "gif" else 1}
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
        media = load(path)
        for index in range(4):
            assert media.frames[index, 28, 14 * index + 7].tolist() == [0, 0, 255], form
            assert media.frames[index, 28, 100].tolist() == [255, 255, 255], form
            assert media.frames[index, 28, (14 * index + 60) % 112].tolist() == [255, 255, 255], form


def test_start_and_end_cut_an_animation(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.webp", 40, 100, lossless=True)
    assert numbers(load(path, start=1.0, end=1.9, fps=10.0)) == list(range(10, 20))
    with pytest.raises(MediaError, match="beyond the end"):
        load(path, start=4.0)


def test_an_animation_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.gif", 20, 100)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 5])
    media = load(path, fps=10.0)
    taken = numbers(media)
    assert taken == list(range(len(taken))) and 6 <= len(taken) <= 14
    path.write_bytes(whole[:60])
    with pytest.raises(MediaError, match="damaged"):
        load(path)


@pytest.mark.parametrize("form", ["gif", "png"])
def test_wherever_an_animation_is_cut_off_it_is_read_up_to_there(form: str, tmp_path: Path) -> None:
    """Within a frame's pixels as between two frames: with one note; refused only within the first."""
    noise = np.random.default_rng(5).integers(0, 256, (12, 56, 112), dtype=np.uint8)
    pictures = [Image.fromarray(pixels) for pixels in noise]
    path = tmp_path / f"a.{form}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 300, *[100] * 10])
    whole, kept = path.read_bytes(), []
    for part in [
        *range(3, 8),
        *range(9, 32),
    ]:  # at 8 the GIF ends between two frames, where nothing shows that more came
        path.write_bytes(whole[: len(whole) * part // 32])
        media = load(path, fps=50.0)
        assert media.warnings == ["the animation is cut off: it is read up to the cut"]
        assert media.frames.shape[0] == len(media.frame_times) and media.sampled_fps > 2
        assert media.frame_times == sorted(media.frame_times)
        assert np.abs(media.frames[-1].astype(int) - media.frames[0]).mean() > 20 or len(media.frames) == 1
        kept.append(len(media.frames))
    assert kept == sorted(kept) and (kept[0], kept[-1]) == (1, 11)
    path.write_bytes(whole[: len(whole) // 32])
    with pytest.raises(MediaError, match="damaged or cut off"):
        load(path)
