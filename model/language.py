"""The decoder: grouped-query attention with M-RoPE, SwiGLU and RMSNorm, over embeddings with media scattered in."""

import torch
from torch import Tensor, nn

from model.attention import Backend, Branched, Causal, attend
from model.cache import KVCache
from model.config import TextConfig
from model.layers import RMSNorm, SwiGLU
from model.linear import Embedding, Linear, together
from model.rope import mrope_table, rotate

EVERY, LAST = slice(None), slice(-1, None)


def of_interest(x: Tensor, wanted: slice | Tensor) -> Tensor:
    """(B, S, ...) -> (B, W, ...) at the wanted positions, a slice or (W,) indices."""
    return x[:, wanted] if isinstance(wanted, slice) else x.index_select(1, wanted)


class Attention(nn.Module):
    """Grouped-query attention; biases on q, k and v, none on the output."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.head_dim = config.head_dim
        width = config.num_attention_heads * config.head_dim
        narrow = config.num_key_value_heads * config.head_dim
        self.q_proj = Linear(config.hidden_size, width)
        self.k_proj = Linear(config.hidden_size, narrow)
        self.v_proj = Linear(config.hidden_size, narrow)
        self.o_proj = Linear(width, config.hidden_size, bias=False)

    def forward(
        self,
        x: Tensor,
        table: tuple[Tensor, Tensor],
        pattern: Causal | Branched,
        cache: KVCache | None,
        backend: Backend,
        wanted: slice | Tensor = EVERY,
    ) -> Tensor:
        """(B, S, D) -> (B, W, D) for the W wanted positions; `table` is cos and sin, (B, S, 1, d) in the dtype of x."""
        cos, sin = table
        asking = wanted if isinstance(wanted, slice) else EVERY  # scattered positions are picked after attention
        q, k, v = self._project(x, asking)
        q = self._heads(q, (cos[:, asking], sin[:, asking]))  # (B, H, W or S, d)
        k = self._heads(k, table)  # (B, K, S, d)
        v = self._heads(v)  # (B, K, S, d)
        if cache is not None:
            k, v = cache.update(self.layer, k, v)
        out = attend(q, k, v, pattern, backend).transpose(1, 2)  # (B, W or S, H, d)
        if asking is not wanted:
            out = of_interest(out, wanted)  # (B, W, H, d)
        return self.o_proj(out.flatten(2))  # type: ignore[no-any-return]

    def _project(self, x: Tensor, wanted: slice) -> list[Tensor]:
        """(B, S, D) -> q (B, W, H*d) of what is wanted, k and v (B, S, K*d)."""
        if wanted == EVERY:
            return together(x, self.q_proj, self.k_proj, self.v_proj)
        return [self.q_proj(x[:, wanted]), *together(x, self.k_proj, self.v_proj)]

    def _heads(self, x: Tensor, table: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Split (B, S, H*d) into heads (B, H, S, d), rotated by the table."""
        x = x.view(*x.shape[:2], -1, self.head_dim)  # (B, S, H, d)
        return (x if table is None else rotate(x, *table)).transpose(1, 2)  # (B, H, S, d)


class DecoderLayer(nn.Module):
    """One pre-norm layer."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config.hidden_size, config.intermediate_size, bias=False)

    def forward(
        self,
        x: Tensor,
        table: tuple[Tensor, Tensor],
        pattern: Causal | Branched,
        cache: KVCache | None,
        backend: Backend,
        wanted: slice | Tensor = EVERY,
    ) -> Tensor:
        """(B, S, D) -> (B, W, D) for the W wanted positions."""
        x = of_interest(x, wanted) + self.self_attn(self.input_layernorm(x), table, pattern, cache, backend, wanted)
        return x + self.mlp(self.post_attention_layernorm(x))  # type: ignore[no-any-return]


class LanguageModel(nn.Module):
    """Token embedding, layers and the final norm."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        embeds: Tensor,
        positions: Tensor,
        backend: Backend,
        cache: KVCache | None = None,
        mask: Tensor | Branched | None = None,
        wanted: slice | Tensor = EVERY,
    ) -> Tensor:
        """(B, S, D) embeddings at M-RoPE positions (3, B, S) -> (B, W, D) after the final norm.

        With a cache the S positions follow what it holds, and it is advanced by S. `mask` as in Causal, or Branched,
        of which indices may be wanted. What is not `wanted` is not computed where nothing reads it: the last layer then
        works on the W positions only.
        """
        config = self.config
        cos, sin = mrope_table(positions, config.head_dim, config.rope_theta, config.mrope_section)
        table = (cos[:, :, None].to(embeds.dtype), sin[:, :, None].to(embeds.dtype))  # (B, S, 1, d)
        x, last = embeds, len(self.layers) - 1
        pattern = mask if isinstance(mask, Branched) else Causal(mask)
        for layer in self.layers[:last]:
            x = layer(x, table, pattern, cache, backend)
        if isinstance(mask, Tensor) and isinstance(wanted, slice):
            pattern = Causal(mask[:, :, wanted])
        x = self.layers[last](x, table, pattern, cache, backend, wanted)
        if cache is not None:
            cache.advance(embeds.shape[1])
        normed: Tensor = self.norm(x)
        return normed


def padded_mask(visible: Tensor, queries: int) -> Tensor:
    """Return (B, 1, S, T), true where the last `queries` of T positions may look, given visible keys (B, T).

    A padded query sees itself, so that its softmax is defined; nothing reads its result.
    """
    total = visible.shape[1]
    triangle = torch.ones(queries, total, dtype=torch.bool, device=visible.device).tril(total - queries)
    itself = triangle & ~triangle.tril(total - queries - 1)
    return (triangle & visible[:, None, :] | itself)[:, None]
