"""`qwenvl describe`: one answer per file, or one over all; what goes to which stream."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from model.errors import BackendUnavailable, GenerationError, WeightsError
from qwenvl_cli.media.source import LoadedMedia
from qwenvl_cli.results import Message
from tests.cli.harness import TEXT, FakeEngine, cli

Make = Callable[..., Path]


def test_one_picture_is_answered_on_stdout_and_timed_on_stderr(picture: Make) -> None:
    """The answer and nothing else goes to stdout."""
    result = cli("describe", picture())
    assert (result.exit_code, result.stdout) == (0, TEXT + "\n")
    assert (
        result.stderr == "4 tokens seen · 6 written · 12.0 tokens/s · 1.1 s · load 0.2 s\n"
        or "tokens seen" in result.stderr
    )
    assert len(result.stderr.splitlines()) == 1


def test_quiet_leaves_only_the_answer(picture: Make) -> None:
    """Neither timing nor warnings."""
    result = cli("describe", picture(), "--quiet", engine=FakeEngine(probability=0.1))
    assert (result.exit_code, result.stdout, result.stderr) == (0, TEXT + "\n", "")


def test_default_prompt_names_the_kind_and_media_come_first(picture: Make) -> None:
    """The message is the picture and then the text, without a system text of ours."""
    engine = FakeEngine()
    cli("describe", picture(), engine=engine)
    (message,) = engine.asked[0][0]
    assert (message.role, message.parts) == ("user", (0, "Describe this image."))


def test_several_files_stand_under_headers_in_order(picture: Make) -> None:
    """So that piped output of several files can be taken apart."""
    first, second = picture("b.png"), picture("a.png")
    result = cli("describe", first, second)
    assert result.stdout == f"== {first} ==\n{TEXT}\n\n== {second} ==\n{TEXT}\n"
    assert result.engines[0].started == 1


def test_together_is_one_answer_over_all(picture: Make) -> None:
    """All files in one prompt, and in one record."""
    engine = FakeEngine()
    result = cli("describe", picture("a.png"), picture("b.png"), "--together", "--json", engine=engine)
    assert [Path(item["path"]).name for item in result.json["media"]] == ["a.png", "b.png"]
    assert engine.asked[0][0][0].parts == (0, 1, "Describe these images.")


def test_system_and_prompt_may_come_from_files(picture: Make, tmp_path: Path) -> None:
    """`@file` reads the text, `@@` is a plain @."""
    (tmp_path / "p.txt").write_text("Was ist das?\n", encoding="utf-8")
    engine = FakeEngine()
    cli("describe", picture(), "--prompt", f"@{tmp_path / 'p.txt'}", "--system", "@@home", engine=engine)
    system, user = engine.asked[0][0]
    assert (system.role, system.parts, user.parts) == ("system", ("@home",), (0, "Was ist das?"))


def test_one_bad_file_of_several_does_not_stop_the_others(picture: Make, broken: Path) -> None:
    """Its error goes to stderr, the exit code is 3."""
    good = picture()
    result = cli("describe", broken, good)
    assert (result.exit_code, result.stdout) == (3, f"== {good} ==\n{TEXT}\n")
    assert f"error: {broken}" in result.stderr
    assert "error: 1 of 2 files failed\nhint: the lines above say why\n" in result.stderr


def test_all_bad_files_keep_their_own_exit_code(broken: Path, tmp_path: Path) -> None:
    """Bad media is 4, whether there is one or several."""
    assert cli("describe", broken).exit_code == 4
    result = cli("describe", broken, broken)
    assert (result.exit_code, result.stdout) == (4, "")
    nothing = cli("describe", tmp_path / "x.png", tmp_path / "y.png")
    assert (nothing.exit_code, nothing.stdout, nothing.engines) == (4, "", [])


def test_missing_file_is_told_before_an_engine_is_made(tmp_path: Path) -> None:
    """Everything that can be checked is checked before a model is loaded."""
    result = cli("describe", tmp_path / "none.png")
    assert (result.exit_code, result.stdout, result.engines) == (4, "", [])
    assert result.stderr == (
        f"error: {tmp_path}/none.png does not exist\nhint: check the spelling, and quote a name that has spaces\n"
    )


def test_json_is_one_record_per_line_failures_included(picture: Make, broken: Path) -> None:
    """A reader of JSON lines sees every item."""
    result = cli("describe", picture(), broken, "--json")
    good, bad = result.records
    assert (good["text"], good["error"], good["schema"]) == (TEXT, None, 1)
    assert (bad["text"], bad["error"]["type"], bad["media"][0]["path"]) == (None, "MediaError", str(broken))
    assert bad["error"]["hint"]
    assert result.exit_code == 3


def test_a_failed_record_holds_what_was_asked(picture: Make, broken: Path) -> None:
    """The prompt given, or the one that fits the kind of file where that is known."""

    def answer(messages: Sequence[Message], media: Sequence[LoadedMedia]) -> str:
        raise MemoryError

    def prompt(*argv: object) -> str:
        record = cli(*argv, "--json", engine=FakeEngine(answer=answer)).json
        assert record["error"] is not None
        return str(record["prompt"])

    assert prompt("describe", picture()) == "Describe this image." and prompt("describe", broken) == ""
    assert prompt("describe", broken, "--prompt", "Who?") == prompt("ask", picture(), "Who?") == "Who?"


def test_the_record_has_exactly_the_promised_fields(picture: Make) -> None:
    """Users parse it: no field may go missing or change its place in the tree."""
    path = picture()
    record = cli("describe", path, "--json").json
    assert list(record) == [
        *("schema", "media", "prompt", "text", "finish_reason", "model", "usage", "confidence", "timing", "warnings"),
        *("settings", "error"),
    ]
    (media,) = record["media"]
    assert list(media) == ["path", "kind", "width", "height", "sha256", "duration", "frames", "grid", "tokens"]
    assert (media["path"], media["kind"], media["width"], media["height"]) == (str(path), "image", 60, 50)
    assert (media["duration"], media["frames"], len(media["sha256"])) == (None, [], 64)
    assert media["tokens"] == media["grid"][0] * media["grid"][1] * media["grid"][2] // 4
    assert record["model"] == {
        "id": "fake",
        "digest": "d" * 64,
        "dtype": "float32",
        "quantize": "none",
        "device": "cpu",
    }
    assert record["usage"] == {
        "prompt_tokens": 9 + media["tokens"],
        "vision_tokens": media["tokens"],
        "completion_tokens": 6,
    }
    assert record["confidence"] == {"mean": 0.9, "min": 0.45}
    timing = record["timing"]
    assert list(timing) == ["load_s", "decode_s", "vision_s", "prefill_s", "generate_s", "tokens_per_s"]
    assert (timing["load_s"], timing["vision_s"], timing["prefill_s"]) == (0.25, 0.1, 0.2)
    assert (timing["generate_s"], timing["tokens_per_s"]) == (0.5, 12.0)


def test_logprobs_stand_in_the_record_or_on_stderr(picture: Make) -> None:
    """Only where they are asked for."""
    path = picture()
    tokens = cli("describe", path, "--json", "--logprobs").json["logprobs"]
    assert tokens[0] == {"id": 0, "token": TEXT[:3], "logprob": -0.5}
    assert "".join(token["token"] for token in tokens) == TEXT
    assert "  -0.5000  'A *'\n" in cli("describe", path, "--logprobs", "--quiet").stderr


def test_load_time_is_counted_once(picture: Make) -> None:
    """The sum over the records of a run is the run's time."""
    result = cli("describe", picture("a.png"), picture("b.png"), "--json")
    assert [record["timing"]["load_s"] for record in result.records] == [0.25, 0.0]


