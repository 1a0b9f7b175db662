"""`qwenvl batch`: what its sources name, and what becomes of those that cannot be read."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwenvl_cli.batch.plan import find
from qwenvl_cli.batch.runner import digest_or_none
from tests.cli.harness import TEXT, cli
from tests.cli.test_batch import names, records

Make = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, picture: Make) -> Path:
    """Return a folder with two pictures, and one in each of two folders below it."""
    for name in ("a.png", "b.png", "deep/c.png", "deeper/d.png"):
        picture(name, tmp_path / "photos")
    return tmp_path / "photos"


def closed(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Let folders be unreadable, for root as well."""
    scandir = os.scandir

    def refuse(path: Any = ".") -> Any:
        if Path(path) in folders:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


@pytest.mark.parametrize("content", [b"%s/a.png\0%s/b.png\0", "%s/a.png\n%s/b.png\n".encode("utf-16")])
def test_a_list_with_nul_bytes_is_refused_whole(content: bytes, folder: Path, out: Path) -> None:
    """A forgotten -0, or a list that another system saved in UTF-16."""
    listed = out.with_name("list.txt")
    listed.write_bytes(content.replace(b"%s", bytes(folder)))
    for result in (cli("batch", "-", "-o", out, stdin=listed.read_bytes()), cli("batch", listed, "-o", out)):
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "error: the list is separated by NUL bytes, or is UTF-16\nhint: add -0, or save the list as UTF-8\n"
        )
    assert not out.exists()
    assert digest_or_none("a\0b.png") is None


def test_a_shells_star_takes_long_named_captions_for_no_lists(folder: Path, out: Path, picture: Make) -> None:
    """photo.png.txt stands beside photo.png where there is a photo.gif too; the same line again does nothing."""
    picture("a.gif", folder)
    for _ in range(2):
        result = cli("batch", *sorted(folder.glob("*.*")), "-o", out, "--sidecar")
        assert (result.exit_code, names(out)) == (0, ["a.gif", "a.png", "b.png"])
    assert {path.name for path in folder.glob("*.txt")} == {"a.gif.txt", "a.png.txt", "b.txt"}


def test_a_list_beside_the_folder_that_holds_it(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be `.`, which has no name; as a line of a list it is an item that fails."""
    monkeypatch.chdir(folder)
    Path("list.txt").write_text("deep/c.png\n.\n")
    result = cli("batch", ".", "list.txt", "-o", out, "--sidecar")
    assert (result.exit_code, "unexpected" in result.stderr) == (3, False)
    assert names(out) == ["a.png", "b.png", "c.png", "d.png", ""]
    assert [bool(record["error"]) for record in records(out)] == [False] * 4 + [True]


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="pipes have no names here")
@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_named_pipe_is_a_list(end: str, folder: Path, out: Path) -> None:
    """As a shell hands over <(find ...)."""
    reading, writing = os.pipe()
    with open(writing, "w") as pipe:
        pipe.write(f"{folder}/b.png{end}{folder}/deep/c.png{end}")
    with open(reading, "rb"):
        result = cli("batch", f"/dev/fd/{reading}", "-o", out, *(["-0"] if end == "\0" else []))
    assert (result.exit_code, names(out)) == (0, ["b.png", "c.png"]), result.stderr


def test_an_empty_name_is_refused(out: Path) -> None:
    """`qwenvl batch "$DIR"` with DIR unset must not caption the current folder."""
    result = cli("batch", "", "-o", out)
    assert (result.exit_code, result.engines) == (2, [])
    assert result.stderr.startswith("error: an empty name was given") and "\nhint: " in result.stderr


def test_folders_that_cannot_be_read_are_told_of(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning each, and exit 3 after all others are done, also when run again."""
    closed(monkeypatch, folder / "deep", folder / "deeper")
    for _ in range(2):
        result = cli("batch", folder, "-o", out)
        assert (result.exit_code, names(out)) == (3, ["a.png", "b.png"])
        for name in ("deep", "deeper"):
            assert f"warning: {folder}/{name} could not be read: Permission denied\n" in result.stderr
        assert "error: all files found are done, but " in result.stderr
        assert " and 1 more could not be read\nhint: change the permissions" in result.stderr
    (folder / "b.png").write_bytes(b"no picture")
    assert f"error: 1 of 2 files failed, but {folder}/deep" in cli("batch", folder, "-o", out).stderr


def test_many_closed_folders_are_counted(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a thousand lines."""
    inner = [folder / f"{number}" for number in range(9)]
    for each in inner:
        each.mkdir()
    closed(monkeypatch, *inner)
    result = cli("batch", folder, "-o", out)
    assert (result.exit_code, result.stderr.count("Permission denied")) == (3, 5)
    assert "warning: 4 more like this\n" in result.stderr


def test_a_closed_folder_that_was_asked_for(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It, or all that is in it: nothing is done and the reason is named."""
    closed(monkeypatch, folder / "deep")
    result = cli("batch", f"{folder}/deep/", "-o", out)
    assert (result.exit_code, result.engines, out.exists()) == (4, [], False)
    assert result.stderr == (
        f"error: {folder}/deep could not be read: Permission denied\nhint: change its permissions\n"
    )
    (folder / "a.png").unlink(), (folder / "b.png").unlink(), (folder / "deeper/d.png").unlink()
    told = cli("batch", folder, "-o", out).stderr
    assert told.startswith(f"error: no pictures or clips in {folder}; {folder}/deep could not be read: Permission")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_closed_folders_of_a_real_system(folder: Path, out: Path) -> None:
    """The same without a stand-in, and a file in such a folder."""
    (folder / "deep").chmod(0)
    try:
        result = cli("batch", folder, folder / "deep/c.png", "-o", out)
    finally:
        (folder / "deep").chmod(0o755)
    assert (result.exit_code, names(out)) == (3, ["a.png", "b.png", "d.png", "c.png"])


def test_a_name_that_cannot_be_looked_up_fails_alone(folder: Path, out: Path) -> None:
    """Too long a name is an item with an error; so would be one in a closed folder."""
    long = "x" * 300 + ".png"
    result = cli("batch", folder / "a.png", folder / long, "-o", out, "--sidecar")
    assert (result.exit_code, names(out)) == (3, ["a.png", long])
    first, second = records(out)
    assert (first["text"], second["error"]["type"]) == (TEXT, "MediaError")


def test_a_file_in_a_closed_folder_is_taken_as_an_item(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is known to be absent ends the run."""
    stat = os.stat

    def refuse(path: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(str(folder / "deep")):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **more)

    monkeypatch.setattr(os, "stat", refuse)
    paths = [str(folder / "deep/c.png"), str(folder / "a.png")]
    assert find(paths, stdin=io.BytesIO()).paths == paths


@pytest.mark.parametrize("pattern", ["**/*.png", "*/*.png", "deep*/?.png"])
def test_folders_that_a_glob_cannot_look_into_are_told(
    pattern: str, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(monkeypatch, folder / "deep")
    result = cli("batch", folder / pattern, "-o", out)
    assert result.exit_code == 3
    assert str(folder / "deep") in result.stderr and "Permission denied" in result.stderr
    assert "d.png" in names(out) and "c.png" not in names(out)
