"""Packed assets: what a split may see, names, colours from pixels, and the file format; on tiny packs made here."""

import json
import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from model.training import colours
from model.training.assets import fonts, photos, tint
from model.training.assets.blobs import AssetsMissing, AssetsWithheld, Blobs, write_blobs
from model.training.assets.clipart import chosen
from model.training.assets.names import held_style, icon_exceptions, named_things
from model.training.assets.pack import Pack
from model.training.assets.things import Wanted, cut_out, encoded, pack_style, wanted

RED, BLUE = (222, 28, 32, 255), (35, 80, 215, 255)


def drawing(rgba: tuple[int, int, int, int], size: tuple[int, int] = (60, 30)) -> Image.Image:
    """A filled rectangle somewhere in a transparent square."""
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((20, 40, 19 + size[0], 39 + size[1]), fill=rgba)
    return image


def blob(rgba: tuple[int, int, int, int]) -> tuple[bytes, dict[str, object]]:
    cut = cut_out(drawing(rgba))
    assert cut is not None
    return encoded(cut), {"colours": tint.measured(np.asarray(cut))}


def row(name: str, codes: list[str], held: str, cpu: bool) -> dict[str, object]:
    more = {"plural": f"{name}s", "zh": "物", "article": "a", "group": "object"}
    return {"name": name, "codes": codes, "held": held, "cpu": cpu, **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two things in three styles to learn from and one unseen; training does not see cup as b."""
    drawn: dict[str, dict[str, list[str]]] = {}
    for place, style, codes in (
        ("things", "a", ["C1", "C2", "H1"]),
        ("things", "b", ["C1", "H1"]),
        ("things", "clipart", ["C1/1"]),
        ("unseen", "z", ["C1"]),
    ):
        colour = BLUE if style == "z" else RED
        write_blobs(tmp_path / place / f"{style}.blobs", [(code, *blob(colour)) for code in codes])
        drawn[style] = {"cup": [c for c in codes if c[0] == "C"], "hat": [c for c in codes if c[0] == "H"]}
    index = {
        "styles": {"things": ["a", "b", "clipart"], "unseen": ["z"]},
        "things": [row("cup", ["C1", "C2"], "b", True), row("hat", ["H1"], "", False)],
        "drawn": drawn,
    }
    (tmp_path / "things.json").write_text(json.dumps(index), encoding="utf-8")
    return tmp_path


def test_each_split_sees_its_own_drawings(folder: Path) -> None:
    pack = Pack(folder)
    cup, hat = pack.things("train")
    assert pack.drawings(cup, "train") == (("a", "C1"), ("a", "C2"), ("clipart", "C1/1"))
    assert pack.drawings(cup, "held") == (("b", "C1"),)
    assert pack.drawings(cup, "unseen") == (("z", "C1"),)
    assert pack.drawings(hat, "train") == (("a", "H1"), ("b", "H1"))
    assert [thing.name for thing in pack.things("held")] == ["cup"]
    assert [thing.name for thing in pack.things("unseen")] == ["cup"]
    assert [thing.name for thing in pack.things("train", "cpu")] == ["cup"]
    assert pack.styles("train") == pack.styles("held") == ("a", "b", "clipart")
    assert pack.styles("unseen") == ("z",)


@pytest.mark.parametrize(("style", "code", "split"), [("z", "C1", "train"), ("z", "C1", "held"), ("b", "C1", "train")])
def test_what_is_held_out_is_refused(folder: Path, style: str, code: str, split: str) -> None:
    pack = Pack(folder)
    with pytest.raises(AssetsWithheld):
        pack.image(style, code, split)  # type: ignore[arg-type]
    with pytest.raises(AssetsWithheld):
        pack.colours(style, code, split)  # type: ignore[arg-type]


def test_what_training_sees_is_not_an_examination(folder: Path) -> None:
    for style, split in (("a", "held"), ("a", "unseen")):
        with pytest.raises(AssetsWithheld):
            Pack(folder).image(style, "C1", split)  # type: ignore[arg-type]


def test_images_are_cut_to_what_is_visible(folder: Path) -> None:
    image = Pack(folder).image("a", "C1")
    assert image.shape == (48, 96, 4)
    assert image.dtype == np.uint8
    assert image[24, 48, 3] == 255
    assert Pack(folder).colours("a", "C1") == (("red", 1.0),)
    assert Pack(folder).colours("z", "C1", "unseen") == (("blue", 1.0),)


def test_a_pack_goes_to_a_worker(folder: Path) -> None:
    pack = Pack(folder)
    before = pack.image("clipart", "C1/1")
    assert np.array_equal(pickle.loads(pickle.dumps(pack)).image("clipart", "C1/1"), before)


def test_what_is_missing_says_how_to_make_it(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AssetsMissing) as missing:
        Pack(tmp_path / "nowhere").things()
    assert f"python -m model.training.assets --out {tmp_path / 'nowhere'}" in missing.value.hint
    with pytest.raises(AssetsMissing, match="no thing"):
        Pack(folder).image("a", "XX")
    (folder / "things" / "a.blobs").write_bytes(b"something else altogether")
    with pytest.raises(AssetsMissing, match="not a pack"):
        Pack(folder).image("a", "C1")


def test_blobs_come_back_as_written(tmp_path: Path) -> None:
    items = [(f"k{i}", bytes([i]) * i, {"number": i}) for i in range(5)]
    size = write_blobs(tmp_path / "x" / "some.blobs", items)
    blobs = Blobs(tmp_path / "x" / "some.blobs")
    assert [(key, blobs.data(key), blobs.facts(key)) for key in blobs] == items
    assert len(blobs) == 5
    assert "k3" in blobs
    assert "k9" not in blobs
    assert size == blobs.path.stat().st_size
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["some.blobs"]


def test_colours_are_called_what_people_call_them() -> None:
    for name, anchors in colours.ANCHORS.items():
        numbers = tint.named(np.array(anchors, dtype=np.uint8))
        assert {colours.NAMES[number] for number in numbers} == {name}
    tints = {(173, 216, 230): "blue", (20, 30, 80): "blue", (255, 204, 77): "yellow", (102, 33, 19): "brown"}
    for rgb, name in tints.items():
        assert colours.NAMES[tint.named(np.array([rgb], dtype=np.uint8))[0]] == name


def test_invisible_pixels_have_no_colour() -> None:
    image = np.zeros((10, 10, 4), np.uint8)
    assert tint.measured(image) == ()
    image[:, :3] = RED
    image[:, 3] = BLUE
    image[:, 4:, :3] = (40, 160, 60)
    assert tint.measured(image) == (("red", 0.75), ("blue", 0.25))


def test_hardly_visible_drawings_are_left_out() -> None:
    assert cut_out(drawing(RED, (6, 6))) is None
    assert cut_out(drawing((222, 28, 32, 5))) is None


def test_every_thing_has_one_name_in_each_language() -> None:
    things = named_things()
    short = [thing for thing in things if thing.scope == "cpu"]
    assert len(short) == 100
    for names in ([t.name for t in things], [t.zh for t in things], [code for t in things for code in t.codes]):
        assert len(names) == len(set(names))
    taken = {thing.name for thing in things} | {thing.plural for thing in things}
    assert not taken & {"star", "heart", "ring", "diamond", "circle", "cross", "arrow"}, "those are shapes"
    for thing in things:
        assert thing.plural
        assert thing.article in ("a", "an", "some", "a pair of", "")
        assert all("一" <= char <= "鿿" or (char.isascii() and char.isalnum()) for char in thing.zh)
        assert thing.zh.isascii() is False


def test_chosen_clip_art_shows_known_things() -> None:
    assert set(chosen()) <= {thing.name for thing in named_things()}


def test_photos_and_drawings_of_one_thing_share_their_names() -> None:
    drawn = {thing.name: (thing.article, thing.plural, thing.zh) for thing in named_things()}
    shown = {row["name"]: (row["article"], row["plural"], row["zh"]) for row in photos.photo_names().values()}
    shared = drawn.keys() & shown.keys()
    assert {"rose", "apple", "T-shirt"} <= shared
    assert {name: drawn[name] for name in shared} == {name: shown[name] for name in shared}
    both = drawn | shown
    assert len({zh for _, _, zh in both.values()}) == len(both)


def test_a_drawing_of_something_else_is_passed_over() -> None:
    class All:
        def draw(self, hexcode: str, published: str) -> Image.Image | None:
            return drawing(RED)

    things = tuple(thing for thing in named_things() if thing.name == "turkey")
    assert [key for _, key, _ in wanted(things, "noto", All(), {})] == list(things[0].codes)
    assert not list(wanted(things, "streamline", All(), {}))


def test_icons_with_odd_names_belong_to_things() -> None:
    known = {code for thing in named_things() for code in thing.codes}
    assert {code for _, code in icon_exceptions()} <= known


def test_the_held_out_style_is_fixed_and_spread() -> None:
    styles = ["a", "b", "c", "d"]
    picks = [held_style(f"thing {number}", styles) for number in range(200)]
    assert picks == [held_style(f"thing {number}", styles[::-1]) for number in range(200)]
    assert all(picks.count(style) > 25 for style in styles)
    assert held_style("rare", ["a", "b"]) == ""


def test_what_is_packed_is_not_drawn_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def found(*keys: str) -> Iterator[Wanted]:
        for key in keys:
            yield "cup", key, partial(ask, key)

    def ask(key: str) -> Image.Image | None:
        asked.append(key)
        return None if key == "C9" else drawing(RED)

    path = tmp_path / "things" / "a.blobs"
    assert pack_style(path, found("C1", "C9")) == {"cup": ["C1"]}
    first = Blobs(path).data("C1")
    assert pack_style(path, found("C1", "C2"), fresh=False) == {"cup": ["C1", "C2"]}
    assert asked == ["C1", "C9", "C2"]
    assert Blobs(path).data("C1") == first
    assert Blobs(path).facts("C2") == {"colours": [["red", 1.0]]}
    pack_style(path, found("C2"))
    assert asked[3:] == ["C2"]
    assert list(Blobs(path)) == ["C2"]


def labelled(folder: Path, count: int) -> list[dict[str, str]]:
    rows = [
        {"file": f"flowers/{n}.webp", "split": "val" if n % 4 == 0 else "train", "label": "roses"} for n in range(count)
    ]
    (folder / "photos" / "flowers").mkdir(parents=True)
    lines = ["file,split,label", *(f"{row['file']},{row['split']},{row['label']}" for row in rows)]
    (folder / "photos" / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    for row in rows:
        Image.new("RGB", (192, 96), RED[:3]).save(folder / "photos" / row["file"])
    return rows


def test_photos_keep_split_name_and_licence(tmp_path: Path) -> None:
    labelled(tmp_path, 12)
    said: list[str] = []
    photos.pack_photos(tmp_path / "out", tmp_path, 5, said.append)
    pack = Pack(tmp_path / "out")
    learned, examined = pack.photos("train"), pack.photos("val")
    assert (len(learned), len(examined)) == (5, 3)
    assert (learned[0].name, learned[0].zh, learned[0].licence) == ("rose", "玫瑰", "CC-BY-2.0")
    assert pack.photo(learned[0].key).shape == (64, 128, 3)
    assert pack.photo_colours(learned[0].key) == pack.photo_colours(learned[0].key, middle=True) == (("red", 1.0),)
    assert said


def test_the_middle_of_a_photo_has_its_own_colours() -> None:
    photo = Image.new("RGB", (80, 40), RED[:3])
    ImageDraw.Draw(photo).rectangle((20, 10, 59, 29), fill=BLUE[:3])
    assert photos.measured(photo) == {"colours": (("red", 0.75), ("blue", 0.25)), "middle": (("blue", 1.0),)}


def test_a_font_is_cut_to_what_is_written(tmp_path: Path) -> None:
    pytest.importorskip("fontTools")
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "A", "B"])
    builder.setupCharacterMap({65: "A", 66: "B"})
    builder.setupGlyf({name: TTGlyphPen(None).glyph() for name in (".notdef", "A", "B")})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", "A", "B"), (500, 0)))
    builder.setupHorizontalHeader()
    builder.setupNameTable({"familyName": "Tiny", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "tiny.ttf")
    assert fonts.subset(tmp_path / "tiny.ttf", tmp_path / "cut.ttf", "AZ") == "A"
    assert list(TTFont(tmp_path / "cut.ttf").getBestCmap()) == [65]


def test_a_face_of_capitals_writes_no_small_letters() -> None:
    wanted = {face.name: set(face.wanted()) for face in fonts.FACES}
    assert wanted["Humor Sans"] & set("aA5é") == {"A", "5"}
    assert wanted["Hack"] & set("aA5é门") == set("aA5é")
    assert set("aA5é门") <= wanted["WenQuanYi Micro Hei"]


def test_common_chinese_is_there() -> None:
    chars = fonts.common_chinese()
    assert len(chars) > 3755
    assert set("你好出口停车猫狗，。") <= set(chars)
