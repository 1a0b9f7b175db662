"""`qwenvl doctor`: what it tells of this machine, and that each ailment is told with its remedy and hides no other."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model import facts, kernels
from qwenvl_cli.commands import doctor
from qwenvl_cli.media import support
from tests.cli.harness import Result, cli
from tests.cli.test_process import HEAVY, surroundings
from tests.tiny import make_checkpoint

LABELS = ["qwenvl", "Python", "system", "processor", "memory", "torch", "threads", "devices", "bfloat16", "kernels"]
LABELS += ["attention", "ffmpeg", "decoders", "Pillow", "HEIC", "bundled", "cache", "QWENVL_MODEL"]
HERE = facts.System("CPython 3.12", "Linux", "a processor", 4, None, 64 << 30, 32 << 30)
PLAIN = facts.Torch(4, "cpu", [], True, "AVX2", "", "sdpa", "asked for")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put an empty Hugging Face cache in the place of the machine's."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.utils._cache_manager.HF_HUB_CACHE", str(folder))
    return folder


def told(result: Result, label: str) -> tuple[str, str]:
    """Return the text of a line and its remedy, empty where the line is not marked."""
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line[2:].split()[0] == label)
    text = lines[at][2 + max(map(len, LABELS)) + 2 :]
    return text, lines[at + 1].split("-> ", 1)[1] if lines[at].startswith("! ") else ""


def test_every_line_is_there_and_true() -> None:
    """What can be known by another way agrees with it."""
    result = cli("doctor")
    assert result.exit_code == 0 and result.engines == []
    lines = result.stdout.splitlines()
    assert [line[2:].split()[0] for line in lines if "->" not in line] == LABELS
    assert told(result, "torch") == (torch.__version__, "")
    assert told(result, "threads")[0] == str(torch.get_num_threads())
    expected = facts.LEVELS[kernels.use_level(2)] if kernels.available() else f"{kernels.obstacle()}: the torch route"
    assert told(result, "kernels")[0] == expected
    assert told(result, "bundled")[0].startswith("whole: ") and told(result, "bundled")[1] == ""
    assert told(result, "cache")[0].endswith(": no Qwen2.5-VL models")
    assert told(result, "QWENVL_MODEL") == ("not set: bundled", "")
    marked = sum(line.startswith("! ") for line in lines)
    assert result.stderr == (f"{marked} marked with !\n" if marked else "all is well\n")
    assert cli("doctor", "--quiet").stderr == ""


def test_json_is_one_object() -> None:
    """The same facts as values; nothing on stderr."""
    result = cli("doctor", "--json")
    assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (0, "", 1)
    report = json.loads(result.stdout)
    assert list(report) == ["schema", *(label.lower() for label in LABELS), "remedies"]
    assert (report["schema"], report["torch"], report["qwenvl_model"]) == (1, torch.__version__, None)
    assert report["devices"]["default"] in ("cpu", "cuda:0", "mps") and report["bundled"]["problems"] == []
    assert set(report["decoders"]) == {"h264", "hevc", "vp9", "av1"}
    assert all(set(one) == {"about", "what", "remedy"} for one in report["remedies"])


def test_a_torch_that_cannot_be_imported_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1 with cause and remedy, after all that needs no torch."""

    def broken() -> str:
        raise OSError("libtorch.so: no such file")

    monkeypatch.setattr(facts, "torch_version", broken)
    result = cli("doctor")
    cause, hint = result.stderr.splitlines()
    assert (result.exit_code, cause) == (1, "error: torch cannot be imported: OSError: libtorch.so: no such file")
    assert hint.startswith("hint: install it again: pip install --force-reinstall")
    assert told(result, "torch")[1] == hint.removeprefix("hint: ")
    assert told(result, "bundled")[0].startswith("whole: ")
    assert json.loads(cli("doctor", "--json").stdout)["torch"] is None


def test_facts_need_no_torch() -> None:
    """In a process whose torch cannot be imported, the machine is told of and the failure is torch's."""
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom model import facts\nprint(facts.system().cores > 0)\n"
        "try:\n    facts.torch_version()\nexcept ImportError:\n    print('torch')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings(), check=True)
    assert done.stdout == "True\ntorch\n"