@pytest.mark.parametrize(("model", "named"), [("bundled", True), ("Qwen/Qwen2.5-VL-3B-Instruct", False)])
def test_low_confidence_is_told_and_recorded(picture: Make, model: str, named: bool) -> None:
    """The bundled model names a checkpoint that knows more; a published one has nothing better to name."""
    result = cli("describe", picture(), "--json", "--model", model, engine=FakeEngine(probability=0.5499))
    (warning,) = result.json["warnings"]
    assert warning.startswith("low confidence (mean token probability 0.5499, below 0.55)")
    assert ("--model Qwen/Qwen2.5-VL-3B-Instruct" in warning) is named
    assert f"warning: {warning}\n" in result.stderr
    assert cli("describe", picture(), "--json", engine=FakeEngine(probability=0.55)).json["warnings"] == []


def test_what_counts_as_low_is_the_models_own(picture: Make) -> None:
    """Its line is not part of the record, which says by its warning on which side an answer is."""
    sure, unsure = (
        cli("describe", picture(), "--json", engine=FakeEngine(probability=probability, low_confidence=0.98)).json
        for probability in (0.98, 0.9799)
    )
    assert sure["warnings"] == []
    assert unsure["warnings"][0].startswith("low confidence (mean token probability 0.9799, below 0.98)")
    assert list(sure["model"]) == ["id", "digest", "dtype", "quantize", "device"]


