"""`qwenvl batch`: what is found, what is written, and that resuming never loses or repeats work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.errors import GenerationError, WeightsError
from qwenvl_cli.batch.lock import WriterLock
from tests.cli.harness import TEXT, FakeEngine, cli

Make = Callable[..., Path]


def records(path: Path) -> list[Any]:
    """Read the records of a finished run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(path: Path) -> list[str]:
    """Return the file names that the records are about."""
    return [Path(record["media"][0]["path"]).name for record in records(path)]


@pytest.fixture
def folder(tmp_path: Path, picture: Make) -> Path:
    """Return a folder with three pictures, one of them deeper, and things that are none."""
    root = tmp_path / "photos"
    for name in ("b.png", "a.PNG", "deep/c.png", ".hidden.png", ".git/d.png"):
        picture(name, root)
    (root / "notes.md").write_text("no picture")
    return root


def test_a_folder_is_searched_sorted_and_recorded(folder: Path, tmp_path: Path) -> None:
    """Recursive, by suffix, hidden entries left out; stdout stays empty."""
    out = tmp_path / "o.jsonl"
    result = cli("batch", folder, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert names(out) == ["a.PNG", "b.png", "c.png"]
    assert all(record["text"] == TEXT and record["error"] is None for record in records(out))
    assert result.stderr.startswith(f"{out}: 3 answered, 0 failed, 0 already done in 0:0")
    assert not (tmp_path / "o.jsonl.lock").exists()


def test_records_echo_to_stdout_with_json(folder: Path, tmp_path: Path) -> None:
    """The same lines as in the file."""
    out = tmp_path / "o.jsonl"
    assert cli("batch", folder, "-o", out, "--json").stdout == out.read_text(encoding="utf-8")


def test_globs_lists_and_standard_input(folder: Path, tmp_path: Path) -> None:
    """A list keeps its order; NUL separates where names may hold newlines."""
    out = tmp_path / "o.jsonl"
    assert cli("batch", f"{folder}/**/*.png", "-o", out).exit_code == 0
    assert names(out) == ["b.png", "c.png"]
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder}/deep/c.png\r\n\n  {folder}/b.png\n{folder}/b.png\n")
    assert cli("batch", listed, "-o", out, "--overwrite").exit_code == 0
    assert names(out) == ["c.png", "b.png"]
    odd = folder / "new\nline.png"
    odd.write_bytes((folder / "b.png").read_bytes())
    assert cli("batch", "-", "-0", "-o", out, "--overwrite", stdin=f"{odd}\0".encode()).exit_code == 0
    assert names(out) == ["new\nline.png"]


def test_a_shells_star_does_not_take_captions_for_lists(folder: Path, tmp_path: Path) -> None:
    """photos/* holds photo.txt beside photo.jpg after --sidecar."""
    (folder / "b.txt").write_text("a caption, not a path\n")
    out = tmp_path / "o.jsonl"
    assert cli("batch", folder / "b.png", folder / "b.txt", "-o", out).exit_code == 0
    assert names(out) == ["b.png"]


def test_a_second_run_does_nothing_and_loads_nothing(folder: Path, tmp_path: Path) -> None:
    """Resume is the default."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out)
    before = out.read_bytes()
    again = cli("batch", folder, "-o", out)
    assert (again.exit_code, again.engines[0].started, again.engines[0].loaded) == (0, 0, 0)
    assert out.read_bytes() == before
    assert again.stderr.startswith(f"{out}: 0 answered, 0 failed, 3 already done in 0:0")


def test_other_settings_or_content_are_answered_anew(folder: Path, tmp_path: Path, picture: Make) -> None:
    """And the earlier records stay."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out)
    cli("batch", folder, "-o", out, "--prompt", "What colour?")
    assert names(out) == ["a.PNG", "b.png", "c.png"] * 2
    assert len({record["settings"] for record in records(out)}) == 2
    picture("b.png", folder)
    cli("batch", folder, "-o", out)
    assert names(out)[6:] == ["b.png"]
    cli("batch", folder, "-o", out, engine=FakeEngine(digest="e" * 64))
    assert len(records(out)) == 10


