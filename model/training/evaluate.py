"""Measures a model on held-out seeds, known and new wordings: `python -m model.training.evaluate --model DIR`.

Asks through the product's own path (loading, preprocessing, generation); counts exact answers by part and skill.
"""

import argparse
import json
import random
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from model.errors import ModelError
from model.generate import GenerateOptions, generate_batch
from model.loading import LoadedModel, load, resolve
from model.preprocess import MediaTensors
from model.prompt import simple_messages
from model.training.asking import ABOUT_CLIPS
from model.training.batches import media_of
from model.training.data import PARTS, SampleArgs, held_out
from model.training.parts import Part, parts
from model.training.phrasings import tables
from model.training.placing import HELD_PAIRS
from model.training.questions import choose
from model.training.reports import Outcome, Report, report
from model.training.sample import QA, Sample
from model.training.tables import counted, listed

MAX_TOKENS = 96
TRAINED = tuple(name for name, _ in PARTS)
EXAMS = {  # parts that examine what another part taught
    "things": ("held_things", "unseen_things"),
    "many_things": ("held_many", "unseen_many"),
    "thing_events": ("held_thing_events",),
}
MEASURED = "evaluation.json"  # beside a model's weights: its report


def examined(trained: Sequence[str]) -> tuple[str, ...]:
    """The parts to measure a model on that was trained on some: these, and what examines them."""
    return tuple(name for part in trained for name in (part, *EXAMS.get(part, ())))