@pytest.mark.parametrize("damage", ["shard", "tokenizer", "config"])
def test_a_damaged_bundled_model_is_exit_5(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str) -> None:
    """Weights cut short, a tokenizer that is gone, a config that is no JSON."""
    folder = make_checkpoint(tmp_path / "tiny")
    weights = next(folder.glob("*.safetensors"))
    if damage == "shard":
        weights.write_bytes(weights.read_bytes()[:-8])
    elif damage == "tokenizer":
        (folder / "tokenizer.json").unlink()
    else:
        (folder / "config.json").write_text("{")
    monkeypatch.setattr("model.loading._bundled", lambda: folder)
    result = cli("doctor")
    text, remedy = told(result, "bundled")
    assert (result.exit_code, remedy) == (5, "install qwenvl again")
    assert (
        text.startswith("damaged: ") and {"shard": weights.name, "tokenizer": "tokenizer.json"}.get(damage, "") in text
    )
    assert result.stderr.startswith("error: the bundled model is damaged: ")
    assert result.stderr.endswith("hint: install qwenvl again\n") and result.stderr.count("\n") == 2


def test_models_in_the_cache_are_counted_and_torn_ones_named(cache: Path, tmp_path: Path) -> None:
    """A snapshot whose weights are cut short is marked; a model of another kind does not count."""
    for name, kind in (("whole", "qwen2_5_vl"), ("torn", "qwen2_5_vl"), ("other", "bert")):
        snapshot = cache / f"models--me--{name}" / "snapshots" / ("0" * 40)
        snapshot.parent.mkdir(parents=True)
        make_checkpoint(snapshot)
        if kind == "bert":
            (snapshot / "config.json").write_text('{"model_type": "bert"}')
    torn = next((cache / "models--me--torn").rglob("*.safetensors"))
    torn.write_bytes(torn.read_bytes()[:-8])
    text, remedy = told(cli("doctor"), "cache")
    assert (
        text.endswith(": 2 Qwen2.5-VL models: me/torn (incomplete), me/whole")
        and remedy == "qwenvl models pull me/torn"
    )
    shutil.rmtree(cache)
    cache.write_text("a file")
    assert told(cli("doctor"), "cache")[1] == "check the folder, or set HF_HOME to another one"


def test_the_model_of_the_environment_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name that leads nowhere has the remedy of --model; escapes in it do not reach the terminal."""
    monkeypatch.setenv("QWENVL_MODEL", "/no/such\x1b[31m")
    text, remedy = told(cli("doctor"), "QWENVL_MODEL")
    assert text == "/no/such: no such folder: /no/such" and remedy.startswith("check the spelling")
    folder = make_checkpoint(tmp_path / "tiny")
    monkeypatch.setenv("QWENVL_MODEL", str(folder))
    assert told(cli("doctor"), "QWENVL_MODEL") == (str(folder), "")
    next(folder.glob("*.safetensors")).unlink()
    assert told(cli("doctor"), "QWENVL_MODEL")[1] == "download it again, or unset it"


def test_missing_media_libraries_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of ffmpeg without a decoder, one of Pillow without WebP, no HEIC; then none of them at all."""
    monkeypatch.setattr(support, "DECODERS", {"h264": ("h264",), "av1": ("no_such_decoder",)})
    monkeypatch.setattr("PIL.features.check", lambda name: name != "webp")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    result = cli("doctor")
    text, remedy = told(result, "decoders")
    assert text == "h264, no av1" and remedy.startswith("such clips cannot be read: ")
    text, remedy = told(result, "Pillow")
    assert ": no webp, avif " in text and remedy.startswith("such pictures cannot be read: ")
    assert told(result, "HEIC") == ("not installed", 'for pictures of iPhones: pip install "qwenvl[heic]"')
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = cli("doctor")
    assert result.exit_code == 0
    assert told(result, "ffmpeg")[1].endswith("pip install --force-reinstall av")
    assert told(result, "Pillow")[1].endswith("pip install --force-reinstall pillow")


def test_a_section_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise() -> dict[str, Any]:
        raise ValueError("surprise")

    monkeypatch.setattr(support, "clips", surprise)
    result = cli("doctor")
    assert result.exit_code == 0 and told(result, "ffmpeg")[0] == "cannot be told: ValueError: surprise"
    assert told(result, "Pillow")[0]