def test_a_renamed_file_is_done_and_a_copy_is_not(folder: Path, tmp_path: Path) -> None:
    """Items are known by content; every item has its own record."""
    out = tmp_path / "o.jsonl"
    (folder / "copy.png").write_bytes((folder / "b.png").read_bytes())
    cli("batch", folder, "-o", out)
    assert len(records(out)) == 4
    (folder / "b.png").rename(folder / "z.png")
    assert "4 already done" in cli("batch", folder, "-o", out).stderr
    (folder / "copy2.png").write_bytes((folder / "z.png").read_bytes())
    cli("batch", folder, "-o", out)
    assert len(records(out)) == 5


def test_a_torn_last_line_is_dropped_and_its_item_answered(folder: Path, tmp_path: Path) -> None:
    """What a killed run or a full disk leaves."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out)
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in (1, len(lines[2]) // 2, len(lines[2]) - 2):
        out.write_bytes(b"".join(lines[:2]) + lines[2][:cut])
        result = cli("batch", folder, "-o", out)
        assert "the last line was cut off and is dropped" in result.stderr
        assert names(out) == ["a.PNG", "b.png", "c.png"]
    out.write_bytes(whole[:-1])  # whole but for its newline: kept
    cli("batch", folder, "-o", out, "--prompt", "More?")
    assert len(records(out)) == 6


def test_a_bad_line_that_is_not_the_last_is_named_and_nothing_lost(folder: Path, tmp_path: Path) -> None:
    """The file may be something else altogether."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out)
    lines = out.read_text(encoding="utf-8").splitlines()
    for bad, why in (
        ("{oops", "not JSON"),
        ('{"a": 1}', "not a record of this program"),
        ('{"schema": 9}', "schema 9"),
    ):
        out.write_text("\n".join([lines[0], bad, *lines[1:]]) + "\n", encoding="utf-8")
        before = out.read_bytes()
        result = cli("batch", folder, "-o", out)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"error: {out}, line 2: {why}" in result.stderr and "nothing was changed\nhint: " in result.stderr
        assert out.read_bytes() == before
        assert not (tmp_path / "o.jsonl.lock").exists()


def failing(*bad: str) -> FakeEngine:
    """Return an engine that cannot answer files of these names."""

    def answer(messages: Any, media: Any) -> str:
        if Path(media[0].path).name in bad:
            raise GenerationError("logits are not finite", "use --dtype float32")
        return TEXT

    return FakeEngine(answer=answer)


def test_failures_become_records_and_the_run_goes_on(folder: Path, tmp_path: Path) -> None:
    """Exit 3, also when nothing is left to do but failures stand in the file."""
    out = tmp_path / "o.jsonl"
    (folder / "broken.png").write_bytes(b"no picture")
    result = cli("batch", folder, "-o", out, engine=failing("b.png"))
    assert result.exit_code == 3
    kinds = {Path(r["media"][0]["path"]).name: (r["error"] or {}).get("type") for r in records(out)}
    assert kinds == {"a.PNG": None, "b.png": "GenerationError", "broken.png": "MediaError", "c.png": None}
    assert all(len(record["media"][0]["sha256"]) == 64 for record in records(out))
    assert "b.png: logits are not finite\nhint: use --dtype float32\n" in result.stderr
    again = cli("batch", folder, "-o", out)
    assert (again.exit_code, len(records(out)), again.engines[0].started) == (3, 4, 0)
    assert "error: 2 of 4 files failed\nhint: " in again.stderr and "--retry-errors" in again.stderr


def test_retry_errors_replaces_only_the_failed_records(folder: Path, tmp_path: Path) -> None:
    """One record per item, however often it was tried."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out, engine=failing("b.png", "a.PNG"))
    result = cli("batch", folder, "-o", out, "--retry-errors", engine=failing("a.PNG"))
    assert result.exit_code == 3
    assert sorted(names(out)) == ["a.PNG", "b.png", "c.png"]
    assert [Path(r["media"][0]["path"]).name for r in records(out) if r["error"]] == ["a.PNG"]
    assert cli("batch", folder, "-o", out, "--retry-errors").exit_code == 0
    assert sorted(names(out)) == ["a.PNG", "b.png", "c.png"] and not any(r["error"] for r in records(out))


def test_overwrite_starts_anew_but_only_once_there_is_something_to_write(folder: Path, tmp_path: Path) -> None:
    """A model that does not load destroys nothing."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out)
    before = out.read_bytes()
    broken = FakeEngine(load_error=WeightsError("3 missing", "download again"))
    assert cli("batch", folder, "-o", out, "--overwrite", engine=broken).exit_code == 5
    assert out.read_bytes() == before
    assert cli("batch", folder, "-o", out, "--overwrite", "--prompt", "New?").exit_code == 0
    assert [record["prompt"] for record in records(out)] == ["New?"] * 3


