"""`qwenvl chat`: one question after another, over a pipe and at a terminal."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from model.errors import PromptError
from model.generate import Run
from qwenvl_cli.environment import local_engine
from qwenvl_cli.media.source import LoadedMedia
from qwenvl_cli.results import Message
from tests.cli.harness import TEXT, FakeEngine, Result, cli
from tests.tiny import make_checkpoint

Make = Callable[..., Path]


def asked(engine: FakeEngine) -> list[tuple[str, list[str]]]:
    """What was asked: the text, and the names of what was shown with it."""
    return [
        (str(messages[-1].parts[-1]), [Path(item.path).name for item in media]) for messages, media, _ in engine.asked
    ]


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str | type[BaseException]) -> None:
    """Let these lines be typed, or keys that raise; the end of input after them."""
    left = iter(lines)

    def read(prompt: str = "") -> str:
        line = next(left, EOFError)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)


def at_terminal(*argv: object, engine: FakeEngine) -> Result:
    return cli("chat", *argv, engine=engine, tty=True, stdin_tty=True)


def test_every_line_of_a_pipe_is_a_question(picture: Make) -> None:
    """The media are shown with the first; stdout has the answers alone."""
    engine = FakeEngine()
    path = picture()
    result = cli("chat", path, engine=engine, stdin="What?\n\n  图里有什么？ \nWhy?".encode())
    assert (result.exit_code, result.stdout) == (0, f"{TEXT}\n" * 3)
    assert asked(engine) == [("What?", ["apple.png"]), ("图里有什么？", []), ("Why?", [])]
    assert len(engine.chats) == 1 and ">" not in result.stdout


def test_records_are_of_turns(picture: Make) -> None:
    """Each with what it showed."""
    path = picture()
    records = cli("chat", path, "--json", stdin=b"What?\nWhy?\n").records
    assert [record["prompt"] for record in records] == ["What?", "Why?"]
    assert [len(record["media"]) for record in records] == [1, 0] and records[0]["text"] == TEXT


def test_media_can_be_added_and_all_be_forgotten(picture: Make, tmp_path: Path) -> None:
    """By a command, or by a line of nothing but files as terminals write what is dropped on them."""
    one, two = picture("a b.png"), picture("c.png")
    odd = str(one).replace(" ", "\\ ")
    lines = [f"/add '{one}' {two}", "What?", odd, "Why?", "/new", f"{one}", "/new", "Who?", "/quit", "never"]
    engine = FakeEngine()
    result = cli("chat", engine=engine, stdin="\n".join(lines).encode())
    assert result.exit_code == 0, result.stderr
    assert asked(engine) == [("What?", ["a b.png", "c.png"]), ("Why?", ["a b.png"]), ("Who?", [])]
    assert len(engine.chats) == 3
    assert f"{one}: image 60x50, shown with the next question\n" in result.stderr


def test_what_goes_wrong_ends_a_turn_and_not_the_session(picture: Make, tmp_path: Path) -> None:
    """Over a pipe the exit code tells of it; what a refused question showed waits for the next."""

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        if messages[-1].parts[-1] == "long":
            raise PromptError("the prompt takes 9 tokens", "shorten it")
        return TEXT

    engine, path = FakeEngine(answer=answer), picture()
    lines = f"/add {tmp_path}/no.png\n/add\n/what\nlong\nshort\n"
    result = cli("chat", path, engine=engine, stdin=lines.encode())
    assert (result.exit_code, result.stdout) == (3, TEXT + "\n")
    for cause in (
        f"{tmp_path}/no.png: there is no such file\nhint: check the name",
        "/add names no file\nhint: /add photo.jpg",
        "/what is no command and no file\nhint: /help",
        "the prompt takes 9 tokens\nhint: shorten it",
        "4 of 5 turns failed",
    ):
        assert f"error: {cause}" in result.stderr
    assert asked(engine) == [("long", ["apple.png"]), ("short", ["apple.png"])]
    assert cli("chat", engine=engine, stdin=b"long").exit_code == 2
    failed = cli("chat", "--json", engine=engine, stdin=b"long").json
    assert (failed["error"]["message"], failed["prompt"]) == ("the prompt takes 9 tokens", "long")


def test_media_are_looked_at_before_anything_is_asked(picture: Make, broken: Path, tmp_path: Path) -> None:
    """As in ask; standard input is taken."""
    for name, code in ((tmp_path / "no.png", 4), (broken, 4), ("-", 2), (tmp_path, 2)):
        result = cli("chat", name, stdin=b"What?")
        assert (result.exit_code, result.stdout) == (code, ""), result.stderr


def test_a_session_at_the_terminal(monkeypatch: pytest.MonkeyPatch, picture: Make) -> None:
    """Help, an error that is no end, the end of input."""
    typed(monkeypatch, "/help", "/what", "What?")
    engine = FakeEngine()
    result = at_terminal(picture(), engine=engine)
    assert result.exit_code == 0 and asked(engine) == [("What?", ["apple.png"])]
    assert "/new " in result.stderr and "/what is no command and no file" in result.stderr
    assert "apple" in result.stdout


def test_ctrl_c_stops_an_answer_and_twice_at_the_prompt_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked before and after counts."""

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        if messages[-1].parts[-1] == "stop":
            raise KeyboardInterrupt
        return TEXT

    engine = FakeEngine(answer=answer)
    typed(monkeypatch, "stop", KeyboardInterrupt, "go", KeyboardInterrupt, KeyboardInterrupt, "never")
    result = at_terminal(engine=engine)
    assert (result.exit_code, [text for text, _ in asked(engine)]) == (130, ["stop", "go"])
    assert "stopped" in result.stderr and "Ctrl-D or /quit ends" in result.stderr
    assert cli("chat", engine=engine, stdin=b"stop\ngo\n").exit_code == 130


