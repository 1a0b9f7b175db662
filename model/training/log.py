"""The log of a run: what it was shown, how fast, and the means of its losses, one JSON object a line."""

import json
import time
from pathlib import Path

import torch
from torch import Tensor

from model.training.feeding import Fed
from model.training.state import Run


class Log:
    """Means of the losses since the last line, each over the steps that had it, written as JSON lines."""

    def __init__(self, path: Path, every: int, processes: int = 1) -> None:
        self.path, self.every, self.processes = path, every, processes
        self._begin()

    def _begin(self) -> None:
        self.values: dict[str, list[Tensor]] = {}
        self.count = self.samples = self.fresh = 0
        self.waited = self.drawing = 0.0
        self.since = time.monotonic()

    def add(self, run: Run, values: dict[str, Tensor], given: Fed, done: float) -> None:
        """Take one step's losses and what it was fed; write a line when it is time.

        The losses stay on the device until then, so that no step waits for the one before.
        """
        batch = given.batch
        for name, value in [*values.items(), (f"language_{batch.part}", values.get("language"))]:
            if value is not None:
                self.values.setdefault(name, []).append(value)
        self.count += 1
        self.samples += batch.samples
        self.waited += given.waited
        if given.fresh:
            self.fresh += batch.samples
            self.drawing += batch.seconds
        if self.count < self.every:
            return
        means = {name: float(torch.stack(found).mean()) for name, found in self.values.items()}
        spent = time.monotonic() - self.since
        line = {
            "step": run.step,
            "samples": run.samples,
            "questions": run.questions,
            "minutes": round(run.elapsed / 60, 2),
            "progress": round(done, 4),
            "samples_per_s": round(self.samples * self.processes / spent, 3),
            "fresh_per_s": round(self.fresh * self.processes / spent, 3),
            "data_wait": round(self.waited / spent, 3),
            "drawn_per_s_a_worker": round(self.fresh / max(self.drawing, 1e-9), 3),
            **{name: round(mean, 4) for name, mean in means.items()},
        }
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        self._begin()
