"""int8 and int4: layers against their unpacked weights, outliers, whole networks, folders on disk."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from model import kernels, parameters, quantize
from model.checkpoint import inspect
from model.errors import BackendUnavailable, WeightsError
from model.loading import LoadedModel, load
from model.packing import write_packed
from model.parameters import expected_storage
from model.quantize import Int4Linear, Int8Linear, QuantLinear
from tests.tiny import make_checkpoint

FORMS = {"int8": Int8Linear, "int4": Int4Linear}
READERS = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "gate_proj.weight", "up_proj.weight")
WIDE: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 200,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of a few inputs are packed and multiplied as wide ones are."""
    monkeypatch.setattr(parameters, "NARROW", 0)


@pytest.fixture(params=["native", "torch"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both routes, with the native kernels where this machine has them built."""
    if request.param == "torch":
        monkeypatch.setattr(kernels, "available", lambda: False)
    elif not kernels.available():
        pytest.skip(kernels.obstacle())
    return str(request.param)


def filled(kind: str, weight: Tensor, bias: Tensor | None) -> QuantLinear:
    layer = FORMS[kind](weight.shape[1], weight.shape[0], bias is not None)
    layer.weight, layer.weight_scale = layer.pack(weight)
    layer.bias = bias
    return layer


def apart(found: Tensor, wanted: Tensor) -> float:
    return float((found.float() - wanted.float()).norm() / wanted.float().norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 7, 40])
@pytest.mark.parametrize(("kind", "limit"), [("int8", 0.012), ("int4", 0.12)])
def test_a_layer_is_near_the_full_one(kind: str, limit: float, rows: int, dtype: torch.dtype, route: str) -> None:
    torch.manual_seed(rows)
    weight, bias, x = torch.randn(72, 200) * 0.1, torch.randn(72), torch.randn(2, rows, 200).to(dtype)
    with torch.no_grad():
        layer = filled(kind, weight, bias)
        found = layer(x)
        assert found.shape == (2, rows, 72) and found.dtype is dtype
        assert apart(found, x.float() @ weight.T + bias) < limit
        assert apart(found, x.float() @ layer.dense(torch.float32).T + bias) < 0.015


def test_columns_that_stand_out_do_not_cost_the_others_their_bits(route: str) -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(96, 256) * 0.1, torch.randn(64, 256)
    x[:, 17] *= 300
    x[:, 200] *= 80
    weight[:, [17, 200]] *= 0.003  # as in real checkpoints: large activations meet small weights
    with torch.no_grad():
        layer = filled("int8", weight, None)
        assert sorted(quantize.outliers(x).tolist()) == [17, 200]  # type: ignore[union-attr]
        assert quantize.outliers(torch.randn(64, 256)) is None
        assert apart(layer(x), x @ layer.dense(torch.float32).T) < 0.01
        even = quantize.multiply_even(x, layer.weight, layer.weight_scale, None)
        assert apart(even, x @ layer.dense(torch.float32).T) > 0.03


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_many_rows_of_a_narrow_layer_are_not_rounded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantize, "multiply_int8", None)
    monkeypatch.setattr(parameters, "NARROW", 100)
    torch.manual_seed(0)
    for width in (75, 100):
        layer, x = filled(kind, torch.randn(48, width), torch.randn(48)), torch.randn(40, width)
        with torch.no_grad():
            assert apart(layer(x), x @ layer.dense(torch.float32).T + layer.bias) < 1e-5
    assert not quantize.by_bytes(x) and quantize.by_bytes(F.pad(x, (0, 1))) == quantize.bytes_multiply()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_few_rows_go_through_the_weight_only_kernel_that_cuda_has(dtype: torch.dtype) -> None:
    """The same operation of torch on a CPU: what CUDA is given, and with which scales, is right."""
    torch.manual_seed(0)
    layer, x = filled("int8", torch.randn(48, 128), torch.randn(48)), torch.randn(3, 128).to(dtype)
    found = quantize.multiply_few(x, layer.weight, layer.weight_scale, layer.bias)
    assert found.dtype is dtype
    assert apart(found, x.float() @ layer.dense(torch.float32).T + layer.bias) < (
        1e-5 if dtype is torch.float32 else 5e-3
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 40])
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_processor_without_products_of_bytes_multiplies_floats(
    kind: str, rows: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "bytes_multiply", lambda: False)
    monkeypatch.setattr(kernels, "serves", lambda *_: False)
    monkeypatch.setattr(torch, "_int_mm", None)  # a plain loop over numbers there
    torch.manual_seed(0)
    layer = filled(kind, torch.randn(75, 128), torch.randn(75))
    x = torch.randn(rows, 128).to(dtype)
    with torch.no_grad():
        found = layer(x)
    assert found.dtype is dtype
    wanted = x.float() @ layer.dense(torch.float32).T + layer.bias
    assert apart(found, wanted) < (1e-5 if dtype is torch.float32 else 5e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("rows", [1, 40])
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_layers_are_right_on_cuda(kind: str, rows: int) -> None:
    torch.manual_seed(0)
    layer = filled(kind, torch.randn(48, 128), torch.randn(48))
    x = torch.randn(rows, 128).bfloat16()
    wanted = x.float() @ layer.dense(torch.float32).T + layer.bias
    with torch.no_grad():
        assert apart(layer.cuda()(x.cuda()).cpu(), wanted) < 0.01


def logits(loaded: LoadedModel, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return loaded.model(ids)


def plant(folder: Path) -> None:
    """Make some channels of activations large and the weights that read them small, as in trained networks."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    tensors = load_file(file)
    channels = [3, 64, 90]
    for name, tensor in tensors.items():
        if name.endswith("layernorm.weight"):
            tensor[channels] = 60.0
        elif name.startswith("model.layers") and name.endswith(READERS):
            tensor[:, channels] *= 0.02
    save_file(tensors, file, {"format": "pt"})


@pytest.mark.parametrize("planted", [False, True])
@pytest.mark.parametrize(("kind", "limit"), [("int8", 0.03), ("int4", 0.3)])
def test_logits_stay_near(tmp_path: Path, kind: str, limit: float, planted: bool, route: str) -> None:
    make_checkpoint(tmp_path, **WIDE)
    if planted:
        plant(tmp_path)
    ids = torch.randint(0, 300, (1, 48), generator=torch.Generator().manual_seed(0))
    full, packed = load(tmp_path, device="cpu", dtype="float32"), load(tmp_path, device="cpu", quantize=kind)
    assert packed.quantize == kind and full.quantize == "none"
    assert apart(logits(packed, ids), logits(full, ids)) < limit


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_packed_folder_answers_as_packing_at_load_does(tmp_path: Path, kind: str, tied: bool) -> None:
    source, out = tmp_path / "full", tmp_path / "packed"
    make_checkpoint(source, tied=tied, **WIDE)
    loaded = load(source, device="cpu", quantize=kind)
    write_packed(loaded, source, out)
    again = load(out, device="cpu")
    assert (again.quantize, again.dtype) == (kind, loaded.dtype)
    ids = torch.arange(20)[None]
    assert torch.equal(logits(again, ids), logits(loaded, ids))
    report = inspect(out)
    assert not report.problems and report.parameters == inspect(source).parameters
    assert report.bytes < inspect(source).bytes
    stored = {name: (tuple(t.shape)) for name, t in again.model.state_dict().items()}
    assert stored == {name: kept.shape for name, kept in expected_storage(again.config, kind).items()}
    with pytest.raises(BackendUnavailable, match=f"packed as {kind} already"):
        load(out, device="cpu", quantize="int4" if kind == "int8" else "int8")


def test_a_damaged_packed_folder_is_refused(tmp_path: Path) -> None:
    source, out = tmp_path / "full", tmp_path / "packed"
    make_checkpoint(source, **WIDE)
    write_packed(load(source, device="cpu", quantize="int8"), source, out)
    config = json.loads((out / "config.json").read_text())
    config["quantization_config"]["format"] = "int4"
    (out / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="misshapen"):
        load(out, device="cpu")
    config["quantization_config"]["format"] = "int2"
    (out / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="not supported"):
        load(out, device="cpu")


@pytest.mark.parametrize("kind", ["int8", "int4"])
@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_told_and_not_packed(tmp_path: Path, kind: str, bad: float) -> None:
    make_checkpoint(tmp_path, **WIDE)
    weights = load_file(tmp_path / "model.safetensors")
    name = next(name for name in weights if "layers.1.mlp.down_proj" in name)
    weights[name][3, 5] = bad
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="holds values that are not finite"):
        load(tmp_path, device="cpu", quantize=kind)


def test_the_full_weights_are_not_kept_beside_the_packed_ones(tmp_path: Path) -> None:
    make_checkpoint(tmp_path, **WIDE)
    for kind, bits in (("int8", 8.6), ("int4", 6.0)):
        model = load(tmp_path, device="cpu", quantize=kind).model
        layer = model.model.layers[0].mlp.down_proj
        assert isinstance(layer, FORMS[kind]) and not list(layer.parameters())
        packed = [m for m in model.modules() if isinstance(m, QuantLinear)]
        size = sum(buffer.nbytes for m in packed for name, buffer in m.named_buffers() if name != "bias")
        assert size * 8 / sum(m.inputs * m.outputs for m in packed) < bits * 1.35  # 200 inputs are padded to 256


def test_int4_keeps_keys_values_head_and_tower_in_int8(tmp_path: Path) -> None:
    make_checkpoint(tmp_path, **WIDE)
    packed = {name: m.kind for name, m in load(tmp_path, device="cpu", quantize="int4").model.named_modules()
              if isinstance(m, QuantLinear)}  # fmt: skip
    four = {name for name, kind in packed.items() if kind == "int4"}
    layer = ("self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    assert {name.split(".", 3)[3] for name in four} == set(layer) and all(n.startswith("model.layers.") for n in four)
    assert packed["model.layers.0.self_attn.k_proj"] == packed["model.layers.0.self_attn.v_proj"] == "int8"


def test_narrow_layers_keep_eight_bits_in_int4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of 128 inputs are narrow here, those of 200 are not; the bundled model has none that is not."""
    monkeypatch.setattr(parameters, "NARROW", 128)
    make_checkpoint(tmp_path / "full", **WIDE)
    loaded = load(tmp_path / "full", device="cpu", quantize="int4")
    kinds = {name: m.kind for name, m in loaded.model.named_modules() if isinstance(m, QuantLinear)}
    assert {name.split(".", 3)[3] for name, kind in kinds.items() if kind == "int4"} == {"mlp.down_proj"}
    write_packed(loaded, tmp_path / "full", tmp_path / "packed")
    ids = torch.arange(20)[None]
    assert torch.equal(logits(load(tmp_path / "packed", device="cpu"), ids), logits(loaded, ids))
    monkeypatch.undo()
    text = load("bundled", device="cpu").config.text
    assert all(parameters.narrow(inputs) for inputs in (text.hidden_size, text.intermediate_size))
