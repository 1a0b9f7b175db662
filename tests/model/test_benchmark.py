"""The benchmark of one model: work counted against worked numbers and torch's own count, stages, ceilings, what cannot
be measured.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from model import benchmark, parameters, roofline
from model.benchmark import Bench, Settings, measure
from model.errors import PromptError
from model.loading import LoadedModel, load
from model.roofline import (
    Ceilings,
    covered,
    decode_bytes,
    machine,
    matrix_rate,
    measure_ceilings,
    peak_bytes,
    prefill_flops,
    read_rate,
    vision_flops,
)
from tests.tiny import make_checkpoint

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def loaded(folder: Path) -> LoadedModel:
    """Return the tiny model, attending step by step, so that torch's counter sees every product."""
    return load(folder, device="cpu", attention="eager")


@pytest.fixture
def small_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the ceilings in a moment."""
    monkeypatch.setattr(roofline, "READ_BYTES", 1 << 20)
    monkeypatch.setattr(roofline, "LAST_SIDE", roofline.FIRST_SIDE)


def settings(folder: Path, **changes: Any) -> Settings:
    work = {"runs": 2, "tokens": 3, "image_side": 140, "clip_frames": 5}
    return Settings(str(folder), **({"device": "cpu"} | work | changes))


@torch.inference_mode()
def test_operations_are_those_that_torch_counts(folder: Path, loaded: LoadedModel) -> None:
    """The tower exactly; a prompt but for the causal half of attention, which torch's own way computes in full."""
    bench = Bench(loaded, settings(folder))
    network, config = loaded.model, loaded.config
    for media in (bench.picture, bench.clip):
        with FlopCounterMode(display=False) as counted:
            network.encode_media([media])
        assert vision_flops(config, [media.grid]) == counted.get_total_flops()
    features = network.encode_media([bench.picture])
    with FlopCounterMode(display=False) as counted:
        ids = torch.tensor([bench.ids])
        network.prefill(ids, [bench.picture], network.new_cache(1, len(bench.ids)), features=features)
    length, text = len(bench.ids), config.text
    skipped = (text.num_hidden_layers - 1) * (length * length - length * (length + 1) // 2)
    skipped *= 2 * 2 * text.num_attention_heads * text.head_dim
    # The last layer projects the queries of its last position only.
    assert prefill_flops(config, length) + skipped == counted.get_total_flops()


def test_operations_of_one_position_are_twice_the_weights(loaded: LoadedModel) -> None:
    """Worked: one position multiplies every weight of decoder and head once, and attends to itself in every layer."""
    text = loaded.config.text
    weights = sum(tensor.numel() for tensor in loaded.model.model.layers.parameters() if tensor.ndim == 2)
    weights += text.vocab_size * text.hidden_size
    itself = 2 * text.num_attention_heads * text.head_dim * text.num_hidden_layers
    assert prefill_flops(loaded.config, 1) == 2 * (weights + itself)


def test_bytes_of_a_token_are_what_decoder_and_head_hold(tmp_path: Path, loaded: LoadedModel) -> None:
    """Untied heads count, the embedding does not; tied ones count once; another format counts as it is stored."""
    network = loaded.model
    held = sum(t.nbytes for n, t in network.named_parameters() if not n.startswith(("visual.", "model.embed")))
    assert decode_bytes(network) == held
    tied = load(make_checkpoint(tmp_path / "tied", tied=True), device="cpu").model
    assert decode_bytes(tied) == sum(t.nbytes for n, t in tied.named_parameters() if not n.startswith("visual."))


def quantized(network: nn.Module) -> None:
    """Keep the weights of every linear layer of the decoder as int8 buffers."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear):
            weight = layer.weight
            del layer.weight
            layer.register_buffer("packed", torch.zeros(weight.shape, dtype=torch.int8))


def test_buffers_count_and_hidden_weights_are_not_guessed(loaded: LoadedModel) -> None:
    """Int8 weights in buffers are a quarter of float32; without any the count is unknown, not small."""
    layers = loaded.model.model.layers
    before = decode_bytes(loaded.model)
    weights = sum(layer.weight.nbytes for layer in layers.modules() if isinstance(layer, nn.Linear))
    quantized(layers)
    assert before is not None and decode_bytes(loaded.model) == before - weights * 3 // 4
    for layer in layers.modules():
        layer._buffers.pop("packed", None)
    loaded.model.lm_head = nn.Linear(1, 1)  # type: ignore[assignment]
    assert decode_bytes(loaded.model) is None


@pytest.mark.parametrize(("kind", "most"), [("int8", 0.3), ("int4", 0.25)])
def test_packed_models_read_less(
    folder: Path, loaded: LoadedModel, kind: str, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this project packs is seen; at these widths padding and scales weigh more than at real ones."""
    monkeypatch.setattr(parameters, "NARROW", 0)  # as wide layers
    plain, packed = decode_bytes(loaded.model), decode_bytes(load(folder, device="cpu", quantize=kind).model)
    assert plain is not None and packed is not None
    assert plain / 8 < packed < most * plain


def test_shared_memory_counts_once() -> None:
    whole = torch.zeros(6, 4)
    assert covered([whole[:3], whole[2:5], torch.zeros(2)]) == 5 * 16 + 8
    assert covered([]) == 0


def test_every_stage_is_measured(folder: Path, small_ceilings: None) -> None:
    """Times, rates and shares fit together; what is said is what was done."""
    said: list[str] = []
    report = measure(settings(folder), said.append)
    assert report.work == {
        "image": [140, 140],
        "clip": [336, 336],
        "clip_frames": 5,
        "prompt_tokens": report.work["prompt_tokens"],
        "decoded_tokens": 3,
        "runs": 2,
    }
    assert said[0] == f"loading {folder} …" and len(said) == 5
    assert report.model["attention"] == "sdpa" and report.model["dtype"] == "float32"
    assert all(stage["seconds"] > 0 for stage in report.stages.values() if stage["seconds"] is not None)
    picture = report.stages["vision_picture"]
    assert picture["tokens_per_s"] == pytest.approx(25 / picture["seconds"])
    assert picture["share"] == pytest.approx(picture["flops"] / picture["seconds"] / report.ceilings.matrix)
    decode = report.stages["decode"]
    assert decode["share"] == pytest.approx(
        decode["bytes"] * decode["tokens_per_s"] / report.ceilings.memory_bytes_per_s
    )
    assert report.peak_memory_bytes is not None and report.peak_memory_bytes > 1 << 20
    assert list(report.ceilings.matrix_flops_per_s) == ["float32"]


def test_decode_goes_on_where_an_answer_would_end(loaded: LoadedModel, folder: Path) -> None:
    """Every token ends the answer here, and still all of them are timed: one before, then as many as asked for."""
    every = tuple(range(loaded.config.text.vocab_size))
    bench = Bench(replace(loaded, generation=replace(loaded.generation, eos_token_ids=every)), settings(folder))
    steps, plain = [], loaded.model.step
    loaded.model.step = lambda ids, cache: steps.append(ids) or plain(ids, cache)  # type: ignore[method-assign]
    bench.answer()
    assert len(steps) == 4


def test_medians_leave_the_warm_up_out(loaded: LoadedModel, folder: Path) -> None:
    bench = Bench(loaded, settings(folder, runs=3))
    times = iter([90.0, 1.0, 3.0, 2.0])
    assert bench._median(lambda: next(times)) == 2.0


def test_sizes_keep_to_the_limits_of_the_model(loaded: LoadedModel) -> None:
    limits = replace(loaded.preprocess, max_pixels=168 * 168, video_max_frames=6)
    assert benchmark.picture_frames(4000, limits).shape == (1, 168, 168, 3)
    assert benchmark.clip_frames(1, 100, limits).shape[0] == 6


def test_work_beyond_the_context_is_refused(folder: Path) -> None:
    with pytest.raises(PromptError, match="do not fit the 4096 of the model") as raised:
        measure(settings(folder, tokens=4096))
    assert raised.value.hint == "lower --image-side or --tokens"


def test_ceilings_of_this_machine(small_ceilings: None) -> None:
    """Rates that any machine has; int8 only where asked for."""
    found = measure_ceilings(CPU, [torch.float32, torch.int8], 2)
    assert found.memory_bytes_per_s is not None and found.memory_bytes_per_s > 1e7
    assert set(found.matrix_flops_per_s) == {"float32", "int8"}
    assert found.matrix == max(found.matrix_flops_per_s.values()) > 1e7


def test_what_cannot_be_measured_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format without a product, and memory that is not there."""
    assert matrix_rate(CPU, torch.bool, 1) is None
    monkeypatch.setattr(roofline, "READ_BYTES", 1 << 62)
    assert read_rate(CPU, 1) is None
    assert measure_ceilings(CPU, [torch.bool], 1) == Ceilings(None, {})
    assert Ceilings(None, {}).matrix is None


def test_shares_are_unknown_without_ceilings(loaded: LoadedModel, folder: Path) -> None:
    bench = Bench(loaded, settings(folder))
    stages = bench.stages(dict.fromkeys(TIMES, 0.5), Ceilings(None, {}))
    assert [stages[name]["share"] for name in ("vision_picture", "vision_clip", "prefill", "decode")] == [None] * 4
    assert stages["decode"]["tokens_per_s"] == 2.0
    assert benchmark._warnings(stages) == []


TIMES = ("vision_picture", "vision_clip", "prefill", "decode", "first_token", "first_token_cold")


@pytest.mark.parametrize(
    ("stage", "change", "part"),
    [
        ("decode", {"share": 1.2}, "above the memory ceiling"),
        ("decode", {"bytes": None}, "share of decode is unknown"),
        ("prefill", {"share": 1.2}, "above the matrix ceiling"),
    ],
)
def test_shares_that_mean_less_are_explained(
    loaded: LoadedModel, folder: Path, stage: str, change: dict[str, Any], part: str
) -> None:
    ceilings = Ceilings(1e15, {"float32": 1e18})
    stages = Bench(loaded, settings(folder)).stages(dict.fromkeys(TIMES, 0.5), ceilings)
    stages[stage] |= change
    (warning,) = benchmark._warnings(stages)
    assert part in warning


def test_quantized_models_are_held_against_int8_too(loaded: LoadedModel) -> None:
    assert benchmark._formats(loaded) == [torch.float32]
    assert benchmark._formats(replace(loaded, quantize="int8")) == [torch.float32, torch.int8]


def test_facts_of_the_machine() -> None:
    facts = machine(CPU)
    assert facts["torch"] == torch.__version__ and facts["threads"] == torch.get_num_threads()
    assert facts["device"] == facts["cpu"] != ""
    held = torch.ones(8 << 20)
    assert (peak_bytes(CPU) or 0) > held.nbytes


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda(folder: Path, small_ceilings: None) -> None:
    report = measure(settings(folder, device="cuda"))
    assert report.machine["device"] == torch.cuda.get_device_name()
    assert 0 < (report.peak_memory_bytes or 0) <= torch.cuda.max_memory_allocated()  # the ceilings came after it
    assert report.ceilings.memory_bytes_per_s is not None
