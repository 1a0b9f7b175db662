"""The native kernels against plain float arithmetic and torch's routes, on every instruction set the machine has."""

from collections.abc import Iterator

import pytest
import torch

from model import kernels, quantize
from model.kernels import Operand
from model.layers import RMSNorm
from model.linear import Layer, Linear, gated, together
from model.rope import rotate, vision_table

PLAIN, BEST = 0, 2
pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture(params=[0, 1, 2], ids=["plain", "avx2", "avx512"])
def level(request: pytest.FixtureRequest) -> Iterator[int]:
    if kernels.use_level(request.param) != request.param:
        pytest.skip("this machine has no such instructions")
    yield request.param
    kernels.use_level(BEST)


def weights(rows: int, inner: int) -> torch.Tensor:
    return torch.randn(rows, inner, generator=torch.Generator().manual_seed(rows)) * 0.05


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.float() - wanted).norm() / wanted.norm())


def one(x: torch.Tensor, operand: Operand) -> torch.Tensor:
    (found,) = kernels.products(x, [operand])
    return found


def made(form: str, inner: int, outputs: int, dtype: torch.dtype) -> Layer:
    """A layer of a format with weights of its own."""
    if form == "plain":
        return Linear(inner, outputs, dtype=dtype)
    layer = {"int8": quantize.Int8Linear, "int4": quantize.Int4Linear}[form](inner, outputs, bias=True)
    layer.weight, layer.weight_scale = layer.pack(weights(outputs, inner))
    layer.bias = torch.randn(outputs)
    return layer


