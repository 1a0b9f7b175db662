"""`qwenvl bench` on a tiny random checkpoint: the table, the JSON object, and errors at the one boundary."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from model import roofline
from qwenvl_cli.commands.bench import STAGES, table, time_text
from tests.cli.harness import Result, cli
from tests.cli.test_process import HEAVY, surroundings
from tests.tiny import make_checkpoint

WORK = ("--runs", 1, "--tokens", 2, "--image-side", 112, "--clip-frames", 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(autouse=True)
def _small_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "READ_BYTES", 1 << 20)
    monkeypatch.setattr(roofline, "LAST_SIDE", roofline.FIRST_SIDE)


def bench(model: Path, *argv: object) -> Result:
    return cli("bench", "--model", model, "--device", "cpu", *WORK, *argv)


def test_json_is_one_object_with_every_figure(model: Path) -> None:
    """Nothing else on stdout; the flags reach the measurement."""
    result = bench(model, "--json", "--dtype", "bfloat16", "--attention", "eager")
    assert result.exit_code == 0 and result.stdout.count("\n") == 1
    report = json.loads(result.stdout)
    assert report["schema"] == 1 and list(report["stages"]) == list(STAGES)
    named = {key: report["model"][key] for key in ("id", "dtype", "quantize", "device", "attention")}
    assert named == {
        "id": str(model),
        "dtype": "bfloat16",
        "quantize": "none",
        "device": "cpu",
        "attention": "eager",
    }
    assert {"cpu", "cores", "threads", "torch", "device"} <= set(report["machine"])
    assert (report["work"]["image"], report["work"]["runs"], report["work"]["decoded_tokens"]) == ([112, 112], 1, 2)
    assert list(report["ceilings"]["matrix_flops_per_s"]) == ["bfloat16"]
    assert report["stages"]["decode"]["bytes"] < report["peak_memory_bytes"]
    assert result.engines == []


def test_the_table_has_a_line_for_every_stage(model: Path) -> None:
    """Plain text on stdout, remarks on stderr only."""
    result = bench(model)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == f"{model}, float32, attention sdpa on cpu"
    assert lines[2].startswith("picture 112x112 px, clip 2 x ") and lines[2].endswith(" 2 decoded; medians of 1")
    assert [line[:26].strip() for line in lines[5 : 5 + len(STAGES)]] == list(STAGES.values())
    assert [line[:26].strip() for line in lines[-3:]] == [
        "peak memory",
        "ceiling, memory read",
        "ceiling, float32 products",
    ]
    assert all(line.startswith("warning: ") for line in result.stderr.splitlines())
    assert bench(model, "--quiet").stderr == ""


def report_with(**stage: object) -> dict[str, object]:
    """Return a report all of whose stages are alike."""
    return {
        "model": {"id": "m", "dtype": "bfloat16", "quantize": "int8", "attention": "sdpa", "device": "cpu"},
        "machine": {"device": "c", "cores": 2, "threads": 2, "torch": "2", "python": "3", "system": "Linux"},
        "work": {
            "image": [56, 28],
            "clip": [28, 28],
            "clip_frames": 8,
            "prompt_tokens": 9,
            "decoded_tokens": 4,
            "runs": 3,
        },
        "stages": dict.fromkeys(STAGES, stage),
        "peak_memory_bytes": None,
        "ceilings": {"memory_bytes_per_s": None, "matrix_flops_per_s": {"int8": 8e11}},
    }


def test_figures_are_written_for_people() -> None:
    """Worked lines: three digits, a dash for what could not be measured, nothing for what does not apply."""
    computed = {"seconds": 0.0123456, "tokens_per_s": 99.96, "flops": 1, "flops_per_s": 2.5e9, "share": 0.125}
    lines = list(table(report_with(**computed)))
    assert lines[0] == "m, bfloat16, int8, attention sdpa on cpu"
    assert lines[6].split() == ["vision,", "picture", "12.3", "ms", "100", "2.50", "GFLOP/s", "12", "%"]
    assert lines[-3].split() == ["peak", "memory", "-"]
    assert lines[-2].split() == ["ceiling,", "memory", "read", "-"]
    assert lines[-1].split() == ["ceiling,", "int8", "products", "800", "GFLOP/s"]
    read = {"seconds": 2.0, "tokens_per_s": 0.5, "bytes": None, "bytes_per_s": None, "share": None}
    assert list(table(report_with(**read)))[9].split() == ["decode,", "a", "token", "2.00", "s", "0.50", "-", "-"]
    read |= {"bytes": 6, "bytes_per_s": 3.1e10, "share": 0.5}
    assert list(table(report_with(**read)))[9].split()[-4:] == ["31.0", "GB/s", "50", "%"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.000123, "0.12 ms"), (0.9996, "1.00 s"), (0.5, "500 ms"), (99.96, "100 s")]
)
def test_times_have_three_digits(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("flags", "code", "cause"),
    [
        (("--model", "/no/such/folder"), 5, "no such folder: /no/such/folder"),
        (("--runs", "0"), 2, "invalid value for '--runs'"),
        (("--tokens", "4096"), 2, "do not fit the 4096 of the model"),
        (("--device", "cuda:63"), 2, "cuda:63 was asked for"),
        (("--device", "gpu"), 2, "--device 'gpu' is not a device"),
        (("--quantize", "int1"), 2, "invalid value for '--quantize'"),
    ],
)
def test_errors_are_one_line_of_cause_and_one_of_remedy(
    model: Path, flags: tuple[str, str], code: int, cause: str
) -> None:
    result = bench(model, *flags)
    assert (result.exit_code, result.stdout) == (code, "")
    error, hint = result.stderr.splitlines()
    assert error.startswith("error: ") and cause in error and hint.startswith("hint: ")


def test_running_out_of_memory_is_its_own_exit_code(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("model.benchmark.Bench.run", full)
    assert bench(model).exit_code == 6


def test_help_is_quick() -> None:
    """Nothing heavy is imported to answer it."""
    code = (
        "import sys\nsys.argv = ['qwenvl', 'bench', '--help']\nfrom qwenvl_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings(), check=True)
    assert "--image-side PX" in done.stdout and done.stdout.splitlines()[-1] == "[]"
