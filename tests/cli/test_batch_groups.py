"""`qwenvl batch --batch-size N`: items answered together are as good as alone, in their order, in trouble too."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qwenvl_cli.answering import Decoded
from qwenvl_cli.batch.groups import MOST_TOKENS, Groups, Opened
from qwenvl_cli.engine import Request
from qwenvl_cli.environment import local_engine
from qwenvl_cli.options import AnswerOptions
from qwenvl_cli.results import Finished
from tests.cli.harness import TEXT, FakeEngine, cli
from tests.cli.test_batch import failing, names, records
from tests.tiny import make_checkpoint

Make = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, picture: Make) -> Path:
    """Return a folder with five pictures of unlike content."""
    for name in "abcde":
        picture(f"{name}.png", tmp_path / "photos")
    return tmp_path / "photos"


def opened(*tokens: int | None) -> Iterator[Opened]:
    """Items of so many tokens; None for one that could not be opened."""
    for index, count in enumerate(tokens):
        media: Any = [SimpleNamespace(tokens=count)]
        yield f"{index}", ValueError() if count is None else Decoded(media, 0.0)


def sizes(size: int, *tokens: int | None) -> list[int]:
    """How long the groups of such items are."""
    return [len(group) for group in Groups(size).of(opened(*tokens))]


def test_groups_are_of_like_length_and_fit() -> None:
    """Each is given as soon as it is full; a clip among pictures would fill their rows with padding."""
    assert sizes(2, 50, 60, 50, 40, 50) == [2, 2, 1] and sizes(1, 50, 60) == [1, 1] and sizes(4) == []
    assert sizes(4, 50, 60, 2000, 50, 50) == [2, 1, 2] and sizes(4, 100, 250, 100) == [2, 1]
    assert sizes(4, *[MOST_TOKENS // 2] * 3) == [2, 1] and sizes(4, MOST_TOKENS * 2, 50) == [1, 1]
    assert sizes(3, None, 50, None, 60) == [3, 1] and sizes(4, None, None) == [2]
    lazy = opened(50, 50, 50)
    next(Groups(2).of(lazy))
    assert len(list(lazy)) == 1


def test_a_lowered_size_holds_from_the_next_group_on() -> None:
    """It is lowered where memory ran out."""
    groups, found = Groups(3), []
    for group in groups.of(opened(*[9] * 8)):
        found.append(len(group))
        groups.size = 2
    assert found == [3, 2, 2, 1]


def test_the_records_are_those_of_one_at_a_time(folder: Path, tmp_path: Path) -> None:
    """In the order of the files, and it is no other setting: a run may go on with another size."""
    one, many, engine = tmp_path / "one.jsonl", tmp_path / "many.jsonl", FakeEngine()
    cli("batch", folder, "-o", one, "--batch-size", 1)
    cli("batch", folder, "-o", many, "--batch-size", 3, engine=engine)
    assert engine.groups == [3, 2]
    timeless = [[{**record, "timing": None} for record in records(path)] for path in (one, many)]
    assert timeless[0] == timeless[1] and len(timeless[0]) == 5
    assert "5 already done" in cli("batch", folder, "-o", one, "--batch-size", 2).stderr


def test_trouble_is_one_items_own(folder: Path, tmp_path: Path) -> None:
    """The others of its group are answered; what cannot be opened is recorded in its place."""
    (folder / "b.png").write_bytes(b"no picture")
    out, engine = tmp_path / "o.jsonl", failing("d.png")
    result = cli("batch", folder, "-o", out, "--batch-size", 5, engine=engine)
    assert (result.exit_code, names(out)) == (3, ["a.png", "b.png", "c.png", "d.png", "e.png"])
    assert [(record["error"] or {}).get("type") for record in records(out)] == [
        None, "MediaError", None, "GenerationError", None,
    ]  # fmt: skip
    asked = "Describe this image."  # unless nobody knows what the file is
    assert [record["prompt"] for record in records(out)] == [asked, "", asked, asked, asked]
    assert engine.groups == [4, 2, 2, 1, 1]
    assert result.stderr.count("d.png: logits are not finite") == 1


class Small(FakeEngine):
    """Has memory for two at a time."""

    def generate_batch(self, requests: Sequence[Request], options: AnswerOptions, *, logprobs: bool) -> list[Finished]:
        """Answer two, or run out of memory."""
        if len(requests) > 2:
            self.groups.append(-len(requests))
            raise MemoryError
        return super().generate_batch(requests, options, logprobs=logprobs)


def test_out_of_memory_goes_on_with_fewer(folder: Path, tmp_path: Path) -> None:
    """Nothing fails, the later groups are smaller at once, and the user is told."""
    out, engine = tmp_path / "o.jsonl", Small()
    result = cli("batch", folder, "-o", out, "--batch-size", 3, engine=engine)
    assert (result.exit_code, len(records(out)), engine.groups) == (0, 5, [-3, 2, 1, 2])
    assert "warning: memory ran out with 3 files at a time: the last had --batch-size 2\n" in result.stderr


def test_ctrl_c_loses_no_more_than_the_group(folder: Path, tmp_path: Path) -> None:
    """What was done before is kept."""

    def answer(messages: Any, media: Any) -> str:
        if media[0].path.endswith("d.png"):
            raise KeyboardInterrupt
        return TEXT

    out = tmp_path / "o.jsonl"
    result = cli("batch", folder, "-o", out, "--batch-size", 2, engine=FakeEngine(answer=answer))
    assert (result.exit_code, names(out)) == (130, ["a.png", "b.png"])
    assert "2 of 5 files are done and kept" in result.stderr


def test_sizes_out_of_range_are_usage(folder: Path, tmp_path: Path) -> None:
    """Told before anything is made."""
    for size in (0, -1, 257):
        result = cli("batch", folder, "-o", tmp_path / "o.jsonl", "--batch-size", size)
        assert (result.exit_code, result.engines) == (2, [])
        assert result.stderr == f"error: --batch-size {size} is out of range\nhint: give a value from 1 to 256\n"


def test_the_bar_names_a_group(folder: Path, tmp_path: Path) -> None:
    """By its first file."""
    shown = cli("batch", folder, "-o", tmp_path / "a.jsonl", tty=True, engine=FakeEngine(delay_s=0.05)).stderr
    assert "a.png and 3 more" in shown and "5/5" in shown


def test_the_network_answers_together_as_alone(tmp_path: Path, folder: Path, picture: Make) -> None:
    """Pictures of several sizes; the times are shares, so none is nothing."""
    picture("f.png", folder, size=(200, 60))
    where = ("--model", make_checkpoint(tmp_path / "tiny"), "--device", "cpu", "--max-tokens", 24)
    told = []
    for size in (1, 4):
        out = tmp_path / f"{size}.jsonl"
        assert cli("batch", folder, "-o", out, "--batch-size", size, *where, make_engine=local_engine).exit_code == 0
        told.append([(r["media"][0]["path"], r["text"], r["usage"]) for r in records(out)])
        stages = ("vision_s", "prefill_s", "generate_s", "tokens_per_s")
        assert all(record["timing"][stage] > 0 for record in records(out) for stage in stages)
    assert told[0] == told[1] and len(told[0]) == 6
