"""The KV cache: preallocated, an argument of forward, advanced in one place (LanguageModel.forward)."""

from collections.abc import Callable
from copy import copy

import torch
from torch import Tensor

from model.config import TextConfig
from model.errors import GenerationError


class KVCache:
    """Keys and values of all layers, (layers, B, K, capacity, d), of which the first `length` positions are filled.

    `next_position` (B,) is the M-RoPE position of the next token; `visible` (B, capacity) is false where a row is
    padded, or None when no row is. `stepper` decodes in place of QwenVL.step where steps are recorded
    or native.
    """

    def __init__(self, config: TextConfig, batch: int, capacity: int, device: torch.device, dtype: torch.dtype) -> None:
        shape = (config.num_hidden_layers, batch, config.num_key_value_heads, capacity, config.head_dim)
        self.keys = torch.empty(shape, device=device, dtype=dtype)
        self.values = torch.empty(shape, device=device, dtype=dtype)
        self.length = 0
        self.capacity = capacity
        self.next_position = torch.zeros(batch, dtype=torch.long, device=device)
        self.visible: Tensor | None = None
        self.stepper: Callable[[Tensor, KVCache], Tensor] | None = None

    def emptied(self) -> "KVCache":
        """An empty cache over the memory of this one, which must not be used beside it."""
        fresh = copy(self)
        fresh.length, fresh.visible, fresh.stepper = 0, None, None
        fresh.next_position = torch.zeros_like(self.next_position)
        return fresh

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store k, v (B, K, S, d) of one layer after what is filled; return all of it, (B, K, length + S, d)."""
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def make_sure_of_room(self) -> None:
        """Raise GenerationError where there is no room for another position."""
        if self.length >= self.capacity:
            raise GenerationError(f"the cache is full at {self.capacity} positions", "make one with room for more")

    def take_over(self, other: "KVCache") -> None:
        """Begin, empty, with what a smaller cache of unpadded rows holds."""
        self.length, self.next_position = other.length, other.next_position
        self.keys[:, :, :, : self.length] = other.keys[:, :, :, : self.length]
        self.values[:, :, :, : self.length] = other.values[:, :, :, : self.length]

    def advance(self, positions: int) -> None:
        """Count `positions` new positions as filled, once all layers have stored theirs."""
        self.length += positions


class CacheWindow:
    """The first `width` positions of a cache as a step sees them that must not depend on its position.

    Layers use it as they use a KVCache; what they store goes to the position that `slot` (1,) holds on the device.
    """

    def __init__(self, keys: Tensor, values: Tensor, slot: Tensor, width: int) -> None:
        self.keys, self.values = keys[:, :, :, :width], values[:, :, :, :width]
        self.slot = slot

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store k, v (B, K, 1, d) of one layer; return the whole window, (B, K, width, d), filled or not."""
        keys, values = self.keys[layer], self.values[layer]
        return keys.index_copy_(2, self.slot, k), values.index_copy_(2, self.slot, v)
