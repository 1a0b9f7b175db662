"""What packing a model's weights costs it, row by row of its report: `python -m model.training.compare REPORT PACKED`.

A row of few questions that seems to lose says little: it is asked fresh ones, of both, until they are enough to tell.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from model.loading import LoadedModel, load
from model.training.asking import ABOUT_CLIPS
from model.training.data import held_out
from model.training.evaluate import Exam, ask_all
from model.training.parts import parts
from model.training.reports import Report

POINT = 1.0  # what a row may lose, in percent of its questions
FRESH = 7001  # the seed of pictures that no report is of
PIECE = 100  # pictures drawn before it is looked which rows have enough


@dataclass(frozen=True)
class Row:
    """A row of both reports: questions, and how many were answered exactly by the weights as they are and packed."""

    part: str
    asked: int
    plain: int
    packed: int

    @property
    def lost(self) -> float:
        """Of a hundred answers how many less are exact; below zero if more."""
        return 100 * (self.plain - self.packed) / self.asked if self.asked else 0.0


def part_of(row: str) -> str:
    """The part of the world that a row of a report is about: `counted_as` the other way round.

    >>> [part_of(row) for row in ("name (things)", "colour (clip)", "order", "count")]
    ['things', 'clips', 'clips', 'shapes']
    """
    _, _, part = row.rstrip(")").partition(" (")
    return {"": "clips" if row in ABOUT_CLIPS else "shapes", "clip": "clips"}.get(part, part)


def joined(plain: Report, packed: Iterable[Report]) -> dict[str, Row]:
    """The rows that both have; those of other questions than the first report's are refused with ValueError."""
    found: dict[str, Row] = {}
    for name, row in chain.from_iterable(report["skills"].items() for report in packed):
        before = plain["skills"].get(name, {"n": 0})
        if before["n"] != row["n"]:
            raise ValueError(f"{name}: {before['n']} questions in the one report, {row['n']} in the other")
        if row["n"]:
            found[name] = Row(part_of(name), row["n"], *(round(r["exact"] * r["n"] / 100) for r in (before, row)))
    return found


def doubtful(rows: dict[str, Row]) -> dict[str, list[str]]:
    """Part -> its rows that seem to lose more than a point."""
    found: dict[str, list[str]] = {}
    for name, row in rows.items():
        if row.lost > POINT:
            found.setdefault(row.part, []).append(name)
    return found


def ask_again(
    models: Sequence[LoadedModel], part: str, rows: Sequence[str], questions: int, pictures: int
) -> dict[str, Row]:
    """Ask rows of a part at least `questions` fresh questions each, of the plain and the packed network."""
    counts = {name: [0, 0, 0] for name in rows}
    samples = held_out(pictures, part, FRESH)
    for start in range(0, len(samples), PIECE):
        wanted = [name for name, (asked, *_) in counts.items() if asked < questions]
        if not wanted:
            break
        exam = Exam(parts()[part], samples[start : start + PIECE], rows=wanted)
        for plain, packed in zip(*(ask_all(model, exam) for model in models), strict=True):
            for place, more in enumerate((True, plain.exact, packed.exact)):
                counts[plain.name][place] += more
    return {name: Row(part, *found) for name, found in counts.items()}


def told(rows: dict[str, Row]) -> str:
    """Rows as a Markdown table, those that lose most first."""
    lines = ["| row | questions | exact as they are | packed | points lost |", "|---|---:|---:|---:|---:|"]
    for name, row in sorted(rows.items(), key=lambda item: -item[1].lost):
        lines.append(f"| {name} | {row.asked} | {row.plain} | {row.packed} | {row.lost:.1f} |")
    return "\n".join(lines)


def summed(rows: dict[str, Row]) -> dict[str, Any]:
    """What all rows lose together, and how many of them more than a point."""
    whole = Row("", *(sum(getattr(row, name) for row in rows.values()) for name in ("asked", "plain", "packed")))
    over = [name for name, row in rows.items() if row.lost > POINT]
    return {"rows": len(rows), "answers": whole.asked, "lost": round(whole.lost, 3), "over_a_point": over}


def read(path: Path) -> Report:
    """A report that `evaluate` or `export` wrote."""
    found: Report = json.loads(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Join the reports, ask the doubtful rows again, print both tables."""
    parser = argparse.ArgumentParser(prog="python -m model.training.compare", description=__doc__)
    parser.add_argument("report", type=Path, help="evaluation.json of the weights as they are")
    parser.add_argument("packed", type=Path, nargs="+", help="reports of `evaluate --quantize`, of its parts")
    parser.add_argument("--model", default="bundled", help="folder of the model, or 'bundled'")
    parser.add_argument("--quantize", choices=("int8", "int4"), default="int8")
    parser.add_argument("--parts", nargs="+", choices=tuple(parts()), help="ask rows of these parts again; of all")
    parser.add_argument("--questions", type=int, default=1000, help="fresh questions of a row, at least")
    parser.add_argument("--pictures", type=int, default=6000, help="pictures or clips drawn for it, at most")
    parser.add_argument("--out", type=Path, help="write both tables here as JSON")
    args = parser.parse_args()
    try:
        first = joined(read(args.report), [read(path) for path in args.packed])
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps(summed(first)), flush=True)
    models = [load(args.model, quantize=form) for form in ("none", args.quantize)]
    again: dict[str, Row] = {}
    for part, rows in doubtful(first).items():
        if not args.parts or part in args.parts:
            found = ask_again(models, part, rows, args.questions, args.pictures)
            print(told(found), flush=True)
            again |= found
    print(told({name: row for name, row in first.items() if row.lost > POINT}), told(again), sep="\n\n")
    if args.out:
        both = {"first": summed(first), "again": {name: vars(row) for name, row in again.items()}}
        args.out.write_text(json.dumps(both, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
