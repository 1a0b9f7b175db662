"""The comparisons at the tiny shape: both sides run every stage, take turns, and end with one JSON document.

llama.cpp is played by a stand-in with the binding's methods, since it is not installed with the tests.
"""

import importlib.machinery
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from model.config import model_config
from model.reading import read_json
from tests.bench import against_llama_cpp, against_transformers, turns
from tests.bench.against_llama_cpp import MISSING, random_ids
from tests.bench.make_checkpoint import make_checkpoint
from tests.bench.sides import Load, Running
from tests.bench.turns import clock_of, take_turns

CPU = torch.device("cpu")
STAGES = ["load", "preprocess", "vision, picture", "vision, clip", "prefill", "first token", "decode, a token"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint("tiny", tmp_path_factory.mktemp("bench") / "tiny")


def last_line(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], dict[str, Any]]:
    lines = capsys.readouterr().out.splitlines()
    return lines, json.loads(lines[-1])


def test_sides_take_turns_and_the_warm_up_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    """A B A B; worked medians and ratios; loading is not repeated as often as the rest."""
    order: list[str] = []

    def stage(name: str, times: Sequence[float]) -> Callable[[str], float]:
        left = iter(times)

        def run(side: str) -> float:
            order.append(f"{name} {side}")
            return next(left)

        return run

    stages = {"work": (stage("work", [9, 1, 2, 3, 2]), stage("work", [9, 4, 3, 6, 6]))}
    rows = take_turns(stages, "a", "b", 4)
    assert order == ["work a", "work b"] * 5
    assert rows["work"] == {"ours_s": 2.0, "theirs_s": 5.0, "ratio": 2.5, "ratio_of_best": 3.0}
    assert capsys.readouterr().out.split() == ["work", "2000.00", "ms", "5000.00", "ms", "2.50x", "3.00x"]
    order.clear()
    take_turns({"load": (stage("load", [1] * 9), stage("load", [1] * 9))}, "a", "b", 7)
    assert len(order) == 2 * (1 + turns.LOAD_RUNS)


def test_a_clock_of_a_gpu_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    cuda = torch.device("cuda", 1)
    first, second = clock_of("wall", cuda)(), clock_of("wall", cuda)()
    assert waited == [cuda, cuda] and second >= first
    clock_of("wall", CPU)()
    assert len(waited) == 2


def test_against_transformers(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every stage of both sides on the same weights; processes of their own get the same flags."""
    pytest.importorskip("transformers", reason="the reference comes with the extra 'test'")
    alone: list[Running] = []

    def run_alone(side: str, shape: str, checkpoint: Path, running: Running, amount: Load) -> dict[str, float]:
        assert (shape, checkpoint, amount.picture) == ("tiny", folder, 112)
        alone.append(running)
        return {"peak_bytes": 2.0**20 * (1 if side == "ours" else 3), "answer_s": 1.0}

    monkeypatch.setattr(against_transformers, "run_alone", run_alone)
    flags = "--shape tiny --runs 1 --clock cpu --attention eager --side 112"
    against_transformers.main(["--checkpoint", str(folder), *flags.split()])
    lines, result = last_line(capsys)
    assert list(result["stages"]) == STAGES
    assert all(row["ours_s"] > 0 and row["theirs_s"] > 0 for row in result["stages"].values())
    assert result["logits_apart"] < 1e-4
    assert (result["clock"], result["device"], result["quantize"], result["attention"]) == (
        "cpu",
        "cpu",
        "none",
        "eager",
    )
    assert alone == [Running("cpu", "none", "eager")] * 2
    assert next(line for line in lines if line.startswith("peak memory")).split()[-1] == "3.00x"
    assert result["machine"]["transformers"]


def test_a_process_of_its_own_tells_its_peak(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--alone", "ours", "--shape", "tiny", "--checkpoint", str(folder), "--device=cpu", "--quantize=none"]
    against_transformers.main(flags)
    assert last_line(capsys)[1]["peak_bytes"] > 1 << 20


def test_processor_time_is_refused_on_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        against_transformers.main(["--clock", "cpu", "--device", "cuda"])
    assert left.value.code == 2
    assert "--clock cpu says nothing about a GPU" in capsys.readouterr().err


def test_checkpoints_are_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    again = make_checkpoint("tiny", tmp_path / "again", "cpu")
    files = [file.name for file in sorted(folder.iterdir())]
    assert "model-00001.safetensors" in files
    assert all((again / name).read_bytes() == (folder / name).read_bytes() for name in files)


def test_llama_cpp_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no error, so that a script of all comparisons goes on."""
    monkeypatch.setattr(against_llama_cpp, "find_spec", lambda name: None)
    against_llama_cpp.main([])
    assert capsys.readouterr().out == MISSING + "\n"


class Llama:
    """What the binding offers, without a model behind it."""

    layers = 3

    def __init__(self, *, model_path: str, n_ctx: int, n_threads: int, n_threads_batch: int, verbose: bool) -> None:
        self.room, self.seen = n_ctx, list[int]()
        self.metadata = {"qwen2vl.block_count": str(self.layers), "qwen2vl.feed_forward_length": "96"}

    def n_vocab(self) -> int:
        return 512

    def n_embd(self) -> int:
        return 64

    def reset(self) -> None:
        self.seen = []

    def eval(self, tokens: Sequence[int]) -> None:
        self.seen += tokens
        assert len(self.seen) <= self.room

    def sample(self, *, temp: float, repeat_penalty: float) -> int:
        assert (temp, repeat_penalty) == (0.0, 1.0)
        sum(range(2000))  # some work for the clock
        return len(self.seen)


@pytest.fixture
def llama(monkeypatch: pytest.MonkeyPatch) -> type[Llama]:
    """Put the stand-in where the binding would be."""
    module = ModuleType("llama_cpp")
    module.__spec__ = importlib.machinery.ModuleSpec("llama_cpp", None)

    class Fresh(Llama):
        pass

    module.Llama = Fresh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "llama_cpp", module)
    monkeypatch.setattr(against_llama_cpp, "version", lambda name: "0")
    return Fresh


