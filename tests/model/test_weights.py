"""Weights: both layouts, shards, tied and untied; everything wrong told together; no second copy in memory."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.checkpoint import digest, inspect, problems, raise_together, read_config, scan, verify
from model.config import model_config
from model.errors import WeightsError
from model.parameters import expected_shapes, our_name
from model.qwen import QwenVL
from model.weights import load_weights, stored_dtype
from tests.tiny import Layout, make_checkpoint, random_weights, save_weights, stored_name, tiny_config

CPU = torch.device("cpu")
NORM, GATE = "model.norm.weight", "model.layers.0.mlp.gate_proj.weight"


def loaded(folder: Path, dtype: torch.dtype = torch.float32) -> QwenVL:
    config = read_config(folder)
    with torch.device("meta"):
        network = QwenVL(config)
    load_weights(network, folder, config, CPU, dtype)
    return network


def change(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> Path:
    """Rewrite the single file of a folder."""
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("tied", [True, False])
def test_declared_shapes_are_those_of_the_network(tied: bool) -> None:
    """The table that needs no torch and the network itself must name the same parameters."""
    config = model_config(tiny_config(tie_word_embeddings=tied, num_key_value_heads=1))
    with torch.device("meta"):
        network = QwenVL(config)
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == expected_shapes(config)
    assert not list(network.buffers())  # nothing that a file would not fill


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("layout", ["flat", "nested"])
def test_every_layout_loads_every_value(tmp_path: Path, layout: Layout, tied: bool, shards: int) -> None:
    network = loaded(make_checkpoint(tmp_path, layout=layout, tied=tied, shards=shards, seed=3))
    wanted = random_weights(tiny_config(tie_word_embeddings=tied), seed=3)
    state = network.state_dict()
    assert set(state) == set(wanted) and ("lm_head.weight" in state) is not tied
    assert all(torch.equal(state[name], value) for name, value in wanted.items())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert inspect(tmp_path).layout == layout


def test_a_stored_head_is_ignored_when_tied(tmp_path: Path) -> None:
    make_checkpoint(tmp_path, tied=True)
    change(tmp_path, lambda weights: weights.update({"lm_head.weight": torch.ones(512, 64)}))
    assert loaded(tmp_path).lm_head is None and inspect(tmp_path).problems == ()


def test_old_rotary_tables_are_ignored(tmp_path: Path) -> None:
    make_checkpoint(tmp_path)
    change(tmp_path, lambda weights: weights.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}))
    assert inspect(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("stored", "asked"),
    [(a, b) for a in (torch.float32, torch.bfloat16, torch.float16) for b in (torch.float32, torch.bfloat16)],
)
def test_values_convert_as_torch_converts(tmp_path: Path, stored: torch.dtype, asked: torch.dtype) -> None:
    make_checkpoint(tmp_path, dtype=stored)
    state = loaded(tmp_path, asked).state_dict()
    for name, value in random_weights(tiny_config(), dtype=stored).items():
        assert state[name].dtype is asked and torch.equal(state[name], value.to(asked))
    assert stored_dtype(tmp_path) == str(stored).removeprefix("torch.")


def test_conversion_in_pieces_keeps_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a buffer of 56 bytes no tensor is a whole number of pieces."""
    monkeypatch.setattr("model.weights.BUFFER_BYTES", 56)
    make_checkpoint(tmp_path, num_hidden_layers=1, vision={"depth": 2, "fullatt_block_indexes": [1]})
    state = loaded(tmp_path, torch.bfloat16).state_dict()
    assert all(torch.equal(state[n], v.bfloat16()) for n, v in load_file(tmp_path / "model.safetensors").items())


