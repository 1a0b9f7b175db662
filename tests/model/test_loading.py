"""Names to folders, folders to models; what does not belong together is refused in one line of cause and remedy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from model.config import model_config
from model.devices import choose_device, choose_dtype, fast_bfloat16
from model.errors import BackendUnavailable, ConfigError, ModelNotFound
from model.loading import load, read_generation, read_preprocess, resolve
from model.tokenizer import Tokenizer
from tests.tiny import make_checkpoint, preprocessor_json, tiny_config

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_load_brings_everything(folder: Path) -> None:
    loaded = load(folder, device="cpu")
    assert (loaded.device, loaded.dtype, loaded.quantize, loaded.id) == ("cpu", "float32", "none", str(folder))
    assert len(loaded.digest) == 64 and not loaded.model.training
    ends = [loaded.tokenizer.token_id(name) for name in ("<|im_end|>", "<|endoftext|>")]
    assert list(loaded.generation.eos_token_ids) == ends
    assert loaded.model.config == loaded.config and loaded.preprocess.max_pixels == 12_845_056


def test_attention_and_dtype_are_taken_when_asked_for(folder: Path) -> None:
    loaded = load(str(folder), device="cpu", dtype="bfloat16", attention="eager")
    assert loaded.dtype == "bfloat16" and loaded.model.dtype is torch.bfloat16
    assert loaded.model.backend.name == "eager"


def test_looking_up_and_limits_need_no_torch(folder: Path) -> None:
    """Media are decoded while torch is still being imported."""
    code = (
        "import sys, pathlib; from model.loading import resolve, read_preprocess; from model.checkpoint import inspect;"
        f"f = resolve({str(folder)!r}); read_preprocess(f); inspect(f); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_is_a_folder_even_when_it_looks_like_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Qwen" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve("Qwen/tiny") == Path("Qwen/tiny")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    assert resolve("~/weights") == tmp_path / "weights"


@pytest.mark.parametrize("name", ["./none", "../none", "/none/here", "~/none", "a/b/c", "", ".hidden"])
def test_what_looks_like_a_path_is_never_a_hub_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.loading._cached", lambda *_: pytest.fail("looked up as a hub id"))
    with pytest.raises(ModelNotFound, match="no such folder") as caught:
        resolve(name)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["qwen", "Qwen/Qwen 3B", "Qwen/"])
def test_what_is_no_name_at_all(name: str) -> None:
    with pytest.raises(ModelNotFound, match="neither a folder nor a hub id") as caught:
        resolve(name)
    assert "bundled" in caught.value.hint


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelNotFound, match="is a file"):
        resolve(str(tmp_path / "model.safetensors"))


def test_hub_ids_come_from_the_local_cache(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for offline, words in (
        (False, "run 'qwenvl models pull Qwen/tiny'"),
        (True, "once you are online, run 'qwenvl models pull"),
    ):
        with pytest.raises(ModelNotFound, match="not in the local Hugging Face cache") as caught:
            resolve("Qwen/tiny", offline=offline)
        assert words in caught.value.hint
    repository = tmp_path / "models--Qwen--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abc")
    shutil.copytree(folder, repository / "snapshots" / "0123abc")
    assert resolve("Qwen/tiny") == repository / "snapshots" / "0123abc"
    assert load("Qwen/tiny", device="cpu").id == "Qwen/tiny"


def test_an_impossible_hub_id_is_a_typed_error() -> None:
    with pytest.raises(ModelNotFound, match="not a valid hub id"):
        resolve("Qwen/a--b..")


def test_bundled_is_the_folder_in_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("model.loading.__file__", str(tmp_path / "loading.py"))
    with pytest.raises(ModelNotFound, match="not part of this installation"):
        resolve("bundled")
    made = make_checkpoint(tmp_path / "small")
    assert resolve("bundled") == made
    assert load(made, device="cpu").id == load("bundled", device="cpu").id == "bundled"


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("config.json", {"image_token_id": 7}, r"<\|image_pad\|> is \d+ in the tokenizer and 7 in config.json"),
        ("config.json", {"vision_end_token_id": 8}, r"<\|vision_end\|>"),
        ("config.json", {"vocab_size": 100}, r"the tokenizer has \d+ tokens, the network 100"),
        ("preprocessor_config.json", {"patch_size": 16}, r"\(16, 2, 2\) for media and \(14, 2, 2\)"),
    ],
)
def test_mixed_folders_are_refused(
    folder: Path, tmp_path: Path, file: str, changes: dict[str, Any], words: str
) -> None:
    mixed = copy(folder, tmp_path)
    edit(mixed / file, **changes)
    with pytest.raises(ConfigError, match=words):
        load(mixed, device="cpu")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "preprocessor_config.json"])
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, file: str) -> None:
    part = copy(folder, tmp_path)
    (part / file).unlink()
    with pytest.raises(ConfigError, match=file):
        load(part, device="cpu")


def test_the_newer_joint_processor_config(tmp_path: Path) -> None:
    joint = {"image_processor": preprocessor_json() | {"max_pixels": 200_704}, "video_processor": {"max_frames": 8}}
    (tmp_path / "processor_config.json").write_text(json.dumps(joint))
    read = read_preprocess(tmp_path)
    assert (read.max_pixels, read.video_max_frames) == (200_704, 8)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor_json()))
    (tmp_path / "video_preprocessor_config.json").write_text(json.dumps({"max_frames": 16}))
    read = read_preprocess(tmp_path)
    assert (read.max_pixels, read.video_max_frames) == (12_845_056, 16)


def test_an_answer_always_has_an_end(folder: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(folder)
    ends = (tokenizer.token_id("<|im_end|>"), tokenizer.token_id("<|endoftext|>"))
    assert read_generation(tmp_path, tokenizer).eos_token_ids == ends
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 5, "repetition_penalty": 1.05, "top_k": 1}')
    read = read_generation(tmp_path, tokenizer)
    assert (read.eos_token_ids, read.repetition_penalty, read.top_k) == ((5,), 1.05, 1)


@pytest.mark.parametrize(("written", "line"), [("0.98", 0.98), ("0", 0.0), ("1", 1.0), ("null", None)])
def test_a_models_line_of_low_confidence_is_read(folder: Path, tmp_path: Path, written: str, line: float) -> None:
    tokenizer = Tokenizer.from_file(folder)
    assert read_generation(tmp_path, tokenizer).low_confidence is None
    (tmp_path / "generation_config.json").write_text(f'{{"low_confidence": {written}}}')
    assert read_generation(tmp_path, tokenizer).low_confidence == line


@pytest.mark.parametrize("written", ["1.01", "-0.1", "true", '"0.9"', "NaN"])
def test_a_line_of_low_confidence_that_is_no_probability_is_refused(folder: Path, tmp_path: Path, written: str) -> None:
    (tmp_path / "generation_config.json").write_text(f'{{"low_confidence": {written}}}')
    with pytest.raises(ConfigError, match="low_confidence"):
        read_generation(tmp_path, Tokenizer.from_file(folder))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantize": "int3"}, "--quantize int3 is unknown"),
        ({"device": "toaster"}, "'toaster' is unknown"),
        ({"device": "meta"}, "not supported"),
        ({"device": "cuda:99"}, "cuda:99"),
        ({"dtype": "int3"}, "dtype 'int3' is unknown"),
        ({"attention": "psychic"}, "psychic"),
    ],
)
def test_what_this_machine_cannot_do_is_refused(folder: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(BackendUnavailable, match=words) as caught:
        load(folder, **({"device": "cpu"} | options))
    assert caught.value.hint


def test_auto_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large half-precision checkpoints stay bfloat16 where that is fast; float16 is never chosen by itself."""
    small, large = model_config(tiny_config()), model_config(tiny_config(intermediate_size=600_000))
    for fast in (True, False):
        monkeypatch.setattr("model.devices.fast_bfloat16", lambda device, answer=fast: answer)
        half = torch.bfloat16 if fast else torch.float32
        assert choose_dtype("auto", CPU, "bfloat16", large) is choose_dtype("auto", CPU, "float16", large) is half
        assert choose_dtype("auto", CPU, "bfloat16", small) is torch.float32
        assert choose_dtype("auto", torch.device("cuda", 0), "bfloat16", small) is half
        assert choose_dtype("auto", CPU, "float32", large) is torch.float32
        assert choose_dtype("float16", CPU, "bfloat16", large) is torch.float16


def test_auto_device_is_one_that_works() -> None:
    device = choose_device("auto")
    assert torch.zeros(1, device=device).item() == 0
    assert isinstance(fast_bfloat16(device), bool)


def test_loading_and_answering_import_no_compiler(folder: Path) -> None:
    """torch's compiler, drawn in by an innocent call, would take as long again as torch itself."""
    code = (
        "import sys, pathlib; from model.loading import load; from model import generate, prompt\n"
        f"loaded = load(pathlib.Path({str(folder)!r}), device='cpu')\n"
        "asked = [prompt.Message('user', (prompt.TextPart('What?'),))]\n"
        "done = list(generate.generate(loaded, asked, [], generate.GenerateOptions(max_tokens=3)))[-1]\n"
        "assert done.completion_tokens <= 3\n"
        "print([name for name in ('torch._dynamo', 'torch._inductor', 'sympy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
