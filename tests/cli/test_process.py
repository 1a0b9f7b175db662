"""What only a real process shows: imports, killed runs, two writers, closed pipes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Make = Callable[..., Path]

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "av", "PIL", "numpy", "tokenizers", "safetensors", "huggingface_hub", "ray", "rich", "pydantic")

FAKE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs in the background ignore Ctrl-C
from qwenvl_cli import __main__, environment
from tests.cli.harness import FakeEngine
delay, text = float(os.environ.get("DELAY", "0")), os.environ.get("ANSWER", "A **red** apple.")
text = os.fsencode(text).decode()
environment.local_engine = lambda options: FakeEngine(delay_s=delay, answer=lambda messages, media: text)
__main__.main()
"""


def command(*argv: object) -> list[str]:
    """Return the command line of a process that runs qwenvl with a fake engine."""
    return [sys.executable, "-c", FAKE, *map(str, argv)]


def surroundings(**more: str) -> dict[str, str]:
    """Return the environment variables of a child."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **more}


@pytest.mark.parametrize(
    "argv", [["--help"], ["describe", "--help"], ["batch", "-h"], ["--version"], ["models", "--help"]]
)
def test_help_imports_nothing_heavy_and_is_quick(argv: list[str]) -> None:
    """Under 0.3 s of work; processor time, so that a busy machine does not fail the test."""
    code = (
        "import sys, time\n"
        f"sys.argv = ['qwenvl', *{argv!r}]\n"
        "from qwenvl_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], time.process_time(), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings(), check=True)
    assert "qwenvl" in done.stdout
    loaded, seconds = done.stderr.rsplit(" ", 1)
    assert loaded == "[]"
    assert float(seconds) < 0.3


def test_an_answer_imports_nothing_it_does_not_use(tmp_path: Path, picture: Make) -> None:
    """Flags that are plain are read without pydantic, a piped answer is written without rich."""
    flags = ("--max-tokens", "9", "--temperature", "0.5", "--dtype", "float32", "--stop", "x", "--start", "1:30")
    for more, wanted in (((), []), (flags[:8], []), (flags, ["pydantic"])):
        code = FAKE.replace("__main__.main()", f"sys.argv[1:] = ['describe', {str(picture())!r}, *{more!r}]\n") + (
            "from qwenvl_cli.app import run\n"
            "from qwenvl_cli.console import system_screen\n"
            "assert run(environment.Environment(system_screen({}), sys.argv[1:], environment.local_engine)) == 0\n"
            "unused = ('torch', 'av', 'rich', 'pydantic', 'huggingface_hub', 'asyncio', 'numpy.testing')\n"
            "print([name for name in unused if name in sys.modules], file=sys.stderr)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings())
        assert (done.returncode, done.stdout.strip()) == (0, "A **red** apple."), done.stderr
        assert done.stderr.splitlines()[-1] == str(wanted)


def test_kill_loses_only_the_item_in_flight(tmp_path: Path, picture: Make) -> None:
    """kill -9 in the middle, then the same command: every item once, no line torn."""
    folder, out = tmp_path / "photos", tmp_path / "o.jsonl"
    for number in range(12):
        picture(f"{number:02}.png", folder)
    child = subprocess.Popen(command("batch", folder, "-o", out, "-q"), env=surroundings(DELAY="0.02"))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (not out.exists() or out.read_bytes().count(b"\n") < 3):
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    kept = out.read_bytes().splitlines()
    assert 3 <= len(kept) < 12
    done = subprocess.run(command("batch", folder, "-o", out), env=surroundings(), capture_output=True, text=True)
    assert (done.returncode, f"{len(kept)} already done" in done.stderr) == (0, True), done.stderr
    paths = [json.loads(line)["media"][0]["path"] for line in out.read_text().splitlines()]
    assert sorted(paths) == sorted(str(path) for path in folder.iterdir())
    assert out.read_bytes().splitlines()[: len(kept)] == kept


def test_ctrl_c_and_a_second_writer(tmp_path: Path, picture: Make) -> None:
    """The second writer is refused while the first runs; Ctrl-C ends the first with 130 and a whole file."""
    folder, out = tmp_path / "photos", tmp_path / "o.jsonl"
    for number in range(40):
        picture(f"{number:02}.png", folder)
    child = subprocess.Popen(
        command("batch", folder, "-o", out), env=surroundings(DELAY="0.02"), stderr=subprocess.PIPE, text=True
    )
    while child.poll() is None and (not out.exists() or out.read_bytes().count(b"\n") < 2):
        time.sleep(0.01)
    second = subprocess.run(command("batch", folder, "-o", out), env=surroundings(), capture_output=True, text=True)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"error: another qwenvl is writing {out}\nhint: wait until it ends, or choose another file with -o\n"
    )
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "error: interrupted; " in told and f"hint: go on with: qwenvl batch {folder} -o {out}\n" in told
    assert all(json.loads(line)["text"] for line in out.read_text().splitlines())
    assert not out.with_name("o.jsonl.lock").exists()


def test_a_closed_pipe_is_quiet(picture: Make) -> None:
    """`qwenvl ... | head` is no error to be told of."""
    paths = [picture(f"{number}.png") for number in range(30)]
    for argv in (["describe", *paths], ["describe", "--json", *paths]):
        child = subprocess.Popen(
            command(*argv, "-q"), env=surroundings(DELAY="0.01"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert child.stdout is not None and child.stderr is not None
        child.stdout.read(1)
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(timeout=30) == 141
        child.stderr.close()


def test_pieces_are_flushed_as_they_come(picture: Make) -> None:
    """Also into a pipe: the first words arrive long before the last."""
    child = subprocess.Popen(
        command("describe", picture(), "-q"), env=surroundings(DELAY="0.3"), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    first, seen = child.stdout.read(3), time.monotonic()
    rest = child.stdout.read()
    assert (first + rest).decode() == "A **red** apple.\n"
    assert time.monotonic() - seen > 0.6
    child.wait(timeout=30)
    child.stdout.close()


def test_output_is_utf8_whatever_the_locale(tmp_path: Path, picture: Make) -> None:
    """Names that are not UTF-8 become escapes in JSON and on stderr, never a crash."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe7\x9c\x8b.png"))
    path.write_bytes(picture().read_bytes())
    env = surroundings(LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="")
    done = subprocess.run(command("describe", path, "--json", "-v"), env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    named = json.loads(done.stdout.decode("utf-8"))["media"][0]["path"]
    assert named.encode("utf-8", "surrogateescape") == os.fsencode(path)
    plain = subprocess.run(command("describe", picture()), env={**env, "ANSWER": "苹果"}, capture_output=True)
    assert plain.stdout == "苹果\n".encode()