SHAPES = [(4, 64), (13, 192), (127, 320), (256, 2048), (9, 4160)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("outputs", "inner"), SHAPES)
def test_products_are_right(level: int, outputs: int, inner: int, rows: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x, w, bias = torch.randn(2, rows, inner).to(dtype), weights(outputs, inner), torch.randn(outputs)
    rounding = 1e-6 if dtype is torch.float32 else 3e-3
    half = w.bfloat16()
    half_bias = bias.bfloat16()
    wanted = x.float() @ half.float().T + half_bias.float()
    assert apart(one(x, Operand("bf16", half, half_bias)), wanted) < rounding
    for form, most in ((quantize.Int8Linear, 0.01), (quantize.Int4Linear, 0.01)):
        layer = form(inner, outputs, bias=True)
        layer.weight, layer.weight_scale = form.pack(w)
        wanted = x.float() @ layer.dense(torch.float32).T + bias
        found = one(x, Operand(layer.kind, layer.weight, bias, layer.weight_scale))
        assert apart(found, wanted) < most + rounding
        bare = one(x, Operand(layer.kind, layer.weight, None, layer.weight_scale))
        assert apart(bare, wanted - bias) < 2 * (most + rounding)


def test_what_is_not_finite_is_not_lost(level: int) -> None:
    w = weights(8, 128)
    for value in (float("nan"), float("inf")):
        x = torch.zeros(1, 128)
        x[0, 70] = value
        for form in (quantize.Int8Linear, quantize.Int4Linear):
            packed, scale = form.pack(w)
            assert not one(x, Operand(form.kind, packed, None, scale)).isfinite().any()
        assert not one(x, Operand("bf16", w.bfloat16(), None)).isfinite().any()
        q, steps = kernels.quantize_rows(x, 128)
        assert steps.isnan().all() and not q.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_are_quantised_and_scaled_as_torch_does_it(
    level: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, scales, bias = torch.randn(5, 100).to(dtype), torch.rand(13), torch.randn(13)
    q, steps = kernels.quantize_rows(x, 128)
    sums = torch.randint(-9000, 9000, (5, 13), dtype=torch.int32)
    wanted = sums * steps[:, None] * scales + bias
    assert apart(kernels.scale_rows(sums, steps, scales, bias, dtype), wanted) < 4e-3
    assert apart(kernels.scale_rows(sums, steps, scales, None, dtype), wanted - bias) < 4e-3
    assert torch.equal(kernels.column_most(x), x.float().abs().amax(0))
    monkeypatch.setattr(kernels, "available", lambda: False)
    plain, plain_steps = quantize.quantize_rows(x)
    assert torch.allclose(steps, plain_steps) and (q.int() - plain.int()).abs().max() <= 1
    assert not q[:, 100:].any()


def test_int4_is_packed_as_torch_packs_it() -> None:
    w = weights(37, 320)
    w[3, 64:128] = 0
    packed, scale = kernels.pack_int4(w)
    plain, plain_scale = quantize.pack_int4(w)
    assert torch.allclose(scale.float(), plain_scale.float(), rtol=0.01)
    assert (packed != plain).float().mean() < 0.02
    layer = quantize.Int4Linear(320, 37, bias=False)
    layer.weight, layer.weight_scale = packed, scale
    unpacked = layer.dense(torch.float32)
    nearest = w.view(37, 5, 64)
    step = nearest.abs().amax(2, keepdim=True) / 7
    rounded = ((nearest / step.clamp(min=1e-9)).round() * step).view(37, 320)
    assert apart(unpacked, w) < 0.95 * apart(rounded, w)  # the search pays


def test_int4_is_unpacked_to_int8(level: int) -> None:
    layer = quantize.Int4Linear(192, 9, bias=False)
    layer.weight, layer.weight_scale = quantize.Int4Linear.pack(weights(9, 192))
    unpacked, steps = kernels.unpack_int4(layer.weight, layer.weight_scale)
    wanted = layer.dense(torch.float32)
    assert ((unpacked * steps[:, None] - wanted).abs() <= 0.51 * steps[:, None]).all()
    assert apart(unpacked * steps[:, None], wanted) < 0.012


def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of activations, and the count of matrices, with which the kernel is called from here on."""
    calls: list[tuple[int, ...]] = []
    real = kernels.products

    def noting(x: torch.Tensor, operands: list[Operand], gated: bool = False) -> list[torch.Tensor]:
        calls.append((*x.shape, len(operands)))
        return real(x, operands, gated)

    monkeypatch.setattr(kernels, "products", noting)
    return calls


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", ["plain", "int8", "int4"])
def test_layers_together_are_what_each_is_alone(
    level: int, form: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layers = [made(form, 192, outputs, dtype) for outputs in (64, 13, 5)]
    for rows, served in ((1, True), (3, True), (40, False)):
        x = torch.randn(2, rows, 192).to(dtype) if rows < 3 else torch.randn(1, rows, 192).to(dtype)
        alone = [layer(x) for layer in layers]
        calls = counted(monkeypatch)
        for found, wanted in zip(together(x, *layers), alone, strict=True):
            assert torch.equal(found, wanted)
        native = served and (form != "plain" or dtype is torch.bfloat16)
        assert calls.count((*x.shape, 3)) == native and (not native or len(calls) == 1)
        monkeypatch.undo()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", ["plain", "int8", "int4"])
def test_a_gate_is_applied_as_torch_does_it(level: int, form: str, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    gate, up = made(form, 128, 101, dtype), made(form, 128, 101, dtype)
    for rows in (1, 2, 40):
        x = 9 * torch.randn(1, rows, 128).to(dtype)  # far out on both sides of the gate
        wanted = torch.nn.functional.silu(gate(x).float()) * up(x).float()
        assert apart(gated(x, gate, up), wanted) < (1e-5 if dtype is torch.float32 else 6e-3)


def test_a_gate_neither_overflows_nor_loses_what_is_not_finite(level: int) -> None:
    gate, up = torch.tensor([[-1e4], [-88.0], [0.0], [88.0], [1e4]]), torch.ones(5, 1)
    widened = [torch.nn.functional.pad(w.bfloat16(), (0, 63)) for w in (gate, up)]
    x = torch.zeros(1, 64)
    x[0, 0] = 1
    (found,) = kernels.products(x, [Operand("bf16", w, None) for w in widened], gated=True)
    wanted = torch.nn.functional.silu(gate.bfloat16().float()[:, 0])
    assert torch.allclose(found[0], wanted, rtol=1e-5, atol=1e-30)
    x[0, 0] = float("nan")
    (found,) = kernels.products(x, [Operand("bf16", w, None) for w in widened], gated=True)
    assert found.isnan().all()


def test_layers_of_two_kinds_are_computed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [made(form, 128, 16, torch.bfloat16) for form in ("int8", "int4")]
    x = torch.randn(1, 128).bfloat16()
    calls = counted(monkeypatch)
    assert [out.shape for out in together(x, *layers)] == [(1, 16), (1, 16)]
    assert gated(x, *layers).shape == (1, 16) and calls == [(1, 128, 1)] * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norm_is_what_torch_computes(level: int, dtype: torch.dtype) -> None:
    torch.manual_seed(2)
    layer = RMSNorm(192, 1e-6).to(dtype)
    layer.weight.copy_(torch.rand(192))
    for x in (torch.randn(1, 1, 192), 1e-4 * torch.randn(4, 192), torch.zeros(1, 192), torch.randn(1, 99, 192)):
        given = x.to(dtype)
        wanted = torch.nn.functional.rms_norm(given.float(), (192,), layer.weight.float(), 1e-6)
        assert torch.allclose(layer(given).float(), wanted, rtol=1e-5 if dtype is torch.float32 else 8e-3, atol=1e-7)
    x = torch.full((1, 192), float("nan"), dtype=dtype)
    assert layer(x).isnan().all()


@pytest.mark.parametrize("table_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_heads_are_rotated_as_torch_does_it(
    level: int, dtype: torch.dtype, table_dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    cos, sin = (part[:, None].to(table_dtype) for part in vision_table(torch.randint(0, 30, (7, 2)), 40))
    packed = torch.randn(7, 3, 4, 40).to(dtype)
    given = [*packed.unbind(1), torch.randn(7, 4, 80).to(dtype)[..., ::2], packed[:, 0].view(7, 4, 40)[:, :1]]
    found = [rotate(x, cos, sin) for x in given]
    row = rotate(given[0].view(1, 7, 4, 40), cos[None], sin[None])
    monkeypatch.setattr(kernels, "available", lambda: False)
    for x, turned in zip(given, found, strict=True):
        wanted = rotate(x.float(), cos.float(), sin.float())
        assert turned.shape == x.shape and turned.dtype is dtype
        assert torch.allclose(turned.float(), wanted, rtol=1e-6 if dtype is torch.float32 else 8e-3, atol=1e-5)
    assert torch.equal(row[0], found[0])


def test_a_linear_layer_takes_the_kernel_for_few_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Linear(128, 64, dtype=torch.bfloat16)
    calls = counted(monkeypatch)
    for rows in (1, 4, 5, 40):
        x = torch.randn(1, rows, 128).bfloat16()
        wanted = x.float() @ layer.weight.float().T + layer.bias.float()
        assert apart(layer(x), wanted) < 5e-3
    assert calls == [(1, 1, 128, 1), (1, 4, 128, 1)]
    with torch.enable_grad():
        assert layer(torch.randn(1, 128).bfloat16()).requires_grad
    assert len(calls) == 2


def test_what_is_compiled_stays_with_torch() -> None:
    """A compiler cannot see into the kernels; it would break the graph at each and warn."""
    graphs = []

    def backend(graph: torch.fx.GraphModule, _: object) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    layer, x = RMSNorm(64, 1e-6), torch.randn(3, 64)
    compiled = torch.compile(layer, backend=backend, fullgraph=True)
    assert torch.allclose(compiled(x), layer(x), atol=1e-6) and len(graphs) == 1


def test_switched_off_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.OFF, "1")
    kernels._open.cache_clear()
    assert not kernels.available() and kernels.OFF in kernels.obstacle()
    monkeypatch.delenv(kernels.OFF)
    kernels._open.cache_clear()
    assert kernels.available() and kernels.obstacle() == ""