def test_memory_threads_and_kernels_name_what_slows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule on made-up machines; where nothing is wrong there is no remedy."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("QWENVL_NO_KERNELS", raising=False)
    small, gpu = replace(HERE, memory_free=8 << 30), replace(PLAIN, device="cuda:0")
    wide = replace(PLAIN, fast_bfloat16=False)
    assert (
        doctor.memory_line(small, PLAIN).remedy == doctor.memory_line(small, replace(gpu, fast_bfloat16=False)).remedy
    )
    assert doctor.memory_line(small, wide).remedy.startswith("Qwen2.5-VL-3B alone takes 15.0 GB here")
    assert doctor.memory_line(HERE, wide).text == "68.7 GB, 34.4 GB of it free"
    assert doctor.threads_line(HERE, PLAIN).remedy == doctor.threads_line(HERE, replace(PLAIN, threads=2)).remedy == ""
    crowded = doctor.threads_line(replace(HERE, quota=1.5), PLAIN).remedy
    assert crowded == "more threads than cores slow each other: set OMP_NUM_THREADS=2"
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert doctor.threads_line(HERE, replace(PLAIN, threads=2)).remedy == "unset OMP_NUM_THREADS to use all 4 cores"
    none = replace(PLAIN, kernels=None, kernels_obstacle="no compiler")
    line = doctor.kernels_line(none)
    assert line.text == "no compiler: the torch route" and line.remedy.startswith("decoding is slower: install gcc")
    assert doctor.kernels_line(replace(none, device="cuda:0")).remedy == ""
    monkeypatch.setenv("QWENVL_NO_KERNELS", "1")
    assert doctor.kernels_line(none).remedy == "decoding is slower: unset QWENVL_NO_KERNELS"


def test_a_gpu_that_is_not_used_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code for another generation, a torch without CUDA, a GPU that is hidden, a driver that does not work."""
    old = facts.Gpu("cuda:0", "old GPU", 8 << 30, supported=False)
    assert facts.gpu_obstacle([old], "")[0] == "this torch has no code for old GPU"
    assert facts.gpu_obstacle([replace(old, supported=True)], "") == ("", "")
    monkeypatch.setattr(facts, "has_nvidia", lambda: False)
    assert facts.gpu_obstacle([], "") == ("", "")
    monkeypatch.setattr(facts, "has_nvidia", lambda: True)
    monkeypatch.setattr(facts, "torch_cuda", lambda: None)
    assert facts.gpu_obstacle([], "") == (
        "there is an NVIDIA GPU, but this torch is built without CUDA",
        facts.OTHER_TORCH,
    )
    monkeypatch.setattr(facts, "torch_cuda", lambda: "13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    what, remedy = facts.gpu_obstacle([], "the driver\nis too old")
    assert what.endswith("torch cannot use it: the driver is too old") and remedy.startswith("update the NVIDIA driver")
    line = doctor.devices_line(replace(PLAIN, gpu_obstacle=what, gpu_remedy=remedy))
    assert line.text == f"cpu only; {what}" and line.remedy == remedy
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert facts.gpu_obstacle([], "")[1] == "unset CUDA_VISIBLE_DEVICES to use the GPU"
    seen = replace(PLAIN, device="cuda:0", gpus=[facts.Gpu("cuda:0", "a GPU", 80 * 10**9)])
    assert doctor.devices_line(seen).text == "cuda:0 a GPU, 80.0 GB"


@pytest.mark.parametrize(
    ("capability", "built", "runs"),
    [
        ((8, 6), ["sm_80", "sm_90"], True),
        ((8, 0), ["sm_86"], False),
        ((12, 0), ["sm_90", "sm_100"], False),
        ((12, 0), ["sm_90", "compute_90"], True),
        ((9, 0), ["sm_90a"], True),
        ((6, 1), ["compute_75"], False),
        ((9, 4), ["gfx942"], True),
    ],
)
def test_code_fits_its_own_generation(capability: tuple[int, int], built: list[str], runs: bool) -> None:
    assert facts.has_code_for(capability, built) is runs


def test_limits_of_a_container_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files such as Linux has, on made-up machines."""
    monkeypatch.setattr(facts, "PROC", tmp_path)
    monkeypatch.setattr(facts, "CGROUP", tmp_path)
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU: 3 GHz\n")
    (tmp_path / "meminfo").write_text("MemTotal: 2048 kB\nMemAvailable: 1024 kB\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    here = facts.system()
    assert (here.processor, here.quota, here.memory, here.memory_free) == ("Some CPU: 3 GHz", None, 2 << 20, 1 << 20)
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text(f"{1 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{1 << 19}\n")
    here = facts.system()
    assert (here.quota, here.memory, here.memory_free) == (1.5, 1 << 20, 1 << 19)


def test_help_is_quick() -> None:
    """Nothing heavy is imported to answer it."""
    code = (
        "import sys\nsys.argv = ['qwenvl', 'doctor', '--help']\nfrom qwenvl_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings(), check=True)
    assert "what this machine and installation can do" in done.stdout and done.stdout.splitlines()[-1] == "[]"
