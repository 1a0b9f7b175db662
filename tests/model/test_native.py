"""Native steps of decoding against the ordinary ones, in every format; and where they do not serve."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from model import kernels, parameters
from model.errors import GenerationError
from model.loading import LoadedModel, load
from model.native import AHEAD, NativeStepper
from tests.tiny import make_checkpoint

pytestmark = pytest.mark.usefixtures("library")
STEPS, PROMPT = 12, 7
FITTING = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2}


def made(folder: Path, dtype: str, quantize: str, tied: bool = False, **changes: int) -> LoadedModel:
    """A network whose sizes are whole groups."""
    path = make_checkpoint(folder, tied=tied, **(FITTING | changes))
    return load(path, device="cpu", dtype=dtype, quantize=quantize)


def ids(count: int) -> Tensor:
    return torch.randint(0, 256, (1, count), generator=torch.Generator().manual_seed(count))


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of a few inputs are packed as wide ones are, so that int4 is seen here."""
    monkeypatch.setattr(parameters, "NARROW", 0)


@torch.inference_mode()
def decoded(loaded: LoadedModel, static: bool | None, tokens: Tensor, steps: int = STEPS) -> Tensor:
    """Logits (steps + 1, V) of the prompt and of what is fed after it."""
    model = loaded.model
    model.static = static
    cache = model.new_cache(1, PROMPT + steps)
    rows = [model.prefill(tokens[:, :PROMPT], [], cache)]
    assert isinstance(cache.stepper, NativeStepper) == (static is None)
    rows += [model.step(tokens[:, PROMPT + step], cache).clone() for step in range(steps)]
    assert cache.length == PROMPT + steps and int(cache.next_position) == PROMPT + steps
    return torch.cat(rows).float()


def same_but_one(native: Tensor, ordinary: Tensor) -> bool:
    """Whether all steps (N, V) of a float32 network agree as sums in two orders do, one of them as roundings may.

    An activation on the border of two eight-bit steps goes up in the one order and down in the other; which does so
    depends on the processor.
    """
    apart = ((native - ordinary).norm(dim=1) / ordinary.norm(dim=1)).sort().values
    return bool(apart[-2] < 1e-5 and apart[-1] < 0.02)


@pytest.mark.parametrize("tied", [False, True], ids=["head", "tied"])
@pytest.mark.parametrize(
    ("dtype", "quantize"),
    [("bfloat16", "none"), ("bfloat16", "int8"), ("float32", "int8"), ("bfloat16", "int4"), ("float32", "int4")],
)
def test_native_steps_are_the_ordinary_ones(tmp_path: Path, dtype: str, quantize: str, tied: bool) -> None:
    loaded = made(tmp_path, dtype, quantize, tied)
    native, ordinary = (decoded(loaded, static, ids(PROMPT + STEPS)) for static in (None, False))
    assert float((native - ordinary).norm() / ordinary.norm()) < 0.02
    assert dtype == "bfloat16" or same_but_one(native, ordinary)
    assert not torch.equal(native[1], native[2])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_instruction_set_decodes_alike(tmp_path: Path, level: int) -> None:
    if kernels.use_level(level) != level:
        pytest.skip("this machine has no such instructions")
    loaded = made(tmp_path, "float32", "int8", num_attention_heads=12, num_key_value_heads=4, hidden_size=192)
    try:
        native, ordinary = (decoded(loaded, static, ids(PROMPT + STEPS)) for static in (None, False))
    finally:
        kernels.use_level(kernels.BEST)
    assert same_but_one(native, ordinary)


def test_rotations_are_computed_anew_when_they_run_out(tmp_path: Path) -> None:
    loaded, steps = made(tmp_path, "float32", "int8"), AHEAD + 3
    native, ordinary = (decoded(loaded, static, ids(PROMPT + steps), steps) for static in (None, False))
    assert same_but_one(native[-3:], ordinary[-3:])


@torch.inference_mode()
def test_a_full_cache_is_refused(tmp_path: Path) -> None:
    model = made(tmp_path, "bfloat16", "int8").model
    cache = model.new_cache(1, PROMPT)
    model.prefill(ids(PROMPT), [], cache)
    with pytest.raises(GenerationError, match=f"full at {PROMPT} positions"):
        model.step(ids(1)[0], cache)


@torch.inference_mode()
@pytest.mark.parametrize(
    "case", ["float32 weights", "rows", "padding", "odd sizes", "eager", "no kernels"],
)  # fmt: skip
def test_what_they_do_not_serve_is_decoded_as_ever(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = {"intermediate_size": 96} if case == "odd sizes" else {}
    model = made(tmp_path, *(("float32", "none") if case == "float32 weights" else ("bfloat16", "int8")), **wide).model
    rows = 2 if case == "rows" else 1
    if case == "eager":
        model.backend = type(model.backend)("eager", "test")
    if case == "no kernels":
        monkeypatch.setattr(kernels, "available", lambda: False)
    cache = model.new_cache(rows, PROMPT + 1)
    model.prefill(ids(PROMPT).expand(rows, -1), [], cache, pad=[2] if case == "padding" else None)
    assert cache.stepper is None
    assert model.step(ids(1)[0].expand(rows), cache).isfinite().all()
