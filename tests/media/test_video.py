"""Clips of every kind: which frames are taken, that they are the right ones, and which way is up."""

import gc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from model.geometry import spread
from qwenvl_cli.media import timeline, video
from qwenvl_cli.media.source import PixelLimits
from tests.media.makers import (
    BLUE,
    LIMITS,
    MATRICES,
    RED,
    SHARED,
    STORED,
    UPRIGHT,
    corners,
    load,
    numbers,
    quadrants,
    write_clip,
)

CODECS = {
    "h264.mp4": {"codec": "libx264", "bframes": 3},
    "h264-all-key.mov": {"codec": "libx264", "gop": 1},
    "h264-open-groups.mkv": {"codec": "libx264", "gop": 6, "options": {"x264-params": "open-gop=1:bframes=3"}},
    "hevc-10-bit.mp4": {
        "codec": "libx265",
        "pix_fmt": "yuv420p10le",
        "options": {"x265-params": "log-level=none", "preset": "ultrafast"},
    },
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "vp8.webm": {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "1"}},
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "12"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4-b.avi": {"codec": "mpeg4", "bframes": 2},
    "mpeg2.ts": {"codec": "mpeg2video", "bframes": 2, "rate": 25},
    "h264.ts": {"codec": "libx264", "bframes": 3},
    "mpeg2.mpg": {"codec": "mpeg2video", "rate": 25},
    "h264.flv": {"codec": "libx264", "bframes": 0},
    "wmv2.wmv": {"codec": "wmv2"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "ffv1.mkv": {"codec": "ffv1"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


@pytest.fixture(autouse=True)
def quiet_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVT_LOG", "0")


def _write(path: Path, count: int, **settings: object) -> Path:
    if settings["codec"] not in av.codecs_available:
        pytest.skip(f"this PyAV has no {settings['codec']}")
    return write_clip(path, count, **settings)  # type: ignore[arg-type]


def test_tags_that_are_not_utf_8_stop_nothing(tmp_path: Path) -> None:
    path = _write(tmp_path / "tagged.mkv", 40, codec="libx264")
    written = path.read_bytes()
    assert b"Lavf" in written  # the name of the writing program
    path.write_bytes(written.replace(b"Lavf", b"\xe9\xff\xfe\xe8"))
    assert numbers(load(path)) == spread(40, 8)


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_and_container_gives_exactly_the_frames_of_the_rule(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path / name, 40, **CODECS[name])
    rate = CODECS[name].get("rate", 10)
    count = 8 if rate == 10 else 4  # 40 frames are 4 s or 1.6 s, at 2 a second, at least 4 and floored to even
    media = load(path)
    assert numbers(media) == spread(40, count)
    assert media.kind == "video" and media.warnings == [] and media.padding == (0, 0, 0, 0)
    assert media.frame_times == pytest.approx([index / rate for index in spread(40, count)], abs=0.002)
    assert media.sampled_fps == pytest.approx(count / 40 * rate, rel=0.003)
    assert media.duration == pytest.approx(40 / rate, abs=0.11)
    assert media.frames.dtype == np.uint8 and media.frames.flags.c_contiguous
    assert media.grid == (count // 2, media.frames.shape[1] // 14, media.frames.shape[2] // 14)


@pytest.mark.parametrize(("count", "taken"), [(1, [0]), (2, [0, 1]), (3, [0, 2]), (4, [0, 1, 2, 3]), (5, [0, 1, 3, 4])])
def test_short_clips_give_what_they_have(count: int, taken: list[int], tmp_path: Path) -> None:
    media = load(write_clip(tmp_path / "short.mp4", count))
    assert numbers(media) == taken
    assert media.grid[0] == -(-len(taken) // 2)


def test_limits_on_frames_are_kept(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 60)
    assert numbers(load(path, fps=5.0)) == spread(60, 30)
    assert numbers(load(path, fps=100.0)) == list(range(60))
    assert numbers(load(path, max_frames=6)) == spread(60, 6)
    assert numbers(load(path, max_frames=7)) == spread(60, 6)
    assert numbers(load(path, max_frames=1)) == [0]
    assert numbers(load(path, fps=0.1)) == spread(60, 4)
    assert numbers(load(path, PixelLimits(784, 784_000, 784, 784_000, 78_400_000, video_max_frames=8))) == spread(60, 8)


def test_the_pixel_budget_of_the_whole_clip_sets_the_frame_size(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20, size=(448, 224))
    assert load(path).frames.shape == (4, 224, 448, 3)
    tight = PixelLimits(784, 784_000, 784, 784_000, video_total=2 * 32 * 784)  # 4 frames share 64 x 784: 32 each
    assert load(path, tight).frames.shape == (4, 112, 224, 3)


def test_variable_rate_is_sampled_by_time(tmp_path: Path) -> None:
    """Ten quick frames, then one that stands for 9 s: taken by index nine of ten would be from the first second."""
    times = [index * 0.1 for index in range(10)] + [10.0, 10.1, 10.2]
    for name in ("vfr.mp4", "vfr.mkv"):
        media = load(write_clip(tmp_path / name, 13, times=times, bframes=0), fps=1.0)
        # 13 frames over 10.2 s at 1 a second: 10 floored to even from 11.05, instants 1.1333 s apart
        assert numbers(media) == [0, 9, 9, 9, 9, 9, 9, 9, 9, 12]
        assert media.sampled_fps == pytest.approx(9 / 10.2, rel=1e-3)
        assert media.frame_times == pytest.approx([0.0, *[0.9] * 8, 10.2], abs=0.002)


def test_variable_rate_keeps_frames_of_b_pyramids_in_order(tmp_path: Path) -> None:
    times = [index * 0.1 + (index // 10) * 0.7 for index in range(40)]
    media = load(write_clip(tmp_path / "vfr.mp4", 40, times=times, bframes=3), fps=100.0)
    taken = numbers(media)
    assert taken == sorted(taken) and taken[0] == 0 and taken[-1] == 39
    assert media.frame_times == pytest.approx([times[index] for index in taken], abs=0.002)


@pytest.mark.parametrize(
    ("window", "taken"),
    [
        ({"start": 2.0}, [20 + index for index in spread(20, 4)]),
        ({"end": 0.9}, spread(10, 4)),
        ({"start": 1.0, "end": 2.0, "fps": 4.0}, [10 + index for index in spread(11, 4)]),
        ({"start": 1.04, "end": 1.06}, [10]),
        ({"start": 3.95}, [39]),
    ],
)
def test_start_and_end_cut_the_clip(window: dict[str, float], taken: list[int], tmp_path: Path) -> None:
    media = load(write_clip(tmp_path / "a.mp4", 40, gop=8), **window)
    assert numbers(media) == taken
    assert media.frame_times == pytest.approx([index / 10 for index in taken])


@pytest.mark.parametrize("turn", MATRICES)
def test_the_display_matrix_turns_frames_upright(turn: int, tmp_path: Path) -> None:
    """Matrix 6 is what phones held upright write: a=0 b=1 c=-1 d=0, a quarter turn clockwise."""
    stored = quadrants(112, 56) if STORED[turn] is None else quadrants(112, 56).transpose(STORED[turn])
    clip = write_clip(tmp_path / "t.mp4", [np.asarray(stored)] * 4, size=stored.size, matrix=MATRICES[turn])
    media = load(clip)
    assert (media.width, media.height) == (112, 56)
    assert media.frames.shape == (4, 56, 112, 3)
    assert corners(media.frames[0]) == UPRIGHT


@pytest.mark.parametrize(("codec", "pix_fmt"), [("libx264", "yuv444p"), ("ffv1", "yuv420p")])
def test_odd_sizes(codec: str, pix_fmt: str, tmp_path: Path) -> None:
    media = load(write_clip(tmp_path / "odd.mkv", 8, codec, size=(131, 67), pix_fmt=pix_fmt))
    assert (media.width, media.height) == (131, 67) and media.frames.shape[1:] == (56, 140, 3)
    assert numbers(media) == spread(8, 4)


def test_oblong_pixels_are_shown_at_their_width(tmp_path: Path) -> None:
    media = load(write_clip(tmp_path / "a.mp4", 4, size=(112, 112), aspect=Fraction(2, 1)))
    assert (media.width, media.height) == (224, 112) and media.frames.shape == (4, 112, 224, 3)


def test_a_ribbon_of_a_clip_is_padded(tmp_path: Path) -> None:
    media = load(write_clip(tmp_path / "a.mkv", [np.full((2, 1200, 3), RED, np.uint8)] * 4, "ffv1", size=(1200, 2)))
    left, top, right, bottom = media.padding
    assert (left, right) == (0, 0) and top > 0 and bottom > 0 and "200:1" in media.warnings[0]
    assert media.frames[0, 0, 0].tolist() == [255, 255, 255]
    assert abs(int(media.frames[0, media.frames.shape[1] // 2, 600, 0]) - 255) < 30


def test_alpha_of_a_clip_is_laid_over_white(tmp_path: Path) -> None:
    frame = np.zeros((56, 112, 4), np.uint8)
    frame[:, :56] = (*BLUE, 255)
    media = load(write_clip(tmp_path / "a.mkv", [frame] * 4, "ffv1", pix_fmt="bgra"))
    assert corners(media.frames[0]) == [BLUE, (255, 255, 255)] * 2


def test_deep_colour_comes_out_as_the_colour_it_is(tmp_path: Path) -> None:
    frames = [np.asarray(quadrants(112, 56))] * 4
    for pix_fmt in ("yuv444p10le", "gbrp12le", "yuv422p12le"):  # at 16 bits the writer errs in some files
        media = load(write_clip(tmp_path / "deep.mkv", frames, "ffv1", pix_fmt=pix_fmt))
        assert corners(media.frames[0]) == UPRIGHT
        inner = (slice(4, 24), slice(4, 48))  # away from the edges, where chroma bleeds
        assert np.abs(media.frames[0][inner].astype(int) - RED).max() < 8


@pytest.mark.parametrize("name", ["sparse.mp4", "sparse.mkv", "sparse.ts"])
def test_sparse_samples_seek_and_still_give_the_same_frames(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """250 frames in groups of 10, 4 samples: few packets reach the decoder, by seeking or by skipping."""
    path = write_clip(tmp_path / name, 250, gop=10, bframes=2, rate=25)
    decoded: list[object] = []
    seeks: list[int] = []
    try_decode, after_seek = video._try_decode, video._after_seek
    monkeypatch.setattr(video, "_try_decode", lambda *a: decoded.append(a[1]) or try_decode(*a))
    monkeypatch.setattr(video, "_after_seek", lambda *a: seeks.append(a[3]) or after_seek(*a))
    assert numbers(load(path, max_frames=4)) == spread(250, 4)
    assert sum(packet is not None for packet in decoded) <= 48
    assert bool(seeks) == (name != "sparse.ts")


def test_an_unreliable_seek_is_given_up_for_plain_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", 250, gop=10, rate=25)
    monkeypatch.setattr(timeline.Timeline, "position_of", lambda self, pts: None)
    assert numbers(load(path, max_frames=4)) == spread(250, 4)


def test_no_decoded_frame_outlives_its_use(tmp_path: Path) -> None:
    """A frame asked for its side data used to stay until the collector ran: 350 MB more for a 1080p clip."""
    path = write_clip(tmp_path / "a.mp4", 60)
    gc.collect()
    gc.disable()
    try:
        load(path, fps=10.0)
        alive = sum(issubclass(type(item), av.VideoFrame) for item in gc.get_objects())  # asking an object may warn
    finally:
        gc.enable()
    assert alive <= 2


def test_frames_are_resized_with_the_filter_of_pictures(tmp_path: Path) -> None:
    from PIL import Image

    picture = np.random.default_rng(5).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    media = load(write_clip(tmp_path / "a.mkv", [picture] * 4, "ffv1", size=(200, 120), pix_fmt="bgr0"), LIMITS)
    tall, wide = media.frames.shape[1:3]
    expected = np.asarray(Image.fromarray(picture).resize((wide, tall), Image.Resampling.BICUBIC))
    assert np.array_equal(media.frames[0], expected)


@pytest.mark.parametrize(
    ("name", "size", "duration", "taken"),
    [
        ("bigbuckbunny.mp4", (1280, 720), 5.28, 10),
        ("intel_car_5s.mp4", (768, 432), 5.12, 10),
        ("mdn_flower.mp4", (960, 540), 5.005, 10),
        ("gen_friday_rot90.mov", (480, 360), 3.0, 6),
    ],
)
def test_real_clips(name: str, size: tuple[int, int], duration: float, taken: int) -> None:
    if not (SHARED / name).exists():
        pytest.skip("the shared clips are not here")
    media = load(SHARED / name)
    assert (media.width, media.height) == size and media.warnings == []
    assert media.duration == pytest.approx(duration, abs=0.01) and len(media.frames) == taken
    assert float(media.frames.std()) > 10