def test_missing_unexpected_misshapen_and_truncated_are_told_together(tmp_path: Path) -> None:
    flat = tiny_config()
    weights = random_weights(flat)
    del weights[NORM]
    weights[GATE] = torch.ones(96, 32)
    weights["model.layers.0.mlp.gate_proj.qweight"] = torch.ones(4, dtype=torch.int32)
    weights["visual.merger.ln_q.weight"] = torch.ones(32, dtype=torch.int32)
    make_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    save_weights(tmp_path, weights, shards=3)
    first, second, third = sorted(tmp_path.glob("*.safetensors"))
    first.write_bytes(first.read_bytes()[:-100])
    second.unlink()
    third.write_bytes(third.read_bytes()[:4] + b"\xff" * 4 + third.read_bytes()[8:])
    with pytest.raises(WeightsError) as caught:
        loaded(tmp_path)
    told = caught.value.message
    for words in (f"truncated ({first.name}", f"shard not on disk ({second.name}", f"unreadable header ({third.name}"):
        assert words in told
    assert " missing (" in told and " more)" in told
    save_weights(tmp_path, weights, shards=3)
    with pytest.raises(WeightsError) as caught:
        loaded(tmp_path)
    told = caught.value.message
    assert f"1 missing ({NORM})" in told
    assert f"1 misshapen ({GATE} is [96, 32] and must be [96, 64])" in told
    assert "1 unexpected (model.layers.0.mlp.gate_proj.qweight)" in told
    assert "1 not a float (visual.merger.ln_q.weight is I32)" in told
    assert caught.value.hint


def test_a_message_names_five_of_a_kind(tmp_path: Path) -> None:
    make_checkpoint(tmp_path)
    change(
        tmp_path, lambda weights: [weights.pop(f"visual.blocks.{i}.norm{n}.weight") for i in range(4) for n in (1, 2)]
    )
    with pytest.raises(WeightsError, match=r"8 missing \((visual[^,]+, ){4}visual[^,]+ and 3 more\)"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html>",
        b"\x02\x00\x00\x00\x00\x00\x00\x00[]",
        b"\x02\x00\x00\x00\x00\x00\x00\x00{]",
        (40).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1]}}       ',
        (72).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}'.ljust(72) + bytes(4),
        (72).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}'.ljust(72) + bytes(4),
        (72).to_bytes(8, "little") + b'{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}'.ljust(72) + bytes(4),
    ],
)
def test_damaged_headers_are_typed_errors(tmp_path: Path, content: bytes) -> None:
    make_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"unreadable header \(model\.safetensors"):
        loaded(tmp_path)
    digest(tmp_path)


def test_bytes_after_the_last_tensor_are_a_typed_error(tmp_path: Path) -> None:
    make_checkpoint(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(WeightsError, match=r"model\.safetensors: 4 bytes"):
        loaded(tmp_path)


def test_what_only_the_library_refuses_is_a_typed_error_too(tmp_path: Path) -> None:
    """Two tensors over the same bytes pass our checks of each; the library's own refusal must not escape bare."""
    make_checkpoint(tmp_path)
    file = tmp_path / "model.safetensors"
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + length])
    norms = [f"model.layers.0.{name}_layernorm.weight" for name in ("input", "post_attention")]
    table[norms[0]]["data_offsets"] = table[norms[1]]["data_offsets"]
    header = json.dumps(table, separators=(",", ":")).encode().ljust(length)
    file.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    with pytest.raises(WeightsError, match=r"model\.safetensors cannot be read"):
        loaded(tmp_path)


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"weight_map": {"a": "../../etc/x"}}', '{"weight_map": {"a": 1}}'])
def test_damaged_indexes_are_typed_errors(tmp_path: Path, index: str) -> None:
    make_checkpoint(tmp_path, shards=2)
    (tmp_path / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    with pytest.raises(WeightsError, match="unreadable index"):
        loaded(tmp_path)


def test_an_index_that_lies_is_told(tmp_path: Path) -> None:
    make_checkpoint(tmp_path, shards=2)
    file = tmp_path / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    shards = sorted(set(index["weight_map"].values()))
    index["weight_map"][NORM] = next(shard for shard in shards if shard != index["weight_map"][NORM])
    file.write_text(json.dumps(index))
    assert [problem.kind for problem in inspect(tmp_path).problems] == ["not where the index says"]


def test_one_tensor_under_both_layouts_is_told(tmp_path: Path) -> None:
    make_checkpoint(tmp_path)
    change(tmp_path, lambda weights: weights.update({stored_name(NORM, "nested"): torch.ones(64)}))
    assert [problem.kind for problem in inspect(tmp_path).problems] == ["stored twice"]


def test_no_weights_and_pickled_weights(tmp_path: Path) -> None:
    make_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickled weights are not read"):
        loaded(tmp_path)


@pytest.mark.parametrize("method", ["awq", "gptq", "bitsandbytes"])
def test_foreign_quantised_checkpoints_are_refused_by_name(tmp_path: Path, method: str) -> None:
    make_checkpoint(tmp_path)
    source = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(source | {"quantization_config": {"quant_method": method}}))
    with pytest.raises(WeightsError, match=method):
        read_config(tmp_path)