def test_missing_files_of_a_list_are_recorded(folder: Path, tmp_path: Path) -> None:
    """The rest of the list is not lost."""
    listed = tmp_path / "list.lst"
    listed.write_text(f"{folder}/gone.png\n{folder}/b.png\n")
    out = tmp_path / "o.jsonl"
    assert cli("batch", listed, "-o", out).exit_code == 3
    assert [bool(record["error"]) for record in records(out)] == [True, False]
    assert "1 already done, 1 failed earlier" in cli("batch", listed, "-o", out).stderr


def test_sidecars_stand_beside_their_pictures(folder: Path, tmp_path: Path, picture: Make) -> None:
    """photo.txt, or photo.png.txt where two files share a stem; a later run fills in what is missing."""
    out = tmp_path / "o.jsonl"
    cli("batch", folder, "-o", out)
    assert not list(folder.rglob("*.txt"))
    picture("b.gif", folder)
    cli("batch", folder, "-o", out, "--sidecar")
    written = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.txt")}
    assert written == dict.fromkeys(["a.txt", "b.gif.txt", "b.png.txt", "deep/c.txt"], TEXT + "\n")
    assert not list(folder.rglob("*.part"))


def test_sidecars_of_others_are_kept_and_own_ones_follow(folder: Path, tmp_path: Path) -> None:
    """A caption that was written by hand is worth more than ours."""
    out = tmp_path / "o.jsonl"
    (folder / "a.txt").write_text("by hand")
    result = cli("batch", folder, "-o", out, "--sidecar")
    assert (folder / "a.txt").read_text() == "by hand"
    assert "warning: 1 existing .txt files were kept; --overwrite replaces them\n" in result.stderr
    other = FakeEngine(answer=lambda messages, media: "new")
    cli("batch", folder, "-o", out, "--sidecar", "--prompt", "x", engine=other)
    assert ((folder / "b.txt").read_text(), (folder / "a.txt").read_text()) == ("new\n", "by hand")
    cli("batch", folder, "-o", out, "--sidecar", "--overwrite")
    assert (folder / "a.txt").read_text() == TEXT + "\n"


def test_everything_checkable_is_checked_first(folder: Path, tmp_path: Path) -> None:
    """Each with cause and remedy, before an engine is made."""
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "o.jsonl"
    cases = [
        ((folder,), 2, "error: missing option '--output' / '-o'"),
        ((folder, "-o", empty), 2, f"error: {empty} is a folder\nhint: name a file in it: -o {empty}/captions.jsonl"),
        ((folder, "-o", tmp_path / "no/o.jsonl"), 2, f"error: the folder {tmp_path}/no does not exist\nhint: create"),
        ((tmp_path / "none", "-o", out), 4, f"error: {tmp_path}/none does not exist"),
        ((empty, "-o", out), 4, f"error: no pictures or clips in {empty}"),
        ((folder / "b.png", "-o", folder / "b.png"), 2, "error: "),
    ]
    for arguments, code, text in cases:
        result = cli("batch", *arguments)
        assert (result.exit_code, result.stdout, result.engines) == (code, "", []), arguments
        assert result.stderr.startswith(text), result.stderr
    assert not out.exists()


def test_ctrl_c_keeps_what_is_done_and_names_the_command(folder: Path, tmp_path: Path) -> None:
    """Without --overwrite, which would throw the work away."""
    out = tmp_path / "o.jsonl"

    def answer(messages: Any, media: Any) -> str:
        if media[0].path.endswith("b.png"):
            raise KeyboardInterrupt
        return TEXT

    result = cli("batch", folder, "-o", out, "--overwrite", "--batch-size", 1, engine=FakeEngine(answer=answer))
    assert (result.exit_code, names(out)) == (130, ["a.PNG"])
    assert result.stderr == (
        "error: interrupted; 1 of 3 files are done and kept\n"
        f"hint: go on with: qwenvl batch {folder} -o {out} --batch-size 1\n"
    )
    assert cli("batch", folder, "-o", out).exit_code == 0
    assert names(out) == ["a.PNG", "b.png", "c.png"]


