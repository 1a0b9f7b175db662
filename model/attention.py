"""One attend() for both halves of the network, with backends eager, sdpa and varlen behind one call.

The backend is resolved once, with the reason kept, so that an ablation is a flag and `--verbose` can say why.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from model.errors import BackendUnavailable
from model.positions import Segments

BACKENDS = ("auto", "eager", "sdpa", "varlen")
FLASH_MAJOR = 8  # the oldest compute capability that FlashAttention, which varlen calls, runs on


@dataclass(frozen=True)
class Backend:
    """The chosen way to attend and why it was chosen."""

    name: str
    reason: str


@dataclass(frozen=True)
class Causal:
    """The decoder's pattern: every position sees itself and what stands before it in the cache.

    `mask` (B, 1, S, T), true where attention is allowed, replaces the plain triangle when rows are padded or
    branches share a prefix. It may be floating too: then it is added to the scores, which spares turning it into that
    in every layer.
    """

    mask: Tensor | None = None


@dataclass(frozen=True)
class Branched:
    """Rows (B, S) of a shared prefix of P positions and branches behind it, each seeing the prefix and itself.

    Branches of about one length are computed together, padded to the longest of them: for each such group `rows` (n,)
    says in which row a branch lies and `slots` (n, L) where its positions stand among all B * S, any for padding.
    `order` (B, S) says where the result of each position stands behind those of the prefixes and of the groups before.
    """

    prefix: int
    rows: tuple[Tensor, ...]
    slots: tuple[Tensor, ...]
    order: Tensor

    def to(self, device: torch.device) -> "Branched":
        """Move every tensor."""
        rows, slots = (tuple(one.to(device) for one in group) for group in (self.rows, self.slots))
        return Branched(self.prefix, rows, slots, self.order.to(device))


def _varlen_obstacle(device: torch.device, dtype: torch.dtype) -> str | None:
    """Say why variable-length attention cannot run here, or None when it can."""
    if device.type != "cuda":
        return f"it needs a CUDA device, not {device.type}"
    if dtype not in (torch.bfloat16, torch.float16):
        return f"it needs bfloat16 or float16, not {str(dtype).removeprefix('torch.')}"
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: F401
    except ImportError:
        return f"torch {torch.__version__} has no torch.nn.attention.varlen"
    if not torch.backends.cuda.is_flash_attention_available():
        return f"torch {torch.__version__} was built without FlashAttention"
    major, minor = torch.cuda.get_device_capability(device)
    if major < FLASH_MAJOR:
        return f"it needs compute capability {FLASH_MAJOR}.0, and {device} has {major}.{minor}"
    return None


def resolve_backend(name: str, device: torch.device, dtype: torch.dtype) -> Backend:
    """Choose a backend; `auto` takes varlen where it runs and sdpa elsewhere.

    Raises BackendUnavailable when a backend is asked for by name that cannot run, or is unknown.
    """
    if name not in BACKENDS:
        raise BackendUnavailable(f"attention backend {name!r} is unknown", f"choose one of {', '.join(BACKENDS)}")
    if name in ("eager", "sdpa"):
        return Backend(name, "asked for")
    obstacle = _varlen_obstacle(device, dtype)
    if obstacle is None:
        return Backend("varlen", "asked for" if name == "varlen" else "packed media on CUDA in half precision")
    if name == "varlen":
        raise BackendUnavailable(f"attention backend 'varlen' cannot run: {obstacle}", "use --attention auto")
    return Backend("sdpa", f"varlen cannot run: {obstacle}")


def attend(q: Tensor, k: Tensor, v: Tensor, pattern: Segments | Causal | Branched, backend: Backend) -> Tensor:
    """Scaled dot-product attention, softmax in float32 or better.

    With `Segments`: q, k, v (P, H, d) packed -> (P, H, d), attention within each segment.
    With `Causal`: q (B, H, S, d), k and v (B, K, T, d) with T >= S -> (B, H, S, d); the S queries are the last ones.
    With `Branched`: q (B, H, S, d), k and v (B, K, S, d) -> (B, H, S, d).
    """
    if isinstance(pattern, Branched):
        return _branched(q, k, v, pattern, eager=backend.name == "eager")
    if isinstance(pattern, Causal):
        return _causal(q, k, v, pattern.mask, eager=backend.name == "eager")
    if backend.name == "varlen":
        return _varlen(q, k, v, pattern)
    return _packed(q, k, v, pattern, eager=backend.name == "eager")


def _dense(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, eager: bool) -> Tensor:
    """(N, H, S, d) attention by torch's fused kernel, or written out step by step."""
    if not eager:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5  # (N, H, S, T)
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype is torch.bool else scores + mask
    out: Tensor = scores.float().softmax(-1).to(q.dtype) @ v
    return out


