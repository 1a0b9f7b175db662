"""`qwenvl batch --sidecar`: captions that follow their records, names that never clash, the user's own files."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from model.errors import WeightsError
from qwenvl_cli.batch import sidecars
from qwenvl_cli.batch.sidecars import sidecar_paths
from qwenvl_cli.console import Screen
from tests.cli.harness import TEXT, FakeEngine, cli
from tests.cli.test_batch import names

Make = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, picture: Make) -> Path:
    """Return a folder with three pictures."""
    for name in ("a.png", "b.png", "c.png"):
        picture(name, tmp_path / "photos")
    return tmp_path / "photos"


def saying(text: str, *, until: str = "") -> FakeEngine:
    """Return an engine that always says the same; at one picture the user stops it."""

    def answer(messages: Any, media: Any) -> str:
        if Path(media[0].path).name == until:
            raise KeyboardInterrupt
        return text

    return FakeEngine(answer=answer)


def captions(folder: Path) -> list[str]:
    """Return what a.txt, b.txt and c.txt say, "" where there is none."""
    files = [folder / f"{name}.txt" for name in "abc"]
    return [path.read_text().strip() if path.exists() else "" for path in files]


def test_a_cut_off_overwrite_leaves_no_caption_of_before(folder: Path, out: Path) -> None:
    """The run that goes on could not tell them from the user's own; those of the user stay until they are answered."""
    cli("batch", folder, "-o", out, "--sidecar", engine=saying("A"))
    (folder / "c.txt").write_text("by hand")
    broken = FakeEngine(load_error=WeightsError("3 missing", "download again"))
    cli("batch", folder, "-o", out, "--sidecar", "--overwrite", engine=broken)
    assert captions(folder) == ["A", "A", "by hand"]
    new = ("--sidecar", "--prompt", "B")
    cutting, alone = saying("B", until="b.png"), ("--batch-size", 1)
    cut = cli("batch", folder, "-o", out, *new, "--overwrite", *alone, engine=cutting)
    assert (cut.exit_code, captions(folder)) == (130, ["B", "", "by hand"])
    gone_on = cli("batch", folder, "-o", out, *new, engine=saying("B"))
    assert captions(folder) == ["B", "B", "by hand"]
    assert "warning: 1 existing .txt files were kept; --overwrite replaces them\n" in gone_on.stderr


def test_overwrite_takes_a_file_that_is_no_journal(folder: Path, out: Path) -> None:
    """Looking for earlier captions in it must not stand in the way."""
    out.write_bytes(b"\xff\xfe anything\n")
    assert cli("batch", folder, "-o", out, "--sidecar", "--overwrite").exit_code == 0
    assert captions(folder) == [TEXT] * 3


def test_a_caption_follows_the_settings_that_are_asked_for(folder: Path, out: Path) -> None:
    """One prompt, another, the first again: done already, and still the caption is that of the last run."""
    cli("batch", folder, "-o", out, "--sidecar", engine=saying("A"))
    cli("batch", folder, "-o", out, "--sidecar", "--prompt", "B", engine=saying("B"))
    (folder / "c.txt").write_text("by hand")
    again = cli("batch", folder, "-o", out, "--sidecar", engine=saying("never asked"))
    assert ("3 already done" in again.stderr, captions(folder)) == (True, ["A", "A", "by hand"])
    assert "warning: 1 existing .txt files were kept" in again.stderr


def test_a_kill_before_the_caption_is_made_good(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, picture: Make
) -> None:
    """The record was written, its caption was not."""
    cli("batch", folder, "-o", out, "--sidecar", engine=saying("A"))

    def killed(path: Path, write: Callable[[IO[bytes]], object]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sidecars, "replace_file", killed)
        cut = cli("batch", folder, "-o", out, "--sidecar", "--prompt", "B", engine=saying("B"))
    assert (cut.exit_code, len(names(out)), captions(folder)) == (130, 4, ["A"] * 3)
    cli("batch", folder, "-o", out, "--sidecar", "--prompt", "B", engine=saying("B"))
    assert captions(folder) == ["B"] * 3


