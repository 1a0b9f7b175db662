"""A stand-in for CUDA graphs on any device: what is recorded is done again on the same tensors, with frozen numbers."""

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from model.graph import Work

# What a stream cannot do while it is captured: wait for a value, or take one from the host.
FORBIDDEN = ("_local_scalar_dense", "lift_fresh", "nonzero", "item", "is_nonzero", "unique", "masked_select")


class Tape(TorchDispatchMode):
    """Records what a CUDA graph would: operations with the very tensors and numbers of one run, done again blindly."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []
        self.before: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name in FORBIDDEN:
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        if func._schema.is_mutable:
            self.before.append((args[0], args[0].clone()))
        out = func(*args, **kwargs or {})
        self.done.append((func, args, kwargs or {}, tensors(out)))
        return out

    def replay(self) -> None:
        for func, args, kwargs, outs in self.done:
            for out, again in zip(outs, tensors(func(*args, **kwargs)), strict=True):
                if out.data_ptr() != again.data_ptr():  # new memory, not a view of old
                    out.copy_(again)


def tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


class TapeRecorder:
    """A recorder whose tapes behave like CUDA graphs, on any device."""

    def __init__(self) -> None:
        self.warmed = self.recorded = self.replayed = 0

    def warm_up(self, work: Work) -> None:
        self.warmed += 1
        work()

    def record(self, work: Work) -> Work:
        self.recorded += 1
        with Tape() as tape:
            work()
        for tensor, was in reversed(tape.before):  # capturing does not run what it captures
            tensor.copy_(was)

        def replay() -> None:
            self.replayed += 1
            tape.replay()

        return replay
