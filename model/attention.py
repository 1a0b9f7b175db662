"""One attend() for both halves of the network, with backends eager, sdpa and varlen behind one call.

The backend is resolved once, with the reason kept, so that an ablation is a flag and `--verbose` can say why.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from model.errors import BackendUnavailable
from model.positions import Segments

BACKENDS = ("auto", "eager", "sdpa", "varlen")
FURTHER = 512  # queries that attend at a time where others stand before them
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
    """One packed row of N positions: B prefixes of P positions each, then branches, each seeing its prefix and itself.

    Branches of one length stand together: for each such group `rows` (n,) says behind which of the prefixes a branch
    lies, and `lengths` how long its n branches are.
    """

    count: int
    prefix: int
    rows: tuple[Tensor, ...]
    lengths: tuple[int, ...]

    def to(self, device: torch.device) -> "Branched":
        """Move every tensor."""
        return replace(self, rows=tuple(one.to(device) for one in self.rows))

    @cached_property
    def chosen(self) -> tuple[Tensor, ...]:
        """`rows` as one-hot matrices (n, B), exact in half precision; every layer uses the same."""
        return tuple(F.one_hot(rows, self.count).to(torch.bfloat16) for rows in self.rows)


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
    With `Branched`: q (1, H, N, d), k and v (1, K, N, d) -> (1, H, N, d).
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
    scores = q * q.shape[-1] ** -0.5 @ k.transpose(-1, -2)  # (N, H, S, T)
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
        return _further(q, k, v, eager)
    return _dense(q, k, v, mask, mask is None, eager)


def _further(q: Tensor, k: Tensor, v: Tensor, eager: bool) -> Tensor:
    """q (B, H, S, d) of the last S of T positions, k and v (B, H, T, d) -> (B, H, S, d).

    Some queries at a time, so that a mask of (S, T) is never held: a long clip may follow another in one conversation.
    """
    out, before = [], k.shape[2] - q.shape[2]
    for part in torch.split(q, FURTHER, dim=2):
        length, total = part.shape[2], before + part.shape[2]
        mask = torch.ones(length, total, dtype=torch.bool, device=q.device).tril(before)
        out.append(_dense(part, k[:, :, :total], v[:, :, :total], mask, False, eager))
        before = total
    return torch.cat(out, dim=2)


def _branched(q: Tensor, k: Tensor, v: Tensor, pattern: Branched, eager: bool) -> Tensor:
    """Attend within the prefixes, then a group of branches at a time; no score of two branches is ever computed."""
    dim, many = q.shape[-1], [len(rows) * length for rows, length in zip(pattern.rows, pattern.lengths, strict=True)]
    # One split each, whose backward pass is one copy; that of a slice would fill the whole row with zeros anew.
    sizes = [pattern.count * pattern.prefix, *many]
    whole = [torch.split(x[0].transpose(0, 1), sizes) for x in (q, k, v)]  # (n*L, H or K, d) each piece
    first, *groups = zip(*whole, strict=True)
    shared = [x.reshape(pattern.count, pattern.prefix, -1, dim).transpose(1, 2) for x in first]  # (B, H or K, P, d)
    found = [_behind(shared[0], shared[1], shared[2], eager)]  # (B*P, H, d)
    for chosen, length, group in zip(pattern.chosen, pattern.lengths, groups, strict=True):
        own = [x.reshape(len(chosen), length, -1, dim).transpose(1, 2) for x in group]  # (n, H or K, L, d)
        # Copied by a product with a one-hot matrix, whose backward pass is a product too and not a slow scatter.
        seen = [(chosen.to(k.dtype) @ x.flatten(1)).view(len(chosen), *x.shape[1:]) for x in shared[1:]]  # (n, K, P, d)
        keys, values = (torch.cat(pair, dim=2) for pair in zip(seen, own[1:], strict=True))  # (n, K, P+L, d)
        found.append(_behind(own[0], keys, values, eager))  # (n*L, H, d)
    return torch.cat(found).transpose(0, 1)[None]  # (1, H, N, d)


@lru_cache(maxsize=256)
def _last_of(length: int, total: int, groups: int, device: torch.device) -> Tensor:
    """Who sees whom, (groups*L, T), where the last L of T positions ask; the same in every layer and many batches."""
    with torch.inference_mode(False):  # kept for steps of training too
        return torch.ones(length, total, dtype=torch.bool, device=device).tril(total - length).repeat(groups, 1)


def _behind(q: Tensor, k: Tensor, v: Tensor, eager: bool) -> Tensor:
    """q (n, H, L, d) of the last L of T positions, k and v (n, K, T, d) -> (n*L, H, d), each seeing what is before it.

    The heads that share keys stand as rows of one matrix, so that nothing is repeated.
    """
    count, heads, length, dim = q.shape
    groups, total = heads // k.shape[1], k.shape[2]
    mask = _last_of(length, total, groups, q.device)
    out = _dense(q.reshape(count, -1, groups * length, dim), k, v, mask, False, eager)  # (n, K, H/K*L, d)
    return out.reshape(q.shape).transpose(1, 2).reshape(-1, heads, dim)  # (n*L, H, d)
