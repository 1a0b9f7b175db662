"""Where the drawings come from: files named by code points, icon sets named by words, and the command's refusals."""

import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from model.training.assets import fetch
from model.training.assets.__main__ import main
from model.training.assets.blobs import AssetsMissing
from model.training.assets.drawings import TRAIN, UNSEEN, Files, Icons, icon_name, plain_code, spellings
from model.training.assets.names import published_names, rows, shared_folder

SQUARE = '<rect width="{}" height="{}" fill="#dd2030"/>'


def test_code_points_lose_their_selectors() -> None:
    assert plain_code("2764-fe0f-200d-1f525") == "2764-200D-1F525"


def test_published_names_become_icon_names() -> None:
    assert icon_name("Mrs. Claus") == "mrs-claus"
    assert icon_name("piñata") == "pinata"
    assert icon_name("woman’s hat") == "womans-hat"
    assert spellings("fire-engine") == ["fire-engine", "fire-engine-face", "fire-engine-1", "fireengine"]


def test_files_are_found_by_code(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (9, 9, 9, 255)).save(tmp_path / "1f431.webp")
    style = Files(tmp_path, "*.webp")
    found = style.draw("1F431", "cat face")
    assert found is not None
    assert found.mode == "RGBA"
    assert style.draw("1F432", "dragon face") is None


def test_icons_are_found_by_name_and_rendered(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    (tmp_path / "package").mkdir()
    icons = {
        "fox-face": {"body": SQUARE.format(32, 64)},
        "cup": {"body": SQUARE.format(10, 10), "width": 10, "height": 10},
    }
    whole = {"icons": icons, "aliases": {"mug": {"parent": "cup"}}, "width": 64, "height": 64}
    (tmp_path / "package" / "icons.json").write_text(json.dumps(whole), encoding="utf-8")
    style = Icons(tmp_path, "some")
    fox, mug = style.draw("1F98A", "fox"), style.draw("XX", "mug")
    assert fox is not None
    assert mug is not None
    assert fox.getpixel((40, 96)) == (221, 32, 48, 255)
    assert fox.getpixel((150, 96))[3] == 0
    assert mug.getpixel((180, 180)) == (221, 32, 48, 255)
    assert style.draw("1F9F8", "teddy bear") is None


def test_styles_to_test_on_are_not_learned() -> None:
    unseen = {style.name for style in UNSEEN}
    assert unseen == {"openmoji", "fxemoji", "streamline"}
    assert not unseen & {style.name for style in TRAIN}
    assert not {style.source for style in UNSEEN} & {style.source for style in TRAIN}


def test_tables_are_read_with_their_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "emoji_names.tsv").write_text('hexcode\ten\n1F\ta "cat"\n', encoding="utf-8")
    assert published_names(tmp_path) == {"1F": 'a "cat"'}
    assert rows(tmp_path / "emoji_names.tsv") == [{"hexcode": "1F", "en": 'a "cat"'}]
    monkeypatch.setenv("QWENVL_ASSETS_SOURCE", str(tmp_path))
    assert shared_folder() == tmp_path
    assert shared_folder(tmp_path / "x") == tmp_path / "x"


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "out"), "--only", "sounds"]) == 2
    assert "no such part: sounds" in capsys.readouterr().err
    nowhere = [
        "--out",
        str(tmp_path / "out"),
        "--source",
        str(tmp_path / "nowhere"),
        "--cache",
        str(tmp_path / "cache"),
    ]
    assert main([*nowhere, "--only", "photos"]) == 1
    assert "--source" in capsys.readouterr().err


def test_a_package_is_got_once_and_its_version_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def npm(command: list[str], folder: Path) -> str:
        asked.append(command)
        (folder / "package").mkdir()
        (folder / "package" / "icons.json").write_text("{}", encoding="utf-8")
        with tarfile.open(folder / "some-set-1.2.tgz", "w:gz") as archive:
            archive.add(folder / "package", "package")
        return "some-set-1.2.tgz\n"

    monkeypatch.setattr(fetch, "_run", npm)
    source = fetch.Source("npm", "@some/set", "1.2", "MIT", "Somebody")
    for _ in range(2):
        assert (fetch.unpacked(source, tmp_path) / "package" / "icons.json").read_text(encoding="utf-8") == "{}"
    assert fetch.version_of(source, tmp_path) == "1.2"
    assert asked == [["npm", "pack", "--silent", "@some/set@1.2"]]


def test_a_failing_download_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AssetsMissing, match="no-such-command"):
        fetch._run(["no-such-command"], tmp_path)
    with pytest.raises(AssetsMissing) as failed:
        fetch._run(["sh", "-c", "echo broken >&2; exit 3"], tmp_path)
    assert "broken" in failed.value.message
    assert str(tmp_path) in failed.value.hint
