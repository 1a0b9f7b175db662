"""attend() against attention written out one query at a time: packed segments, causal, padded, grouped, decoding."""

import pytest
import torch
from torch import Tensor

from model import attention
from model.attention import BACKENDS, Backend, Causal, attend, resolve_backend
from model.errors import BackendUnavailable
from model.language import padded_mask
from model.positions import Segments, vision_plan

CPU = torch.device("cpu")
EAGER, SDPA = Backend("eager", "test"), Backend("sdpa", "test")
BOTH = pytest.mark.parametrize("backend", [EAGER, SDPA], ids=lambda backend: backend.name)


def one_by_one(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor) -> Tensor:
    """Attend with q (B, H, S, d), k and v (B, K, T, d) in float64 loops; `allowed` (B, S, T)."""
    out = torch.zeros(q.shape, dtype=torch.float64)
    shared = q.shape[1] // k.shape[1]
    for b, h, s in torch.cartesian_prod(*(torch.arange(n) for n in q.shape[:3])).tolist():
        seen = allowed[b, s]
        keys, values = k[b, h // shared][seen].double(), v[b, h // shared][seen].double()
        weights = torch.softmax(keys @ q[b, h, s].double() / q.shape[-1] ** 0.5, dim=0)
        out[b, h, s] = weights @ values
    return out.float()


def grouped(batch: int, heads: int, kv_heads: int, queries: int, total: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = (batch, heads, queries, 8), (batch, kv_heads, total, 8), (batch, kv_heads, total, 8)
    q, k, v = (torch.randn(shape, generator=generator) for shape in shapes)
    return q, k, v


def triangle(batch: int, queries: int, total: int) -> Tensor:
    return torch.ones(batch, queries, total, dtype=torch.bool).tril(total - queries)


def packed(segments: Segments, device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    total = int(segments.bounds[-1])
    return [torch.randn(total, 3, 16, generator=generator).to(device, dtype) for _ in range(3)]


@BOTH
def test_segments_attend_within_themselves(backend: Backend) -> None:
    segments = vision_plan([(2, 6, 10), (1, 2, 2)], window_tokens=2).windows
    assert len(segments.runs) > 1 and len(segments.bounds) > 6, "the case must have windows of several sizes"
    q, k, v = packed(segments)
    owner = torch.bucketize(torch.arange(len(q)), segments.bounds[1:].long(), right=True)
    allowed = (owner[:, None] == owner[None, :])[None]
    expected = one_by_one(*(x.transpose(0, 1)[None] for x in (q, k, v)), allowed)[0].transpose(0, 1)
    torch.testing.assert_close(attend(q, k, v, segments, backend), expected, atol=1e-5, rtol=0)


@BOTH
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize(("queries", "total"), [(7, 7), (3, 7), (1, 7), (1, 1)])
def test_causal_and_grouped(backend: Backend, heads: int, kv_heads: int, queries: int, total: int) -> None:
    q, k, v = grouped(2, heads, kv_heads, queries, total)
    expected = one_by_one(q, k, v, triangle(2, queries, total))
    torch.testing.assert_close(attend(q, k, v, Causal(), backend), expected, atol=1e-5, rtol=0)


@BOTH
def test_queries_behind_others_attend_some_at_a_time(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mask of all queries and keys is made: a long clip behind another would take gigabytes."""
    monkeypatch.setattr("model.attention.FURTHER", 3)
    made, dense = list[int](), attention._dense

    def noted(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, causal: bool, eager: bool) -> Tensor:
        made.append(mask.numel())
        return dense(q, k, v, mask, causal, eager)

    monkeypatch.setattr(attention, "_dense", noted)
    q, k, v = grouped(2, 4, 2, 8, 13)
    torch.testing.assert_close(
        attend(q, k, v, Causal(), backend), one_by_one(q, k, v, triangle(2, 8, 13)), atol=1e-5, rtol=0
    )
    assert made == [3 * 8, 3 * 11, 2 * 13]


@BOTH
@pytest.mark.parametrize("queries", [6, 2, 1])
def test_padded_rows_do_not_see_their_padding(backend: Backend, queries: int) -> None:
    q, k, v = grouped(3, 4, 2, queries, 6)
    visible = torch.tensor([[True] * 6, [False] * 2 + [True] * 4, [False] * 5 + [True]])
    mask = padded_mask(visible, queries)
    assert mask.shape == (3, 1, queries, 6)
    out = attend(q, k, v, Causal(mask), backend)
    assert out.isfinite().all(), "a padded query must have something to see"
    torch.testing.assert_close(out, one_by_one(q, k, v, mask[:, 0]), atol=1e-5, rtol=0)
    for row, left in enumerate((0, 2, 5)):  # real queries: as if the row stood alone
        real = min(queries, 6 - left)
        alone = attend(q[row : row + 1, :, -real:], *(x[row : row + 1, :, left:] for x in (k, v)), Causal(), backend)
        torch.testing.assert_close(out[row : row + 1, :, -real:], alone, atol=1e-5, rtol=0)


@BOTH
def test_decoding_equals_the_last_row_of_a_prefill(backend: Backend) -> None:
    q, k, v = grouped(2, 6, 2, 9, 9)
    whole = attend(q, k, v, Causal(), backend)
    for position in range(9):
        step = slice(position, position + 1)
        out = attend(q[:, :, step], k[:, :, : position + 1], v[:, :, : position + 1], Causal(), backend)
        torch.testing.assert_close(out, whole[:, :, step], atol=1e-5, rtol=0)


@BOTH
def test_softmax_survives_large_scores(backend: Backend) -> None:
    q, k, v = grouped(1, 2, 2, 4, 4)
    out = attend(q * 1e4, k * 1e4, v, Causal(), backend)
    assert out.isfinite().all()
    torch.testing.assert_close(out, one_by_one(q * 1e4, k * 1e4, v, triangle(1, 4, 4)), atol=1e-4, rtol=0)


def test_auto_falls_back_with_a_reason() -> None:
    backend = resolve_backend("auto", CPU, torch.bfloat16)
    assert backend.name == "sdpa" and "CUDA" in backend.reason
    assert "float32" in resolve_backend("auto", torch.device("cuda"), torch.float32).reason
    assert all(resolve_backend(name, CPU, torch.float32).name == name for name in ("eager", "sdpa"))


def test_what_cannot_run_is_refused_with_a_reason() -> None:
    with pytest.raises(BackendUnavailable, match="CUDA device, not cpu") as caught:
        resolve_backend("varlen", CPU, torch.bfloat16)
    assert "auto" in caught.value.hint
    with pytest.raises(BackendUnavailable, match="'flash' is unknown") as caught:
        resolve_backend("flash", CPU, torch.bfloat16)
    assert all(name in caught.value.hint for name in BACKENDS)


@pytest.mark.parametrize(
    ("built", "capability", "reason"),
    [
        (False, (9, 0), "built without FlashAttention"),
        (True, (7, 5), "compute capability 8.0, and cuda:1 has 7.5"),
        (True, (8, 0), None),
        (True, (12, 0), None),
    ],
)
def test_varlen_is_left_to_gpus_and_builds_that_have_its_kernel(
    built: bool, capability: tuple[int, int], reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: built)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    chosen = resolve_backend("auto", torch.device("cuda", 1), torch.float16)
    assert chosen.name == ("varlen" if reason is None else "sdpa")
    assert reason is None or reason in chosen.reason


@BOTH
def test_a_mask_may_be_added_to_the_scores(backend: Backend) -> None:
    q, k, v = grouped(2, 4, 2, 1, 6)
    mask = torch.tensor([[True, False, True, True, False, True], [False] * 5 + [True]])[:, None, None]
    added = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
    assert torch.equal(attend(q, k, v, Causal(added), backend), attend(q, k, v, Causal(mask), backend))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_varlen_equals_eager_on_a_gpu() -> None:
    backend = resolve_backend("varlen", torch.device("cuda"), torch.bfloat16)
    segments = vision_plan([(2, 6, 10), (1, 2, 2)], window_tokens=2).windows
    q, k, v = packed(segments, torch.device("cuda"), torch.bfloat16)
    expected = attend(q.float(), k.float(), v.float(), segments, EAGER)
    torch.testing.assert_close(attend(q, k, v, segments, backend).float(), expected, atol=2e-2, rtol=0)
