"""What cannot be read is a MediaError with one line of cause and one of remedy, and nothing on the terminal."""

import hashlib
import io
import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from qwenvl_cli.errors import ExitCode, MediaError, UsageError
from qwenvl_cli.media.image import MOST_PIXELS
from qwenvl_cli.media.source import SamplingOptions, digest, open_media, sniff
from tests.media.makers import LIMITS, load, numbered, numbers, quadrants, write_clip, write_sound


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def _encoded(form: str) -> bytes:
    random = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(random).save(buffer, form)
    return buffer.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"just some notes about a picture\n" * 9, "neither a picture nor a clip"),
    "play list": (lambda: b"#EXTM3U\nhttp://example.org/a.ts\n", "neither a picture nor a clip"),
    "drawing": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "neither a picture nor a clip"),
    "bomb": (lambda: _png_header(60_000, 60_000), "too many pixels"),
    "small bomb": (lambda: _png_header(12_000, 9_000), "too many pixels"),
    "header only": (lambda: b"\xff\xd8\xff\xe0", "damaged"),
    "cut jpeg": (lambda: _encoded("JPEG")[:3000], "damaged or cut off"),
    "cut png": (lambda: _encoded("PNG")[:3000], "damaged or cut off"),
    "cut webp": (lambda: _encoded("WEBP")[:3000], "damaged"),
    "cut avif": (lambda: _encoded("AVIF")[:-500], "cut off"),
    "cut tiff": (lambda: _encoded("TIFF")[:3000], "damaged"),
    "cut bmp": (lambda: _encoded("BMP")[:3000], "damaged"),
    "clip without a head": (lambda: b"\0\0\0\x14ftypisom\0\0\2\0isom\0\0\0\x10mdat" + bytes(500), "cannot be opened"),
    "noise as matroska": (lambda: b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 20, "cannot be opened"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_told_in_two_lines(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make, cause = BAD[name]
    path = tmp_path / "bad.jpg"
    path.write_bytes(make())
    with pytest.raises(MediaError, match=cause) as caught:
        load(path)
    error = caught.value
    assert error.exit_code == ExitCode.MEDIA == 4
    assert error.message.startswith(f"{path}: ")
    assert error.hint and "\n" not in error.message + error.hint
    assert capfd.readouterr() == ("", "")


def test_paths_that_hold_no_file(tmp_path: Path) -> None:
    for path, cause, remedy in [
        (str(tmp_path / "none.jpg"), "no such file", "check the name"),
        ("https://example.org/a.jpg", "no such file", "download"),
        (str(tmp_path), "folder", "qwenvl batch"),
        ("a\0b", "zero byte", "names"),
    ]:
        with pytest.raises(MediaError, match=cause) as caught:
            load(path)
        assert remedy in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    quadrants().save(path)
    path.chmod(0)
    with pytest.raises(MediaError, match="Permission"):
        load(path)


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    for name, codec in (("a.m4a", "aac"), ("a.mkv", "aac")):
        with pytest.raises(MediaError, match="sound but no video"):
            load(write_sound(tmp_path / name, codec))


def test_pictures_and_frames_may_have_as_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One limit, which the remedy names; HEIC, which Pillow does not open itself, has it too."""
    assert Image.MAX_IMAGE_PIXELS == MOST_PIXELS
    huge = SimpleNamespace(HeifImageFile=lambda handle: Image.new("1", (12_000, 9_000)))
    monkeypatch.setitem(sys.modules, "pillow_heif", huge)
    for name, content in {
        "a.png": _png_header(12_000, 9_000),
        "a.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "a.y4m": b"YUV4MPEG2 W12000 H9000 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(999),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match="too many") as caught:
            load(tmp_path / name)
        assert caught.value.hint.startswith("make a smaller copy first, of up to 89 megapixels; ")


@pytest.mark.parametrize(
    "tail", [b"\n", b"SEFT" * 3, b"\xff" * 99, bytes(5), b"\0\0\0\x08free" + b"junk that a phone appended"]
)
def test_bytes_behind_the_last_box_are_no_missing_end(tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    path.write_bytes(_encoded("AVIF") + tail)
    media = load(path)
    assert (media.kind, media.warnings) == ("image", [])
    path.write_bytes(_encoded("AVIF")[:-500] + tail)
    with pytest.raises(MediaError, match="cut off"):
        load(path)


def test_a_clip_cut_off_at_its_end_gives_what_is_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_clip(tmp_path / "a.mp4", 60, options={"movflags": "faststart"}, gop=5)
    import av

    fast = tmp_path / "fast.mp4"
    with av.open(str(path)) as source, av.open(str(fast), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    # Cut before a key frame: how many bytes a frame has is up to the encoder's threads.
    with av.open(str(fast)) as source:
        keys = [packet.pos for packet in source.demux(video=0) if packet.is_keyframe]
    fast.write_bytes(fast.read_bytes()[: keys[8]])
    media = load(fast, fps=10.0)
    taken = numbers(media)
    assert taken == list(range(len(taken))) and 20 <= len(taken) < 56
    assert any("cut off" in note and "of 60 frames" in note for note in media.warnings)
    assert capfd.readouterr() == ("", "")
    path.write_bytes(path.read_bytes()[:-200])  # here the index stands at the end
    with pytest.raises(MediaError, match="cannot be opened"):
        load(path)


def test_a_clip_that_an_edit_list_trims_is_not_called_cut_off(tmp_path: Path) -> None:
    """Its header still counts all frames, of which half are shown."""
    path = write_clip(tmp_path / "trimmed.mp4", 60, bframes=0)
    data = bytearray(path.read_bytes())
    at = data.find(b"elst") + 12  # version and flags, count of entries; then the first entry's length
    data[at : at + 4] = (3000).to_bytes(4, "big")
    path.write_bytes(data)
    media = load(path)
    assert media.warnings == [] and media.duration == pytest.approx(3.0, abs=0.4)


def test_damage_inside_a_clip_is_survived_and_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_clip(tmp_path / "a.ts", 60, "mpeg2video", rate=25, gop=5)
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) // 2, 50):
        if at % 188 > 8:
            data[at] ^= 0xFF
    path.write_bytes(data)
    media = load(path, fps=25.0)
    assert any("damaged" in note for note in media.warnings)
    assert numbers(media)[-1] >= 57 and numbers(media)[0] == 0
    assert capfd.readouterr() == ("", "")


def test_only_the_end_of_a_stream_is_left_when_recording_began_late(tmp_path: Path) -> None:
    """A transport stream cut in between key frames: what comes before the first one cannot be decoded."""
    path = write_clip(tmp_path / "a.ts", 60, "mpeg2video", rate=25, gop=10, bframes=0)
    data = path.read_bytes()
    path.write_bytes(data[len(data) // 188 // 4 * 188 :])
    taken = numbers(load(path, fps=25.0))
    assert taken[-1] == 59 and taken == list(range(taken[0], 60)) and 10 <= taken[0] <= 30


def test_start_beyond_the_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20)
    with pytest.raises(MediaError, match="beyond the end of the clip, which lasts 2 s") as caught:
        load(path, start=2.0)
    assert "--start below 2" in caught.value.hint


@pytest.mark.parametrize(
    "wish",
    [{"fps": 0.0}, {"fps": float("nan")}, {"max_frames": 0}, {"start": -1.0}, {"end": 0.0}, {"start": 2.0, "end": 2.0}],
)
def test_impossible_wishes_are_usage_errors(wish: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        SamplingOptions(**wish)  # type: ignore[arg-type]


def test_standard_input_takes_pictures_and_clips(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20)
    with path.open("rb") as pipe:
        media = open_media("-", LIMITS, SamplingOptions(), stdin=pipe)
    assert numbers(media) == [0, 6, 13, 19] and media.path == "-"
    assert media.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == digest(str(path))
    for nothing in (io.BytesIO(b""), None):
        with pytest.raises(MediaError, match=r"^standard input: ") as caught:
            open_media("-", LIMITS, SamplingOptions(), stdin=nothing)
        assert caught.value.exit_code == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    buffer = io.BytesIO()
    Image.fromarray(numbered(5)).save(buffer, "PNG")
    writer = threading.Thread(target=lambda: path.write_bytes(buffer.getvalue()))
    writer.start()
    media = load(path)
    writer.join()
    assert numbers(media) == [5]


def test_names_mean_nothing(tmp_path: Path) -> None:
    for name in ("clip.jpg", "concat:a|b", "file:x", "%03d.png", "-x", "мир 世界.txt"):
        path = write_clip(tmp_path / "a.mp4", 4).rename(tmp_path / name)
        assert numbers(load(path)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe1", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", "animation"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"RIFF\0\0\0\0sfbk", None),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "image"),
        (b"\0\0\0\x1cftypavis\0\0\0\0avisavifmsf1", "animation"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image"),
        (b"\0\0\0\x1cftypmp42\0\0\0\0mp42isommif1", "video"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        ((b"\x47" + bytes(187)) * 4, "video"),
        ((bytes(4) + b"\x47" + bytes(187)) * 4, "video"),
        (b"\x47ee, just a text", None),
        (b"P6\n3 3\n255\n", "image"),
        (b"P6 is a chip", "image"),
        (b"Photos", None),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_sniffing(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind


SEEDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")


@pytest.mark.parametrize("form", SEEDS)
def test_only_media_errors_escape_from_damaged_pictures(form: str, tmp_path: Path) -> None:
    _survives(_encoded(form), tmp_path, rounds=25)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_only_media_errors_escape_from_damaged_clips(name: str, codec: str, tmp_path: Path) -> None:
    _survives(write_clip(tmp_path / name, 10, codec).read_bytes(), tmp_path, rounds=15)


def _survives(data: bytes, folder: Path, rounds: int) -> None:
    random = np.random.default_rng(7)
    for _ in range(rounds):
        damaged = bytearray(data[: int(random.integers(8, len(data) + 1))])
        for at in random.integers(0, min(len(damaged), 600), 6):
            damaged[at] = int(random.integers(0, 256))
        path = folder / "damaged"
        path.write_bytes(damaged)
        try:
            media = load(path)
        except MediaError as error:
            assert error.hint
        else:
            assert media.frames.shape[0] >= 1
