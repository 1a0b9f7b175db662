"""Decoding one row on the CPU as a list of native calls made ready once, so that a step costs little but its weights.

The ordinary step (QwenVL.step) asks anew at every layer of every token what to call with which memory, and leaves the
attention of its one query to a kernel made for many. Here a layer is eight calls, nine where keys and values stand in
another format than queries, on memory that stays.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from model import kernels
from model.cache import KVCache
from model.kernels import Call
from model.language import DecoderLayer, LanguageModel
from model.linear import runs
from model.rope import mrope_table

Sizes = dict[str, Tensor | int | float | None]  # what a task of the kernels is told beside its rows
AHEAD = 256  # steps whose rotations are computed at a time


class CannotServe(Exception):
    """The native kernels do not serve a layer of this network."""


def native_stepper(model: LanguageModel, head: Any, cache: KVCache) -> "NativeStepper | None":
    """Return what decodes the one row of a filled cache by native calls; None where they do not serve all of it."""
    if len(cache.next_position) != 1 or cache.visible is not None or not kernels.fit(cache.keys):
        return None
    try:
        return NativeStepper(model, head, cache)
    except CannotServe:
        return None


class NativeStepper:
    """A step behind one cache: ids (1,) -> logits (1, V), which the next step overwrites.

    `x` (1, D) is the residual stream, `normed` (1, D) what a half of a layer reads, `qkv` the new queries, keys and
    values head by head, `mixed` (1, H*d) what attention gives, `wide` (1, F) the gated feed-forward.
    """

    def __init__(self, model: LanguageModel, head: Any, cache: KVCache) -> None:
        config = self.config = model.config
        self.embed, self.held = model.embed_tokens, (cache.keys, cache.values)  # not the cache, which holds this
        heads, keys, dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.capacity, new = cache.capacity, cache.keys.new_empty
        self.x, self.normed = new(1, config.hidden_size), new(1, config.hidden_size)
        self.qkv, self.mixed = new(1, (heads + 2 * keys) * dim), new(1, heads * dim)
        self.wide, self.logits = new(1, config.intermediate_size), new(1, config.vocab_size)
        self.cos, self.sin = new(dim), new(dim)
        self.room = torch.empty(heads * (self.capacity + dim))  # scores and sums of each head
        self.tables: list[Tensor] = []
        self.first = -1  # the position that the tables begin with
        self.attention: list[Any] = []  # what is told how many positions there are
        self.calls: list[Call] = []
        for index, layer in enumerate(model.layers):
            self._layer(index, layer)
        self._norm(model.norm)
        self._products(self.normed, [head], [self.logits])

    def _layer(self, index: int, layer: Any) -> None:
        """Make the calls of one layer ready."""
        made: DecoderLayer = layer
        config, attention, mlp = self.config, made.self_attn, made.mlp
        heads, keys, dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        ends = (0, heads * dim, (heads + keys) * dim, (heads + 2 * keys) * dim)
        q, k, v = (self.qkv[:, start:end] for start, end in pairwise(ends))
        self._norm(made.input_layernorm)
        self._products(self.normed, [attention.q_proj, attention.k_proj, attention.v_proj], [q, k, v])
        table: Sizes = {"with_": self.cos, "scales": self.sin, "inner": dim, "narrow": self.cos.dtype is kernels.HALF}
        self._add(kernels.rows_call(kernels.ROTATE, 1, self.qkv, self.qkv, heads=heads + keys, **table))
        held: Sizes = {"with_": self.held[0][index], "scales": self.held[1][index], "steps": self.room}
        sizes: Sizes = {"inner": dim, "padded": self.capacity, "heads": heads // keys, "keys": keys, "eps": dim**-0.5}
        self._add(kernels.rows_call(kernels.ATTEND, heads, self.qkv, self.mixed, **held, **sizes))
        self.attention.append(self.calls[-1].kept)
        self._products(self.mixed, [attention.o_proj], [self.x], add=True)
        self._norm(made.post_attention_layernorm)
        self._products(self.normed, [mlp.gate_proj, mlp.up_proj], [self.wide], gated=True)
        self._products(self.wide, [mlp.down_proj], [self.x], add=True)

    def _norm(self, norm: Any) -> None:
        """`normed` from `x`."""
        weight: Tensor = norm.weight
        if weight.dtype is not self.x.dtype:
            raise CannotServe
        sizes: Sizes = {"with_": weight, "inner": self.x.shape[1], "eps": norm.eps}
        self._add(kernels.rows_call(kernels.NORM, 1, self.x, self.normed, **sizes))

    def _products(self, x: Tensor, layers: Sequence[Any], found: Sequence[Tensor], **how: bool) -> None:
        """Products of x with some layers, those of one format in one call."""
        left = list(found)
        for group, stored in runs(x, layers):
            if not stored or (how.get("gated") and len(group) < len(layers)):
                raise CannotServe
            taken, left = left[: len(group)], left[len(group) :]
            self._add(kernels.product_call(x, stored, taken, **how))

    def _add(self, call: Call) -> None:
        self.calls.append(call)

    def _turn(self, position: int) -> None:
        """Put the rotation of a position where the calls read it."""
        if not 0 <= position - self.first < AHEAD or not self.tables:
            config, self.first = self.config, position
            places = torch.arange(position, position + AHEAD).expand(3, 1, -1)  # (3, 1, AHEAD)
            parts = mrope_table(places, config.head_dim, config.rope_theta, config.mrope_section)
            self.tables = [part[0].to(self.cos.dtype) for part in parts]  # (AHEAD, d)
        for held, table in zip((self.cos, self.sin), self.tables, strict=True):
            held.copy_(table[position - self.first])

    def __call__(self, ids: Tensor, cache: KVCache) -> Tensor:
        """Decode one token: ids (1,) -> logits (1, V)."""
        self.x.copy_(self.embed(ids))
        self._turn(int(cache.next_position))
        for task in self.attention:
            task.narrow = cache.length + 1
        for call in self.calls:
            call.run()
        cache.advance(1)
        cache.next_position = cache.next_position + 1
        return self.logits
