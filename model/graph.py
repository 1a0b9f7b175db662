"""Decoding where starting kernels costs more than running them: a step that a CUDA graph can replay for every token.

All that changes from token to token stands in tensors updated in place, and attention goes over a bucket of positions
with the unfilled ones masked, so no shape and no number of the step depends on where it is. On other devices the same
step runs as it is written. On an H200 a replayed step of the 3B shape takes 4.4 ms (tests/bench/RESULTS.md).
"""

from collections.abc import Callable
from typing import Protocol
from weakref import ref

import torch
from torch import Tensor

from model.attention import Backend, Causal
from model.cache import CacheWindow, KVCache
from model.language import LanguageModel
from model.rope import mrope_table

# Positions by which attention grows: each growth costs one recording, and half of it on average is read in vain.
BUCKET = 256
MOST_RECORDINGS = 8  # kept at a time, one a bucket
Work = Callable[[], None]


class CannotRecord(Exception):
    """A step could not be recorded, for a reason that only this device knows; the ordinary step may well run."""


class Recorder(Protocol):
    """Turns work into something that does it again, on the same memory, at the cost of one start."""

    def warm_up(self, work: Work) -> None:
        """Do the work once, so that whatever it sets up at first is set up."""

    def record(self, work: Work) -> Work:
        """Return what does the work when called; it is not done now."""


