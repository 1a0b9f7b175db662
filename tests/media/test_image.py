"""Still pictures: every mode and orientation comes out as upright RGB at the size the published rule gives."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.geometry import smart_resize
from qwenvl_cli.errors import ExitCode, MediaError
from qwenvl_cli.media.image import to_rgb
from qwenvl_cli.media.source import LoadedMedia
from tests.media.makers import LIMITS, SHARED, STORED, UPRIGHT, corners, load, quadrants

ORIENTATION = 0x0112


def _save(picture: Image.Image, path: Path, **options: object) -> LoadedMedia:
    picture.save(path, **options)
    return load(path)


def _grey(media: LoadedMedia) -> list[int]:
    """Three samples from left to right of a picture made of three grey thirds."""
    row = media.frames[0, media.frames.shape[1] // 2]
    assert np.array_equal(row[:, 0], row[:, 1]) and np.array_equal(row[:, 0], row[:, 2])
    return [int(row[len(row) * part // 6, 0]) for part in (1, 3, 5)]


def _thirds(values: tuple[float, float, float], kind: type) -> np.ndarray:
    return np.repeat(np.array([values], dtype=kind), 28, axis=1).repeat(56, axis=0)


@pytest.mark.parametrize("form", ["jpg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("turn", STORED)
def test_exif_orientation_is_turned_upright(form: str, turn: int, tmp_path: Path) -> None:
    upright = quadrants(168, 112)
    stored = upright if STORED[turn] is None else upright.transpose(STORED[turn])
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    media = _save(stored, tmp_path / f"turned.{form}", exif=exif)
    assert (media.width, media.height) == (168, 112) and media.frames.shape == (1, 112, 168, 3)
    assert corners(media.frames[0]) == UPRIGHT


def test_unreadable_exif_is_no_error(tmp_path: Path) -> None:
    media = _save(quadrants(), tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken", quality=95)
    assert corners(media.frames[0]) == UPRIGHT


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_alpha_is_laid_over_white(mode: str, tmp_path: Path) -> None:
    """Left half opaque black, right half fully transparent black: dropped alpha would leave all of it black."""
    if mode == "P":
        picture = Image.new("P", (84, 56), 0)
        picture.paste(1, (42, 0, 84, 56))
        picture.putpalette([0, 0, 0, 0, 0, 0])
        media = _save(picture, tmp_path / "a.png", transparency=bytes([255, 0]))
    else:
        pixels = np.zeros((56, 84, 4), np.uint8)
        pixels[:, :42, 3] = 255
        media = _save(Image.fromarray(pixels).convert(mode), tmp_path / "a.png")
    assert media.frames[0, 28, [10, 70]].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("mode", ["PA", "RGBa"])
def test_rarer_alpha_modes_are_laid_over_white(mode: str) -> None:
    clear = Image.new(mode, (4, 4), (0, 0, 0, 0) if mode == "RGBa" else (0, 0))
    assert np.asarray(to_rgb(clear)).min() == 255


def test_half_transparency_is_mixed_with_white(tmp_path: Path) -> None:
    media = _save(Image.new("RGBA", (56, 56), (255, 0, 0, 128)), tmp_path / "a.png")
    assert np.abs(media.frames[0, 28, 28].astype(int) - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_transparent_colour_is_laid_over_white(mode: str, tmp_path: Path) -> None:
    picture = Image.new(mode, (56, 56))
    media = _save(picture, tmp_path / "a.png", transparency=0 if mode == "L" else (0, 0, 0))
    assert media.frames.min() == 255


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    deep = _thirds((0, 32768, 65535), np.uint16)
    for name in ("a.png", "a.tiff", "a.pgm"):
        assert _grey(_save(Image.fromarray(deep), tmp_path / name)) == [0, 128, 255], name


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ((0, 32768, 65535), np.int32, [0, 128, 255]),
        ((-100, 0, 300), np.int32, [0, 64, 255]),
        ((0.0, 0.5, 1.0), np.float32, [0, 128, 255]),
        ((0.0, 100.0, 255.0), np.float32, [0, 100, 255]),
        ((-4.0, 0.0, 12.0), np.float32, [0, 64, 255]),
        ((0.0, float("nan"), 1.0), np.float32, [0, 0, 255]),
        ((0.5, float("inf"), 0.0), np.float32, [128, 128, 0]),
        ((float("-inf"), 100.0, 200.0), np.float32, [100, 100, 200]),
        ((-4.0, float("-inf"), 12.0), np.float32, [0, 0, 255]),
        ((float("nan"), float("-inf"), float("inf")), np.float32, [0, 0, 255]),
    ],
)
def test_deep_tiff_is_brought_to_eight_bits(
    values: tuple[float, float, float], kind: type, expected: list[int], tmp_path: Path
) -> None:
    assert _grey(_save(Image.fromarray(_thirds(values, kind)), tmp_path / "a.tiff")) == expected


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr"])
def test_plain_modes_keep_their_colours(mode: str, tmp_path: Path) -> None:
    if mode == "YCbCr":  # compressed: Pillow 12 writes it plain, and cannot read that again
        media = _save(quadrants().convert(mode), tmp_path / "a.tiff", compression="tiff_lzw")
    else:
        media = _save(quadrants().convert(mode), tmp_path / "a.png")
    if mode == "1":
        picture = np.asarray(quadrants().convert("1").convert("RGB").resize((84, 56)))
        assert np.array_equal(media.frames[0], picture)
    elif mode != "L":
        assert corners(media.frames[0]) == UPRIGHT
    else:
        assert media.frames[0, 14, 21].tolist() == [76] * 3


def test_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    cyan = Image.new("CMYK", (56, 56), (255, 0, 0, 0))
    media = _save(cyan, tmp_path / "a.jpg", quality=100)
    assert np.abs(media.frames[0, 28, 28].astype(int) - (0, 255, 255)).max() < 6


FORMS = ["jpg", "png", "webp", "bmp", "tiff", "ppm", "ico", "gif", "avif", "jp2", "qoi", "tga"]


@pytest.mark.parametrize("form", FORMS)
def test_formats_are_known_by_their_bytes(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    quadrants().save(path)
    wrong = path.rename(tmp_path / "a.mp4")
    if form == "tga":  # has no signature: any bytes could be one
        with pytest.raises(MediaError, match="neither a picture nor a clip"):
            load(wrong)
        return
    media = load(wrong)
    assert media.kind == "image" and media.sampled_fps == 1.0 and media.frame_times == []
    assert corners(media.frames[0]) == UPRIGHT


def test_the_resize_is_one_bicubic_to_the_size_of_the_rule(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for width, height in [(97, 61), (700, 30), (640, 480), (1200, 900), (29, 29)]:
        picture = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        media = _save(picture, tmp_path / "a.png")
        tall, wide = smart_resize(height, width, min_pixels=LIMITS.image_min, max_pixels=LIMITS.image_max)
        expected = np.asarray(picture.resize((wide, tall), Image.Resampling.BICUBIC))
        assert np.array_equal(media.frames[0], expected)
        assert (media.width, media.height) == (width, height)
        assert media.tokens == tall * wide // 784 and media.grid == (1, tall // 14, wide // 14)


def test_tiny_pictures_are_scaled_up(tmp_path: Path) -> None:
    for size in [(1, 1), (3, 5), (27, 27), (2, 300)]:
        media = _save(Image.new("RGB", size, (10, 200, 30)), tmp_path / "a.png")
        assert min(media.frames.shape[1:3]) >= 28 and media.padding == (0, 0, 0, 0) and media.warnings == []
        assert media.frames[0, -1, -1].tolist() == [10, 200, 30]


@pytest.mark.parametrize("size", [(4000, 4), (3, 1500)])
def test_extreme_aspects_are_padded_with_white(size: tuple[int, int], tmp_path: Path) -> None:
    media = _save(Image.new("RGB", size, (0, 0, 0)), tmp_path / "a.png")
    left, top, right, bottom = media.padding
    tall, wide = media.frames.shape[1:3]
    assert (media.width, media.height) == size and "200:1" in media.warnings[0]
    assert media.frames[0, tall // 2, wide // 2].max() < 140
    if size[0] > size[1]:
        assert left == right == 0 and 0 < top < tall / 2 and 0 < bottom < tall / 2
        assert media.frames[0, 0, 0].tolist() == media.frames[0, -1, -1].tolist() == [255] * 3
    else:
        assert top == bottom == 0 and 0 < left < wide / 2 and 0 < right < wide / 2


def test_later_pages_of_a_tiff_are_announced_and_left(tmp_path: Path) -> None:
    pages = [quadrants(), Image.new("RGB", (84, 56))]
    media = _save(pages[0], tmp_path / "a.tiff", save_all=True, append_images=pages[1:])
    assert media.kind == "image" and corners(media.frames[0]) == UPRIGHT and "2 pages" in media.warnings[0]


def test_heic_without_its_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x08free")
    with pytest.raises(MediaError) as caught:
        load(tmp_path / "a.jpg")
    assert caught.value.hint == 'pip install "qwenvl[heic]"' and caught.value.exit_code == ExitCode.MEDIA


def test_heic_with_its_extra(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    heif.from_pillow(quadrants(168, 112)).save(path, quality=95)
    assert corners(load(path).frames[0]) == UPRIGHT
    assert "HEIF" not in Image.registered_extensions().values()
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(MediaError, match="cut off"):
        load(path)


def test_real_heic_is_upright() -> None:
    pytest.importorskip("pillow_heif")
    if not (SHARED / "arrow.heic").exists():
        pytest.skip("the shared pictures are not here")
    media = load(SHARED / "arrow.heic")
    assert (media.width, media.height) == (3024, 4032)


def test_real_portrait_is_upright() -> None:
    if not (SHARED / "exif_portrait_6.jpg").exists():
        pytest.skip("the shared pictures are not here")
    media = load(SHARED / "exif_portrait_6.jpg")
    assert (media.width, media.height) == (1200, 1800)
    sky, ground = media.frames[0, : len(media.frames[0]) // 3], media.frames[0, -len(media.frames[0]) // 6 :]
    assert sky.mean() > ground.mean() + 20


def test_the_same_picture_from_memory_has_the_same_pixels(tmp_path: Path) -> None:
    from qwenvl_cli.media.source import SamplingOptions, open_media

    path = tmp_path / "a.png"
    quadrants().save(path)
    piped = open_media("-", LIMITS, SamplingOptions(), stdin=io.BytesIO(path.read_bytes()))
    assert np.array_equal(piped.frames, load(path).frames) and piped.path == "-"
    assert piped.sha256 == load(path).sha256
