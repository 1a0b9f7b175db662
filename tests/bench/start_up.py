"""What a first answer costs beyond its largest import: python -m tests.bench.start_up.

`python -c "import torch"`, `qwenvl describe` of a sample with the bundled model, and `qwenvl --help` run as whole
processes that take turns (A B C A B C ...) after a warm-up, which also fills the caches of files and of compiled
modules. Medians of wall time and of processor time (user and system), and their ratios to the import; the last line is
one JSON document. Beside other work only processor time says anything.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from tests.bench.turns import facts, print_json

ROOT = Path(__file__).parents[2]
SAMPLE = "samples/two_shapes.png"
BASE = "import torch"
QWENVL = (sys.executable, "-m", "qwenvl_cli")
COMMANDS: Mapping[str, Sequence[str]] = {
    BASE: (sys.executable, "-c", "import torch"),
    "qwenvl describe": (*QWENVL, "describe", SAMPLE),
    "qwenvl --help": (*QWENVL, "--help"),
}
CLOCKS = ("wall_s", "cpu_s")


def run_once(command: Sequence[str]) -> dict[str, float]:
    """Run one process to its end; return its wall and processor seconds, or stop where it fails."""
    # Compiled modules are kept, as they are for every user after the first run.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = perf_counter()
    child = subprocess.Popen(
        command, cwd=ROOT, env=surroundings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    told = child.stderr.read().decode("utf-8", "replace") if child.stderr else ""
    _, status, used = os.wait4(child.pid, 0)
    wall = perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.stderr:
        child.stderr.close()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}: {told}")
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime}


def take_turns(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, dict[str, float]]:
    """Run every command once to warm up, then `runs` times in turn; return medians and ratios to the import."""
    for command in commands.values():
        run_once(command)
    times: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(run_once(command))
    rows = {name: {clock: median(run[clock] for run in times[name]) for clock in CLOCKS} for name in commands}
    for row in rows.values():
        row |= {clock.replace("_s", "_ratio"): row[clock] / rows[BASE][clock] for clock in CLOCKS}
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, measure, print the table and the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args(argv)
    rows = take_turns(COMMANDS, arguments.runs)
    print(f"{'':24}{'wall':>12}{'processor':>12}{'wall ratio':>12}{'processor':>12}")
    for name, row in rows.items():
        times = "".join(f"{1000 * row[clock]:>9.0f} ms" for clock in CLOCKS)
        print(f"{name:24}{times}{row['wall_ratio']:>11.2f}x{row['cpu_ratio']:>11.2f}x")
    print_json({"runs": arguments.runs, "machine": facts(torch.device("cpu")), "commands": rows})


if __name__ == "__main__":
    main()