def _packed(q: Tensor, k: Tensor, v: Tensor, segments: Segments, eager: bool) -> Tensor:
    """Run each stretch of equal segments as one batch."""
    pieces, start = [], 0
    for count, length in segments.runs:
        span = slice(start, start + count * length)
        parts = [x[span].view(count, length, *x.shape[1:]).transpose(1, 2) for x in (q, k, v)]  # (N, H, n, d)
        out = _dense(parts[0], parts[1], parts[2], None, False, eager)
        pieces.append(out.transpose(1, 2).reshape(count * length, *q.shape[1:]))  # (N*n, H, d)
        start += count * length
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def _varlen(q: Tensor, k: Tensor, v: Tensor, segments: Segments) -> Tensor:
    """Let one CUDA kernel walk all segments."""
    from torch.nn.attention.varlen import varlen_attn

    bounds = segments.bounds.to(q.device)
    out = varlen_attn(q, k, v, bounds, bounds, segments.longest, segments.longest)
    return out if isinstance(out, Tensor) else out[0]


def _causal(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, eager: bool) -> Tensor:
    """Grouped-query attention over the cache, without copying keys and values when a single query decodes."""
    batch, heads, queries, dim = q.shape
    groups = heads // k.shape[1]
    if queries == 1:
        # One query per head: let the heads that share keys stand as rows of one small matrix.
        rows = q.view(batch, k.shape[1], groups, dim)  # (B, K, H/K, d)
        return _dense(rows, k, v, mask, False, eager).reshape(batch, heads, 1, dim)  # (B, H, 1, d)
    if groups > 1:
        k = k.repeat_interleave(groups, dim=1)
        v = v.repeat_interleave(groups, dim=1)
    if mask is None and k.shape[2] != queries:
        total = k.shape[2]
        mask = torch.ones(queries, total, dtype=torch.bool, device=q.device).tril(total - queries)
    return _dense(q, k, v, mask, mask is None, eager)


def _branched(q: Tensor, k: Tensor, v: Tensor, pattern: Branched, eager: bool) -> Tensor:
    """Attend within the prefixes, then a group of branches at a time; no score of two branches is ever computed."""
    batch, heads, _, dim = q.shape
    shared, groups = pattern.prefix, heads // k.shape[1]
    flat = [x.transpose(1, 2).flatten(0, 1) for x in (q, k, v)]  # (B*S, H or K, d)
    seen = [x[:, :, :shared].repeat_interleave(groups, dim=1) for x in (k, v)]  # (B, H, P, d)
    out = _dense(q[:, :, :shared], seen[0], seen[1], None, True, eager)  # (B, H, P, d)
    found = [out.transpose(1, 2).reshape(-1, heads, dim)]  # (B*P, H, d)
    for rows, slots in zip(pattern.rows, pattern.slots, strict=True):
        count, length = slots.shape
        own = [
            x.index_select(0, slots.flatten()).view(count, length, -1, dim).transpose(1, 2) for x in flat
        ]  # (n, H or K, L, d)
        own[1:] = [x.repeat_interleave(groups, dim=1) for x in own[1:]]  # (n, H, L, d)
        keys, values = (torch.cat([one.index_select(0, rows), two], 2) for one, two in zip(seen, own[1:], strict=True))
        mask = torch.ones(length, shared + length, dtype=torch.bool, device=q.device).tril(shared)
        out = _dense(own[0], keys, values, mask, False, eager)  # (n, H, L, d)
        found.append(out.transpose(1, 2).reshape(-1, heads, dim))  # (n*L, H, d)
    whole = torch.cat(found).index_select(0, pattern.order.flatten())  # (B*S, H, d)
    return whole.view(batch, -1, heads, dim).transpose(1, 2)  # (B, H, S, d)
