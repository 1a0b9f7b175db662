"""Decoding where starting kernels costs more than running them: a step that a CUDA graph can replay for every token.

All that changes from token to token stands in tensors updated in place, and attention goes over a bucket of positions
with the unfilled ones masked, so no shape and no number of the step depends on where it is. On other devices the same
step runs as it is written. On an H200 a replayed step of the 3B shape takes 4.4 ms (tests/bench/RESULTS.md).
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from model.attention import Backend, Causal
from model.cache import CacheWindow, KVCache
from model.language import LanguageModel
from model.rope import mrope_table

# Positions by which attention grows: each growth costs one recording, and half of it on average is read in vain.
BUCKET = 256
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
    """One decoding step behind a filled cache: reads `ids` (B,), leaves `logits` (B, V), moves on by one position."""

    def __init__(
        self, model: LanguageModel, head: Callable[[Tensor], Tensor], backend: Backend, cache: KVCache
    ) -> None:
        self.model, self.head, self.backend = model, head, backend
        self.keys, self.values, self.start = cache.keys, cache.values, cache.length
        batch, config = len(cache.next_position), model.config
        # Masked positions are read and weighed by zero, which what stands in fresh memory, NaN even, would survive.
        cache.keys[:, :, :, self.start :] = 0
        cache.values[:, :, :, self.start :] = 0
        self.done = cache.next_position.new_zeros(1)  # steps so far
        self.ids = cache.next_position.new_zeros(batch)
        self.logits = cache.keys.new_zeros(batch, config.vocab_size)
        # Added to the scores (B, 1, 1, capacity).
        self.mask = cache.keys.new_zeros(batch, 1, 1, cache.capacity)
        if cache.visible is not None:
            self.mask.masked_fill_(~cache.visible[:, None, None], float("-inf"))
        self.mask[..., self.start :] = float("-inf")
        # Rotations of all steps to come, (B, steps, 1, d) each.
        steps = torch.arange(cache.capacity - self.start, device=cache.keys.device)
        places = (cache.next_position[:, None] + steps).expand(3, -1, -1)  # (3, B, steps)
        parts = mrope_table(places, config.head_dim, config.rope_theta, config.mrope_section)
        self.tables = [part[:, :, None].to(self.logits.dtype) for part in parts]

    def run(self, width: int) -> None:
        """Take the step over the first `width` positions, among which the next one must be."""
        slot = self.done + self.start  # (1,)
        self.mask.index_fill_(3, slot, 0.0)
        cos, sin = (table.index_select(1, self.done) for table in self.tables)  # (B, 1, 1, d)
        window = CacheWindow(self.keys, self.values, slot, width)
        x, pattern = self.model.embed_tokens(self.ids[:, None]), Causal(self.mask[..., :width])  # (B, 1, D)
        for layer in self.model.layers:
            x = layer(x, (cos, sin), pattern, window, self.backend)
        self.logits.copy_(self.head(self.model.norm(x)[:, -1]))
        self.done.add_(1)


class Stepper:
    """Decodes behind one cache: by replaying where there is a recorder.

    The first step in a bucket warms up, the second records, so neither is done in vain; the last recording is dropped
    when its bucket is full.
    """

    def __init__(
        self, model: LanguageModel, head: Callable[[Tensor], Tensor], backend: Backend, recorder: Recorder | None
    ) -> None:
        self._parts, self._recorder = (model, head, backend), recorder
        self._step: StaticStep | None = None
        self._length = self._width = -1
        self._replay: Work | None = None

    def __call__(self, ids: Tensor, cache: KVCache) -> Tensor:
        """Decode one token per row: ids (B,) -> logits (B, V), which the next step overwrites.

        Raises CannotRecord with the cache as it was.
        """
        if self._step is None or self._length != cache.length:  # the first step, or the cache was used otherwise
            self._step, self._width, self._replay = StaticStep(*self._parts, cache), -1, None
        self._step.ids.copy_(ids)
        self._advance(self._step, min(whole_buckets(cache.length + 1), cache.capacity))
        cache.advance(1)
        cache.next_position = cache.next_position + 1
        self._length = cache.length
        return self._step.logits

    def _advance(self, step: StaticStep, width: int) -> None:
        """Run, record or replay a step."""
        if self._recorder is None:
            return step.run(width)
        try:
            if width != self._width:
                self._width, self._replay = width, None
                return self._recorder.warm_up(lambda: step.run(width))
            if self._replay is None:
                self._replay = self._recorder.record(lambda: step.run(width))
        except RuntimeError as error:  # a lack of memory is one of them
            raise CannotRecord(str(error).partition("\n")[0]) from error
        return self._replay()