def test_a_closed_pipe_comes_after_the_caption(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`qwenvl batch --json --sidecar | head`: what is recorded has its caption."""

    def closed(screen: Screen, text: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Screen, "write", closed)
    assert cli("batch", folder, "-o", out, "--sidecar", "--json").exit_code == 141
    assert (names(out), captions(folder)) == (["a.png"], [TEXT, "", ""])


def test_an_unchanged_caption_is_not_written_again(folder: Path, out: Path) -> None:
    """Resuming ten thousand files must not write ten thousand."""
    cli("batch", folder, "-o", out, "--sidecar")
    before = (folder / "a.txt").stat()
    cli("batch", folder, "-o", out, "--sidecar")
    assert (folder / "a.txt").stat().st_ino == before.st_ino


def test_a_long_name_has_its_caption(folder: Path, out: Path, picture: Make) -> None:
    """The file that is written beside it, before it is moved, has a short name."""
    long = "x" * 247
    picture(f"{long}.png", folder)
    assert cli("batch", folder, "-o", out, "--sidecar").exit_code == 0
    assert (folder / f"{long}.txt").read_text() == TEXT + "\n"


def test_a_caption_that_cannot_be_written_is_counted(folder: Path, out: Path, picture: Make) -> None:
    """A folder of its name, or no room for a suffix: the records are what matters."""
    (folder / "a.txt").mkdir()
    for suffix in ("gif", "png"):
        picture(f"{'x' * 251}.{suffix}", folder)
    for _ in range(2):
        result = cli("batch", folder, "-o", out, "--sidecar")
        assert (result.exit_code, len(names(out)), captions(folder / "no")) == (0, 5, ["", "", ""])
        assert f"warning: {folder}/a.txt: Is a directory\n" in result.stderr
        assert "File name too long\n" in result.stderr
        assert f"warning: 3 .txt files could not be written; {out} has the captions\n" in result.stderr
        assert ((folder / "b.txt").read_text(), list(folder.glob(".*"))) == (TEXT + "\n", [])


def test_a_full_disk_ends_the_run(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that comes later would fit."""

    def full(path: Path, write: Callable[[IO[bytes]], object]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(sidecars, "replace_file", full)
    result = cli("batch", folder, "-o", out, "--sidecar")
    assert (result.exit_code, names(out)) == (1, ["a.png"])
    assert result.stderr.endswith("a.txt: No space left on device\nhint: free some space and run again\n")


def test_no_two_files_share_a_caption() -> None:
    """A long name may be another's short one."""
    paths = ["d/a.jpg", "d/a.png", "d/a.jpg.webp", "d/b.jpg", "./d/c.gif", "d/c.png", "e/a.jpg", "d/a.jpg.webp.mp4"]
    assert {path: str(sidecar) for path, sidecar in sidecar_paths(paths).items()} == {
        "d/a.jpg": "d/a.jpg.txt",
        "d/a.png": "d/a.png.txt",
        "d/a.jpg.webp": "d/a.jpg.webp.txt",
        "d/a.jpg.webp.mp4": "d/a.jpg.webp.mp4.txt",
        "d/b.jpg": "d/b.txt",
        "./d/c.gif": "d/c.gif.txt",
        "d/c.png": "d/c.png.txt",
        "e/a.jpg": "e/a.txt",
    }


def test_ctrl_c_before_the_first_answer_has_not_begun_anew(folder: Path, tmp_path: Path) -> None:
    """The old results stand, so the command that goes on still has to replace them."""
    out = tmp_path / "o.jsonl"
    assert cli("batch", folder, "-o", out).exit_code == 0

    def answer(messages: Any, media: Any) -> str:
        raise KeyboardInterrupt

    result = cli("batch", folder, "-o", out, "--overwrite", "--batch-size", 1, engine=FakeEngine(answer=answer))
    assert (result.exit_code, names(out)) == (130, ["a.png", "b.png", "c.png"])
    assert f"go on with: qwenvl batch {folder} -o {out} --overwrite --batch-size 1\n" in result.stderr


def test_boxes_are_no_captions(folder: Path, tmp_path: Path) -> None:
    """An answer of boxes is in the network's own pixels; those of the picture are in the record."""
    result = cli("batch", folder, "-o", tmp_path / "o.jsonl", "--locate", "apple", "--sidecar")
    assert result.exit_code == 2 and "--sidecar" in result.stderr and "hint:" in result.stderr
    assert not (tmp_path / "o.jsonl").exists()