def flags(folder: Path, *more: str) -> list[str]:
    work = ["--quantize", "none", "--prompt", "20", "--tokens", "3", "--runs", "2"]
    return ["--checkpoint", str(folder), *work, *more]


def test_against_llama_cpp(folder: Path, llama: type[Llama], capsys: pytest.CaptureFixture[str]) -> None:
    """Both stages, rates of both sides, and the facts."""
    against_llama_cpp.main(flags(folder, "--gguf", "tiny-f32.gguf"))
    lines, result = last_line(capsys)
    assert list(result["stages"]) == ["prefill", "decode, a token"]
    assert all(row["ours_s"] > 0 and row["theirs_s"] > 0 for row in result["stages"].values())
    assert (result["gguf"], result["prompt_tokens"], result["quantize"]) == ("tiny-f32.gguf", 20, "none")
    assert result["machine"]["llama_cpp_python"] == "0"
    rate = 20 / result["stages"]["prefill"]["ours_s"]
    assert any(line.startswith(f"ours: {rate:.1f} tokens/s of prompt") for line in lines)


def test_a_gguf_of_another_shape_is_refused(folder: Path, llama: type[Llama]) -> None:
    llama.layers = 4
    with pytest.raises(SystemExit, match=r"x\.gguf is of another shape than .*: layers 4, not 3$"):
        against_llama_cpp.main(flags(folder, "--gguf", "x.gguf"))


def test_the_converter_is_run_where_no_gguf_is_given(
    folder: Path, llama: type[Llama], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets the folder, the file to write and the type; without either the flags are wrong."""
    note = tmp_path / "note.json"
    converter = tmp_path / "convert.py"
    converter.write_text(f"import json, sys\njson.dump(sys.argv[1:], open({str(note)!r}, 'w'))\n")
    against_llama_cpp.main(flags(folder, "--converter", str(converter), "--type", "bf16"))
    checkpoint, *rest = json.loads(note.read_text())
    assert (checkpoint, rest[0], Path(rest[1]).name, rest[2:]) == (
        str(folder),
        "--outfile",
        "model.gguf",
        ["--outtype", "bf16"],
    )
    with pytest.raises(SystemExit) as left:
        against_llama_cpp.main(flags(folder))
    assert left.value.code == 2


def test_random_prompts_hold_no_control_tokens(folder: Path) -> None:
    config = model_config(read_json(folder / "config.json"))
    ids = random_ids(config, 500)
    assert len(set(ids)) > 100 and max(ids) < config.vision_start_token_id and ids == random_ids(config, 500)