def test_report_counts_what_the_network_uses(tmp_path: Path) -> None:
    make_checkpoint(tmp_path, tied=True, shards=2, dtype=torch.bfloat16)
    network = loaded(tmp_path)
    report = verify(tmp_path)
    assert report.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert (report.bytes, report.tensors) == (report.parameters * 2, len(list(network.parameters())))
    assert report.dtypes == {"BF16": report.tensors}
    assert [len(file.sha256 or "") for file in report.files] == [64, 64]
    assert inspect(tmp_path).files[0].sha256 is None


def test_verify_raises_what_inspect_lists(tmp_path: Path) -> None:
    change(make_checkpoint(tmp_path), lambda weights: weights.pop(NORM))
    assert [problem.what for problem in inspect(tmp_path).problems] == [NORM]
    with pytest.raises(WeightsError, match=NORM):
        verify(tmp_path)
    raise_together([], tmp_path)


def test_digest_knows_another_training_of_the_same_shape(tmp_path: Path) -> None:
    one, same, other = (make_checkpoint(tmp_path / str(i), seed=seed) for i, seed in enumerate((0, 0, 1)))
    assert digest(one) == digest(same) == inspect(one).digest != digest(other)
    change(same, lambda weights: weights[NORM].add_(1e-3))
    assert digest(one) != digest(same)


def test_names_of_other_networks_stay_as_they_are() -> None:
    assert our_name("transformer.h.0.weight") == "transformer.h.0.weight"
    assert our_name("lm_head.weight") == "lm_head.weight"


def test_problems_of_a_whole_folder_are_none(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    assert problems(scan(folder), read_config(folder)) == []


PEAK = """
import sys, torch
from pathlib import Path
from model.checkpoint import read_config
from model.qwen import QwenVL
from model.weights import load_weights

def kilobytes(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))

def load(folder, dtype):
    config = read_config(folder)
    with torch.device("meta"):
        network = QwenVL(config)
    load_weights(network, folder, config, torch.device("cpu"), dtype)
    return network, sum(float(p.view(-1)[::512].sum()) for p in network.parameters())  # touch every page

dtype = getattr(torch, sys.argv[3])
load(Path(sys.argv[1]), dtype)
before = kilobytes("VmRSS")
network, _ = load(Path(sys.argv[2]), dtype)
used = sum(p.numel() * p.element_size() for p in network.parameters())
print((kilobytes("VmHWM") - before) * 1024 / used)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_peak_memory_is_the_weights_and_no_second_copy(tmp_path: Path, dtype: str) -> None:
    """About 58M parameters in bfloat16, kept (mapped) and converted."""
    shape: dict[str, Any] = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 4, "head_dim": 16}
    small, large = tmp_path / "small", tmp_path / "large"
    make_checkpoint(small, dtype=torch.bfloat16)
    make_checkpoint(large, num_hidden_layers=1)
    config = tiny_config(**shape)
    weights = {name: torch.zeros(s, dtype=torch.bfloat16) for name, s in expected_shapes(model_config(config)).items()}
    save_weights(large, weights)
    (large / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-c", PEAK, str(small), str(large), dtype]
    ratio = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert 0.9 < ratio < 1.15