def test_standard_input_is_read_as_a_picture(picture: Make) -> None:
    """`-` is bytes, sniffed like any file."""
    result = cli("describe", "-", "--json", stdin=picture().read_bytes())
    assert (result.exit_code, result.json["media"][0]["path"]) == (0, "-")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WeightsError("3 missing", "download again"), 5),
        (BackendUnavailable("no cuda here", "use --device cpu"), 2),
        (MemoryError(), 6),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), 6),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), 6),
        (ZeroDivisionError("division by zero"), 1),
    ],
)
def test_loading_errors_end_the_run_with_their_code(picture: Make, error: Exception, code: int) -> None:
    """One line of cause, one of remedy, nothing on stdout."""
    result = cli("describe", picture("a.png"), picture("b.png"), engine=FakeEngine(load_error=error))
    assert (result.exit_code, result.stdout) == (code, "")
    lines = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["error", "hint"]


def test_an_error_while_generating_is_an_error_of_that_file(picture: Make) -> None:
    """The others are answered."""
    bad, good = picture("bad.png"), picture("good.png")

    def answer(messages: object, media: object) -> str:
        if media[0].path == str(bad):  # type: ignore[index]
            raise GenerationError("logits are not finite", "use --dtype float32")
        return "fine"

    result = cli("describe", bad, good, engine=FakeEngine(answer=answer))
    assert (result.exit_code, "error: logits are not finite\nhint: use --dtype float32\n" in result.stderr) == (3, True)
    assert result.stdout.endswith("fine\n")
    assert cli("describe", bad, engine=FakeEngine(answer=answer)).exit_code == 1


def test_traceback_is_shown_when_asked_for_and_the_code_stays(picture: Make) -> None:
    """The two lines come last."""
    path, engine = picture(), FakeEngine(load_error=ZeroDivisionError("division by zero"))
    result = cli("describe", path, "--traceback", engine=engine)
    assert result.exit_code == 1
    assert "Traceback (most recent call last):" in result.stderr
    assert result.stderr.endswith(
        "error: unexpected ZeroDivisionError: division by zero\n"
        "hint: run again with --traceback and report what it prints\n"
    )
    assert "Traceback" not in cli("describe", path, engine=engine).stderr


def test_ctrl_c_is_130(picture: Make) -> None:
    """What has come of the answer stays, ended by a newline."""

    def answer(messages: object, media: object) -> str:
        raise KeyboardInterrupt

    result = cli("describe", picture(), engine=FakeEngine(answer=answer))
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "error: interrupted\n")
