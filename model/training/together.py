"""Several processes that train one run: each takes its own steps, and now and then all take the mean of their weights.

Local SGD (arXiv 1805.09767): little is sent, and nobody waits for the slowest of every single step. The processes are
started by torchrun, which gives each its rank.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from model.training.state import Run


@dataclass(frozen=True)
class Group:
    """The processes of a run: this one's rank among `size`, which meet after every `every` steps."""

    rank: int = 0
    size: int = 1
    every: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the log and the checkpoints."""
        return self.rank == 0

    def meets(self, step: int) -> bool:
        """Whether all processes hold the same weights after this step, and none has gone on."""
        return self.size == 1 or step % self.every == 0


@contextmanager
def joined(every: int) -> Iterator[Group]:
    """The group that torchrun started this process in; a process that was started alone is its own."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group()
        return
    distributed.init_process_group()
    try:
        yield Group(distributed.get_rank(), size, every)
    finally:
        distributed.destroy_process_group()


def own_device(wanted: str) -> torch.device:
    """The device asked for; one of several GPUs for each process of a machine."""
    kind = wanted or ("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if kind == "cuda" else kind)


def meet(run: Run, group: Group) -> None:
    """Give every process the mean of all weights, and the counts of the whole run."""
    if group.size == 1:
        return
    weights = [*run.model.state_dict().values(), *run.average.values(), *run.teachers.state_dict().values()]
    share(weights, group.size)
    counts = torch.tensor([run.samples, run.questions], dtype=torch.float64, device=weights[0].device)
    share([counts], group.size)
    elapsed = torch.tensor([run.elapsed], dtype=torch.float64, device=weights[0].device)
    distributed.all_reduce(elapsed, op=distributed.ReduceOp.MAX)  # the others have waited for the slowest
    run.samples, run.questions, run.elapsed = round(float(counts[0])), round(float(counts[1])), float(elapsed)


def share(tensors: list[Tensor], size: int) -> None:
    """Replace each tensor by its mean over the processes, all in one message."""
    with torch.no_grad():
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = torch.split(flat / size, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))