def test_low_confidence_is_summed_up(folder: Path, tmp_path: Path) -> None:
    """One line for the run, the detail in each record."""
    out = tmp_path / "o.jsonl"
    result = cli("batch", folder, "-o", out, engine=FakeEngine(probability=0.2))
    assert "warning: 3 answers have low confidence, see their 'warnings'\n" in result.stderr
    assert all("low confidence" in record["warnings"][0] for record in records(out))


def test_a_bar_is_drawn_on_a_terminal_only(folder: Path, tmp_path: Path) -> None:
    """And is gone at the end; --quiet draws none."""
    shown = cli("batch", folder, "-o", tmp_path / "a.jsonl", tty=True)
    assert "3/3" in shown.stderr and "\x1b[" in shown.stderr and shown.stdout == ""
    quiet = cli("batch", folder, "-o", tmp_path / "b.jsonl", "--quiet", tty=True)
    assert (quiet.exit_code, quiet.stderr) == (0, "")


def test_retry_errors_also_drops_the_failure_of_a_file_that_was_replaced(
    folder: Path, tmp_path: Path, picture: Make
) -> None:
    """It is known by its path, since its content is another; also where the new content has been answered since."""
    out = tmp_path / "o.jsonl"
    for answered_before in (False, True):
        (folder / "b.png").write_bytes(b"damaged")
        assert cli("batch", folder, "-o", out, "--overwrite").exit_code == 3
        picture("b.png", folder)
        if answered_before:
            assert cli("batch", folder, "-o", out).exit_code == 0
            assert len(records(out)) == 4
        assert cli("batch", folder, "-o", out, "--retry-errors").exit_code == 0
        assert sorted(names(out)) == ["a.PNG", "b.png", "c.png"] and not any(r["error"] for r in records(out))


def test_an_output_that_is_a_link_stays_one(folder: Path, tmp_path: Path) -> None:
    """What it leads to is replaced, and locked."""
    real, link = tmp_path / "disk/real.jsonl", tmp_path / "o.jsonl"
    real.parent.mkdir()
    link.symlink_to(real)
    cli("batch", folder, "-o", link, engine=failing("b.png"))
    lock = WriterLock(real)
    lock.acquire()
    assert cli("batch", folder, "-o", link).exit_code == 2
    lock.release()
    assert cli("batch", folder, "-o", link, "--retry-errors").exit_code == 0
    assert (link.is_symlink(), sorted(names(real))) == (True, ["a.PNG", "b.png", "c.png"])
    assert sorted(path.name for path in real.parent.iterdir()) == ["real.jsonl"]


def test_traceback_shows_where_an_item_failed(folder: Path, tmp_path: Path) -> None:
    """The frames of the error itself, and of what it came from."""
    (folder / "b.png").write_bytes(b"no picture")

    def answer(messages: Any, media: Any) -> str:
        raise LookupError("a bug")

    engine = FakeEngine(answer=answer)
    plain = cli("batch", folder, "-o", tmp_path / "o.jsonl", engine=engine)
    assert (plain.exit_code, "Traceback" in plain.stderr) == (3, False)
    for tty in (False, True):
        told = cli("batch", folder, "-o", tmp_path / "o.jsonl", "--overwrite", "--traceback", engine=engine, tty=tty)
        assert ", in answer\n" in told.stderr and "LookupError: a bug\n" in told.stderr
        assert ", in open_media\n" in told.stderr and "The above exception was the direct cause" in told.stderr


def test_verbose_tells_of_each_item(folder: Path, tmp_path: Path) -> None:
    """The same lines as those of describe, and no bar between them."""
    for tty in (False, True):
        told = cli("batch", folder, "-o", tmp_path / "o.jsonl", "--overwrite", "--verbose", tty=tty).stderr
        assert told.count("model fake (dddddddddddd), float32") == 3
        assert f"{folder}/b.png: image 60x50, grid" in told and "decode " in told
        assert "3/3" not in told
    assert "grid" not in cli("batch", folder, "-o", tmp_path / "o.jsonl", "--overwrite").stderr
