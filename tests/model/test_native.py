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


@pytest.mark.parametrize("tied", [False, True], ids=["head", "tied"])
@pytest.mark.parametrize(
    ("dtype", "quantize", "close"),
    [
        ("bfloat16", "none", 0.02), ("bfloat16", "int8", 0.02), ("float32", "int8", 1e-4), ("bfloat16", "int4", 0.02),
        ("float32", "int4", 1e-4),
    ],
)  # fmt: skip
def test_native_steps_are_the_ordinary_ones(
    tmp_path: Path, dtype: str, quantize: str, close: float, tied: bool
) -> None:
    loaded = made(tmp_path, dtype, quantize, tied)
    native, ordinary = (decoded(loaded, static, ids(PROMPT + STEPS)) for static in (None, False))
    assert float((native - ordinary).norm() / ordinary.norm()) < close
    assert not torch.equal(native[1], native[2])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_instruction_set_decodes_alike(tmp_path: Path, level: int) -> None:
    """At every position most of seven texts agree as sums in another order do.

    In one of five an activation lies on the border of two eight-bit steps somewhere, and is rounded to either: a
    hundredth of that step's length and, through the cache, of later ones. In which texts, the processor decides.
    """
    if kernels.use_level(level) != level:
        pytest.skip("this machine has no such instructions")
    loaded = made(tmp_path, "float32", "int8", num_attention_heads=12, num_key_value_heads=4, hidden_size=192)
    apart = []
    try:
        for text in ids(7 * (PROMPT + STEPS)).view(7, 1, -1):
            native, ordinary = (decoded(loaded, static, text) for static in (None, False))
            apart.append((native - ordinary).norm(dim=1) / ordinary.norm(dim=1))  # (STEPS + 1)
    finally:
        kernels.use_level(kernels.BEST)
    far = torch.stack(apart)
    assert far.median(dim=0).values.max() < 1e-5 and far.max() < 0.05, far


def test_rotations_are_computed_anew_when_they_run_out(tmp_path: Path) -> None:
    loaded, steps = made(tmp_path, "float32", "int8"), AHEAD + 3
    native, ordinary = (decoded(loaded, static, ids(PROMPT + steps), steps) for static in (None, False))
    assert float((native[-3:] - ordinary[-3:]).norm() / ordinary[-3:].norm()) < 1e-4


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