def test_what_a_question_showed_waits_where_nothing_came_of_it(monkeypatch: pytest.MonkeyPatch, picture: Make) -> None:
    """Stopped or failed before its answer began; one that has begun has been shown its picture."""

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        if (said := messages[-1].parts[-1]) in ("stop", "full"):
            raise KeyboardInterrupt if said == "stop" else MemoryError
        return TEXT

    engine = FakeEngine(answer=answer)
    typed(monkeypatch, "stop", "full", "go", "more", "/quit")
    assert at_terminal(picture(), engine=engine).exit_code == 0
    shown = ["apple.png"]
    assert asked(engine) == [("stop", shown), ("full", shown), ("go", shown), ("more", [])]


def test_what_the_network_has_read_is_not_shown_twice(monkeypatch: pytest.MonkeyPatch, picture: Make) -> None:
    """Though nothing of the answer has come when a question is stopped or fails."""

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        if (said := messages[-1].parts[-1]) in ("stop", "full"):
            engine.chats[-1].taken += 1
            raise KeyboardInterrupt if said == "stop" else MemoryError
        return TEXT

    engine, two = FakeEngine(answer=answer), picture("two.png")
    typed(monkeypatch, "stop", "go", f"/add {two}", "full", "go", "/quit")
    assert at_terminal(picture(), engine=engine).exit_code == 0
    assert asked(engine) == [("stop", ["apple.png"]), ("go", []), ("full", ["two.png"]), ("go", [])]


def test_a_model_of_single_questions_says_so_once(picture: Make) -> None:
    """When it first matters."""
    told = cli("chat", engine=FakeEngine(remembers=False), stdin=b"a\nb\nc\n").stderr
    assert told.count("this model takes each question by itself") == 1
    assert "by itself" not in cli("chat", engine=FakeEngine(remembers=False), stdin=b"a\n").stderr
    assert "by itself" not in cli("chat", engine=FakeEngine(), stdin=b"a\nb\n").stderr


def test_the_network_remembers(picture: Make, tmp_path: Path) -> None:
    """A second question reads only what is new, and is answered in the light of the first."""
    model = make_checkpoint(tmp_path / "tiny")
    where = ("--model", model, "--device", "cpu", "--max-tokens", 8)

    def talk(*lines: str, of: Path = model) -> list[Any]:
        result = cli("chat", picture(), "--json", *where, stdin="\n".join(lines).encode(), make_engine=local_engine)
        assert result.exit_code == 0, result.stderr
        return result.records

    first, second = talk("What?", "Why?")
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"] + 5
    assert second["usage"]["vision_tokens"] == first["usage"]["vision_tokens"] > 0
    assert second["timing"]["vision_s"] < first["timing"]["vision_s"]
    [anew] = talk("Why?")
    assert anew["usage"]["prompt_tokens"] < second["usage"]["prompt_tokens"]
    generation = model / "generation_config.json"
    kept = json.loads(generation.read_text()) if generation.exists() else {}
    generation.write_text(json.dumps({**kept, "single_turn": True}))
    first, second = talk("What?", "What?")
    assert second["usage"]["prompt_tokens"] == first["usage"]["prompt_tokens"]
    assert second["usage"]["vision_tokens"] == first["usage"]["vision_tokens"]


def test_a_picture_that_was_read_by_a_stopped_question_stays(
    monkeypatch: pytest.MonkeyPatch, picture: Make, tmp_path: Path
) -> None:
    """The next question is about it, and is not shown it once more."""
    choose, stops = Run.choose, iter([True])

    def stopped(run: Run, logits: Any) -> Any:
        if next(stops, False):
            raise KeyboardInterrupt
        return choose(run, logits)

    monkeypatch.setattr(Run, "choose", stopped)
    typed(monkeypatch, "What?", "Why?", "/quit")
    where = ("--model", make_checkpoint(tmp_path / "tiny"), "--device", "cpu", "--max-tokens", 8, "--json")
    result = cli("chat", picture(), *where, tty=True, stdin_tty=True, make_engine=local_engine)
    assert "stopped" in result.stderr and (result.json["prompt"], result.json["media"]) == ("Why?", [])
    assert result.json["usage"]["vision_tokens"] > 0