class CudaGraphs:
    """Records as CUDA graphs, on a stream of its own, as capturing demands."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm_up(self, work: Work) -> None:
        """Do the work on the stream that will record it: libraries set up handles and workspaces for each stream."""
        current = torch.cuda.current_stream(self.device)
        self.side.wait_stream(current)
        with torch.cuda.stream(self.side):
            work()
        current.wait_stream(self.side)

    def record(self, work: Work) -> Work:
        """Capture the work; what other threads do on the device meanwhile does not disturb."""
        graph = torch.cuda.CUDAGraph()
        capture = torch.cuda.graph(graph, stream=self.side, capture_error_mode="thread_local")
        # The outer stream comes back on leaving; a capture that fails leaves its own one current.
        current = torch.cuda.current_stream(self.device)
        with torch.cuda.device(self.device), torch.cuda.stream(current), capture:
            work()
        return graph.replay


def recorder(device: torch.device) -> Recorder | None:
    """Return what records on a device, or None where steps just run."""
    return CudaGraphs(device) if device.type == "cuda" else None


def whole_buckets(positions: int) -> int:
    """Round a capacity up, so that no bucket is cut short.

    >>> whole_buckets(1), whole_buckets(256), whole_buckets(257)
    (256, 256, 512)
    """
    return -(-positions // BUCKET) * BUCKET


class StaticStep:
    """One decoding step over the memory of a cache: reads `ids` (B,), leaves `logits` (B, V), moves on by one position.

    All that it reads and writes stays where it is, from one answer to the next too.
    """

    def __init__(
        self, model: LanguageModel, head: Callable[[Tensor], Tensor], backend: Backend, memory: KVCache
    ) -> None:
        self.model, self.head, self.backend = model, head, backend
        self.keys, self.values = memory.keys, memory.values
        batch, config = len(memory.next_position), model.config
        self.done, self.slot = (memory.next_position.new_zeros(1) for _ in range(2))  # steps so far; where the next is
        self.ids = memory.next_position.new_zeros(batch)
        self.logits = memory.keys.new_zeros(batch, config.vocab_size)
        # Added to the scores (B, 1, 1, capacity).
        self.mask = memory.keys.new_zeros(batch, 1, 1, memory.capacity)
        # Rotations of all steps to come, (B, capacity, 1, d) each.
        self.tables = [memory.keys.new_zeros(batch, memory.capacity, 1, config.head_dim) for _ in range(2)]

    def begin(self, cache: KVCache) -> None:
        """Go on behind what a cache over this memory holds."""
        start, config = cache.length, self.model.config
        # Masked positions are read and weighed by zero, which what stands in fresh memory, NaN even, would survive.
        self.keys[:, :, :, start:] = 0
        self.values[:, :, :, start:] = 0
        self.done.zero_()
        self.slot.fill_(start)
        self.mask.zero_()
        if cache.visible is not None:
            self.mask.masked_fill_(~cache.visible[:, None, None], float("-inf"))
        self.mask[..., start:] = float("-inf")
        steps = torch.arange(cache.capacity - start, device=self.keys.device)
        places = (cache.next_position[:, None] + steps).expand(3, -1, -1)  # (3, B, steps)
        parts = mrope_table(places, config.head_dim, config.rope_theta, config.mrope_section)
        for table, part in zip(self.tables, parts, strict=True):
            table[:, : len(steps)] = part[:, :, None]

    def run(self, width: int) -> None:
        """Take the step over the first `width` positions, among which the next one must be."""
        self.mask.index_fill_(3, self.slot, 0.0)
        cos, sin = (table.index_select(1, self.done) for table in self.tables)  # (B, 1, 1, d)
        window = CacheWindow(self.keys, self.values, self.slot, width)
        x, pattern = self.model.embed_tokens(self.ids[:, None]), Causal(self.mask[..., :width])  # (B, 1, D)
        for layer in self.model.layers:
            x = layer(x, (cos, sin), pattern, window, self.backend)
        self.logits.copy_(self.head(self.model.norm(x)[:, -1]))
        self.done.add_(1)
        self.slot.add_(1)


class Stepper:
    """Decodes behind the caches that it lends, one after the other over the same memory; replays, if it can record.

    The first step of a width warms up, the second records, so neither is done in vain; a recording serves all answers
    that come by its width. It must not hold the network, which holds it.
    """

    def __init__(
        self,
        model: LanguageModel,
        head: Callable[[Tensor], Tensor],
        backend: Backend,
        recorder: Recorder | None,
        memory: KVCache,
    ) -> None:
        self._step, self._memory, self._recorder = StaticStep(model, head, backend, memory), memory, recorder
        self._user: Callable[[], KVCache | None] = lambda: None
        self._length = -1
        self._warm: set[int] = set()
        self._replays: dict[int, Work] = {}

    def serves(self, batch: int, capacity: int, backend: Backend) -> bool:
        """Whether a cache can be lent: nobody uses the last one any more, there is room, and tensors are of a kind."""
        keys, step = self._memory.keys, self._step
        fits = len(step.ids) == batch and self._memory.capacity >= capacity and step.backend is backend
        alike = keys.dtype == step.model.norm.weight.dtype and keys.device == step.model.norm.weight.device
        return fits and alike and self._user() is None and keys.is_inference() == torch.is_inference_mode_enabled()

    def lend(self) -> KVCache:
        """An empty cache over the memory, to be decoded behind by this; it comes back when it is dropped."""
        cache = self._memory.emptied()
        cache.stepper = self
        self._user, self._length = ref(cache), -1
        return cache

    def __call__(self, ids: Tensor, cache: KVCache) -> Tensor:
        """Decode one token per row: ids (B,) -> logits (B, V), which the next step overwrites.

        Raises CannotRecord with the cache as it was.
        """
        if self._length != cache.length:  # the first step, or the cache was used otherwise
            self._step.begin(cache)
        self._step.ids.copy_(ids)
        self._advance(min(whole_buckets(cache.length + 1), cache.capacity))
        cache.advance(1)
        cache.next_position = cache.next_position + 1
        self._length = cache.length
        return self._step.logits

    def _advance(self, width: int) -> None:
        """Run, record or replay a step."""
        step = self._step
        if self._recorder is None:
            return step.run(width)
        try:
            if width not in self._warm:
                self._warm.add(width)
                return self._recorder.warm_up(lambda: step.run(width))
            if width not in self._replays:
                while len(self._replays) >= MOST_RECORDINGS:  # the oldest ones
                    self._replays.pop(next(iter(self._replays)))
                self._replays[width] = self._recorder.record(lambda: step.run(width))
        except RuntimeError as error:  # a lack of memory is one of them
            raise CannotRecord(str(error).partition("\n")[0]) from error
        return self._replays[width]()
