"""Wrong usage is exit 2, two exact lines on stderr, nothing on stdout, and no engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.harness import cli

Make = Callable[..., Path]

CASES = [
    (["--temperature", "-1"], "--temperature -1 is out of range", "give a value from 0 to 10"),
    (["--temperature", "nan"], "--temperature nan is out of range", "give a value from 0 to 10"),
    (["--top-p", "0"], "--top-p 0 is out of range", "give a value above 0 and up to 1"),
    (["--top-k", "-1"], "--top-k -1 is out of range", "give a value from 0 to 1e+06"),
    (["--max-tokens", "0"], "--max-tokens 0 is out of range", "give a value from 1 to 131072"),
    (["--repetition-penalty", "0"], "--repetition-penalty 0 is out of range", "give a value above 0 and up to 10"),
    (["--seed", "-4"], "--seed -4 is out of range", "give a value from 0 to 9.22337e+18"),
    (["--fps", "0"], "--fps 0 is out of range", "give a value above 0 and up to 240"),
    (["--max-frames", "0"], "--max-frames 0 is out of range", "give a value from 1 to 100000"),
    (
        ["--min-pixels", "5000", "--max-pixels", "4000"],
        "--min-pixels 5000 is above --max-pixels 4000",
        "swap the two values",
    ),
    (["--start", "1:30", "--end", "90"], "--start 90 s is not before --end 90 s", "swap the two values"),
    (["--device", "gpu"], "--device 'gpu' is not a device", "use auto, cpu, cuda, cuda:1 or mps"),
    (["--stop", ""], "--stop is empty", "give the text that ends the answer, or leave --stop out"),
    (["--quiet", "--verbose"], "--quiet and --verbose contradict each other", "leave one of them out"),
    (["--prompt", " "], "the prompt is empty", "write what you want to know"),
    (
        ["--prompt", "@/no/such"],
        "cannot read the text file /no/such: No such file or directory",
        "write @@ for a text that begins with @",
    ),
    (["--xyzzy"], "no such option: --xyzzy", "qwenvl describe --help lists what is possible"),
    (
        ["--start", "soon"],
        "invalid value for '--start': 'soon' is not a time; write seconds (90) or a clock (1:30, 0:01:30.5)",
        "qwenvl describe --help lists what is possible",
    ),
]


@pytest.mark.parametrize(("flags", "cause", "remedy"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_bad_flags(picture: Make, flags: list[str], cause: str, remedy: str) -> None:
    """Cause and remedy, word for word."""
    result = cli("describe", picture(), *flags)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {cause}\nhint: {remedy}\n"
    assert all(engine.started == 0 for engine in result.engines)


@pytest.mark.parametrize("command", ["describe", "ask", "batch"])
def test_flags_are_the_same_everywhere(picture: Make, command: str, tmp_path: Path) -> None:
    """Every shared flag is taken by every command that answers."""
    flags = "--model x --device cpu --dtype float32 --quantize none --attention eager --max-tokens 5 --temperature 0.5"
    flags += " --top-p 0.9 --top-k 5 --repetition-penalty 1.1 --seed 1 --stop END --system Hi --fps 1 --max-frames 4"
    flags += " --start 0 --end 9 --min-pixels 3136 --max-pixels 12544 --json --logprobs --quiet --traceback --offline"
    extra = {"describe": [], "ask": ["What is it?"], "batch": ["-o", tmp_path / "o.jsonl"]}[command]
    result = cli(command, *flags.split(), picture(), *extra)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.json["text"]


def test_missing_arguments() -> None:
    """Typer's own errors look like ours."""
    result = cli("describe")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: missing argument 'MEDIA...'\nhint: qwenvl describe --help lists what is possible\n"


def test_bad_choice_lists_the_good_ones(picture: Make) -> None:
    """The sentence is Typer's, the two lines and the code are ours."""
    result = cli("describe", picture(), "--quantize", "int2")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error: invalid value for '--quantize': " in result.stderr
    assert "'int2' is not one of 'none', 'int8', 'int4'\nhint: " in result.stderr


def test_no_command_at_all_shows_help() -> None:
    """As --help does; a group without its command is an error."""
    result = cli()
    assert (result.exit_code, result.stderr, "describe" in result.stdout) == (0, "", True)
    group = cli("models")
    assert (group.exit_code, group.stdout) == (2, "")
    assert group.stderr == "error: missing command\nhint: qwenvl models --help lists what is possible\n"


def test_unknown_command_suggests_a_near_one() -> None:
    """A typing error costs one reading."""
    result = cli("descibe")
    assert result.exit_code == 2
    assert "error: no such command 'descibe'. Did you mean 'describe'?" in result.stderr


def test_folder_address_and_terminal_are_told_what_to_do_instead(tmp_path: Path) -> None:
    """Each common mistake has its remedy."""
    folder = cli("describe", tmp_path)
    assert (folder.exit_code, folder.stdout) == (2, "")
    assert folder.stderr.endswith(f"hint: for a whole folder: qwenvl batch {tmp_path} -o captions.jsonl\n")
    address = cli("describe", "https://example.org/a.jpg")
    assert (address.exit_code, address.stdout) == (4, "")
    assert "hint: pipe it in: curl -L 'https://example.org/a.jpg' | qwenvl describe -\n" in address.stderr
    terminal = cli("describe", "-", stdin_tty=True)
    assert (terminal.exit_code, terminal.stderr.splitlines()[0]) == (2, "error: standard input is a terminal")
    assert cli("describe", "-", "-", stdin=b"x").exit_code == 2


def test_ask_wants_files_and_then_a_question(picture: Make) -> None:
    """The last argument is the question."""
    path = picture()
    example = 'hint: put the question last, in quotes: qwenvl ask photo.jpg "What is this?"\n'
    cases = [
        ([path], 2, f"there is no question, only files (the last is {path})"),
        (["What is it?"], 2, "there is a question but no picture or clip"),
        ([path, " "], 2, "the question is empty"),
        ([path, "other.jpg"], 4, "other.jpg does not exist"),
    ]
    for arguments, code, cause in cases:
        result = cli("ask", *arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"error: {cause}\n{example}")


@pytest.mark.parametrize("question", ["Please look closely: " + "what is it? " * 30, "请问" * 97])
def test_a_question_may_be_longer_than_a_file_name(picture: Make, question: str) -> None:
    assert cli("ask", picture(), question).exit_code == 0


def test_a_name_that_cannot_be_looked_up_does_not_stop_the_others(picture: Make) -> None:
    """Too long, or within a folder that may not be read: its own error, as for any other bad file."""
    good, long = picture(), "x" * 300
    result = cli("describe", good, long)
    assert result.exit_code == 3 and f"== {good} ==" in result.stdout
    assert f"error: {long} cannot be read: " in result.stderr
    assert cli("describe", long).exit_code == 4
    assert (cli("describe", "").exit_code, cli("ask", "", "What?").exit_code) == (2, 2)


def test_idle_sampling_flags_are_named(picture: Make) -> None:
    """Greedy decoding ignores them, and the user should know."""
    result = cli("describe", picture(), "--top-p", "0.5", "--seed", "3")
    assert result.exit_code == 0
    assert "warning: --top-p, --seed without --temperature changes nothing: the answer is greedy\n" in result.stderr