def measured_before(model: str) -> tuple[str, ...]:
    """The parts that a model was measured on when it was exported."""
    try:
        return tuple(json.loads((resolve(model) / MEASURED).read_text(encoding="utf-8"))["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        return TRAINED


def default_prompt(sample: Sample, part: Part) -> QA:
    """What the product asks when it is asked nothing."""
    key = "clip" if part.kind == "video" else "caption" if part.pictures == 1 else "pair"
    return QA("default", "en", tables()["en"][key][0], part.caption(sample.facts, "en"))


def counted_as(qa: QA, part: str) -> str:
    """The row of the table: skills that several parts know are counted apart."""
    if part == "shapes" or (part == "clips" and qa.skill in ABOUT_CLIPS):
        return qa.skill
    return f"{qa.skill} (clip)" if part == "clips" else f"{qa.skill} ({part})"


def has_new_pair(sample: Sample) -> bool:
    """Whether a thing has a colour in which training never showed it."""
    return any((fact["thing"], fact["colour"]) in HELD_PAIRS for fact in sample.facts["things"])


def questions_of(sample: Sample, part: Part, each: int) -> list[QA]:
    """The default prompt, some questions in wordings of training, and half as many in wordings held out of it."""
    known = replace(sample, questions=part.ask(sample.facts, random.Random(sample.seed), "train"))
    asked = choose(known, random.Random(sample.seed), each, part.skills)
    reworded = choose(sample, random.Random(sample.seed), each // 2, part.skills)
    return [default_prompt(sample, part), *asked, *reworded]


@dataclass(frozen=True)
class Exam:
    """What is asked about a part: its samples, how many questions about each and at once, which rows alone."""

    part: Part
    samples: Sequence[SampleArgs]
    each: int = 6
    size: int = 48
    rows: Collection[str] = ()

    def questions(self, sample: Sample) -> list[QA]:
        """What is asked about a sample; where rows are named, in wordings of training."""
        every = questions_of(sample, self.part, self.each)
        if not self.rows:
            return every
        return [qa for qa in every if not qa.held and counted_as(qa, self.part.name) in self.rows]


def batches(loaded: LoadedModel, exam: Exam) -> Iterator[list[tuple[Sample, QA, list[MediaTensors]]]]:
    """Draw the samples of an exam and group their questions into batches of at least its size."""
    batch: list[tuple[Sample, QA, list[MediaTensors]]] = []
    for args in exam.samples:
        sample = args.make()
        asked = exam.questions(sample)
        media = media_of(sample, loaded.preprocess) if asked else []
        batch += [(sample, qa, media) for qa in asked]
        if len(batch) >= exam.size:
            yield batch
            batch = []
    if batch:
        yield batch


def ask_all(loaded: LoadedModel, exam: Exam) -> Iterator[Outcome]:
    """Ask every question of an exam and yield what came back."""
    part = exam.part
    options = GenerateOptions(max_tokens=max(MAX_TOKENS, 3 * part.longest * part.pictures // 2))
    for batch in batches(loaded, exam):
        requests = [(simple_messages(len(media), qa.question), media) for _, qa, media in batch]
        for (sample, qa, _), done in zip(batch, generate_batch(loaded, requests, options), strict=True):
            name, probability, new = counted_as(qa, part.name), done.mean_probability, has_new_pair(sample)
            group = (sample.facts["group"] or "unknown") if "group" in sample.facts else ""
            asked = (name, part.name, qa.skill, qa.lang, qa.question, qa.answer)
            ground = sample.facts.get("texture", "")
            yield Outcome(*asked, done.text, probability, new, qa.held, sample.seed, group, ground)


def evaluate(
    loaded: LoadedModel, samples: int, each: int = 6, names: Sequence[str] = TRAINED
) -> tuple[Report, list[Outcome]]:
    """Ask about `samples` pictures, or half as many clips, of each part of the world in `names`."""
    begin = time.monotonic()
    outcomes: list[Outcome] = []
    for name in names:
        drawn = samples if parts()[name].kind == "image" else -(-samples // 2)
        outcomes += ask_all(loaded, Exam(parts()[name], held_out(drawn, name), each))
    measured = report(outcomes)
    seconds = round(time.monotonic() - begin, 1)
    return measured | {"pictures": samples, "clips": -(-samples // 2), "seconds": seconds}, outcomes


def destination(asked: Path | None, parser: argparse.ArgumentParser) -> Path:
    """The file to save a report in: the one asked for, or one in the working directory that is not there yet.

    The report beside a model's weights is the one its card was written from: only `export` replaces it.
    """
    if asked is None:
        names = (f"{Path(MEASURED).stem}{f'-{number}' if number > 1 else ''}.json" for number in count(1))
        asked = next(Path(name) for name in names if not Path(name).exists())
    folder = asked.absolute().parent
    if not folder.is_dir():
        parser.error(f"--out {asked}: there is no such folder")
    if (folder / "config.json").exists():
        parser.error(f"{folder} holds a model, whose report export writes: give --out a file elsewhere")
    return asked


def arguments() -> argparse.Namespace:
    """What to measure, and in `out` the file to save the report in."""
    parser = argparse.ArgumentParser(prog="python -m model.training.evaluate", description=__doc__)
    parser.add_argument("--model", default="bundled", help="folder of a model, or 'bundled'")
    parser.add_argument("--samples", type=int, default=300, help="pictures; half as many clips are added")
    parser.add_argument("--each", type=int, default=6, help="questions about each, beside the default prompt")
    parser.add_argument(
        "--parts", nargs="+", choices=tuple(parts()), help="parts of the world; those it was exported with"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--quantize", choices=("none", "int8", "int4"), default="none")
    parser.add_argument("--out", type=Path, help=f"save the report here as JSON; a new {MEASURED} where you are")
    parser.add_argument("--show", type=int, default=0, help="print this many wrong answers")
    args = parser.parse_args()
    args.out = destination(args.out, parser)
    return args


def main() -> None:
    """Measure, save the report, print it and where it is."""
    args = arguments()
    try:
        loaded = load(args.model, device=args.device, dtype=args.dtype, quantize=args.quantize)
        names = args.parts or measured_before(args.model)
        measured, outcomes = evaluate(loaded, args.samples, args.each, names=names)
    except ModelError as error:
        raise SystemExit(f"{error}: {error.hint}") from error
    print(*counted(measured), listed(measured), sep="\n\n")
    told = ("known_wordings", "new_wordings", "seen_pairs", "new_pairs", "median_probability", "seconds")
    print(json.dumps({key: measured[key] for key in told}))
    for outcome in [outcome for outcome in outcomes if not outcome.exact][: args.show]:
        print(json.dumps(asdict(outcome), ensure_ascii=False))
    args.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")  # last: what was printed is not lost
    print(f"saved in {args.out}")


if __name__ == "__main__":
    main()
