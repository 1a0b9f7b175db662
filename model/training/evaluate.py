"""Measures a model on held-out seeds, known and new wordings: `python -m model.training.evaluate --model DIR`.

Asks through the product's own path (loading, preprocessing, generation) and counts exact answers by skill and language.
"""

import argparse
import json
import random
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from model.generate import GenerateOptions, generate_batch
from model.loading import LoadedModel, load, resolve
from model.preprocess import MediaTensors
from model.prompt import simple_messages
from model.training import metrics
from model.training.asking import ABOUT_CLIPS
from model.training.batches import media_of
from model.training.boxes import box_scores
from model.training.data import PARTS, SampleArgs, held_out
from model.training.parts import Part, parts
from model.training.phrasings import tables
from model.training.placing import HELD_PAIRS
from model.training.questions import choose
from model.training.sample import QA, Sample

MAX_TOKENS = 96
TRAINED = tuple(name for name, _ in PARTS)
EXAMS = {  # parts that examine what another part taught
    "things": ("held_things", "unseen_things"),
    "many_things": ("held_many", "unseen_many"),
    "thing_events": ("held_thing_events",),
}
MEASURED = "evaluation.json"  # beside a model's weights: its report
Report = dict[str, Any]


def examined(trained: Sequence[str]) -> tuple[str, ...]:
    """The parts to measure a model on that was trained on some: these, and what examines them."""
    return tuple(name for part in trained for name in (part, *EXAMS.get(part, ())))


def measured_before(model: str) -> tuple[str, ...]:
    """The parts that a model was measured on when it was exported."""
    try:
        return tuple(json.loads((resolve(model) / MEASURED).read_text(encoding="utf-8"))["parts"])
    except (OSError, ValueError, KeyError):
        return TRAINED


@dataclass(frozen=True)
class Outcome:
    """One question asked: under which name it is counted, and what came back."""

    name: str
    skill: str
    lang: str
    question: str
    wanted: str
    answer: str
    probability: float
    new_pair: bool
    new_wording: bool
    seed: int
    group: str = ""  # of photos: which kind of thing it shows, "unknown" where that cannot be told

    @property
    def exact(self) -> bool:
        """Whether the answer is the canonical one, to the letter."""
        return self.answer.strip() == self.wanted


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
            asked = (name, qa.skill, qa.lang, qa.question, qa.answer)
            yield Outcome(*asked, done.text, probability, new, qa.held, sample.seed, group)


def share(outcomes: Sequence[Outcome]) -> dict[str, float | int]:
    """How many were asked, and what percentage was exact."""
    right = sum(outcome.exact for outcome in outcomes)
    return {"n": len(outcomes), "exact": round(100 * right / len(outcomes), 1) if outcomes else 0.0}


def report(outcomes: Sequence[Outcome]) -> Report:
    """Count by skill and language, for unseen pairs, and how sure right and wrong answers were."""
    skills: dict[str, Any] = {}
    for name in sorted({outcome.name for outcome in outcomes}):
        rows = [outcome for outcome in outcomes if outcome.name == name and not outcome.new_wording]
        langs = {lang: share([row for row in rows if row.lang == lang]) for lang in ("en", "zh")}
        reworded = share([outcome for outcome in outcomes if outcome.name == name and outcome.new_wording])
        skills[name] = share(rows) | langs | {"new_wording": reworded}
    known = [outcome for outcome in outcomes if not outcome.new_wording]
    look = [outcome for outcome in known if outcome.name in ("shape", "colour")]
    sure = {
        word: round(median([o.probability for o in known if o.exact is exact] or [0.0]), 3)
        for word, exact in (("right", True), ("wrong", False))
    }
    return {
        "skills": skills,
        "known_wordings": share(known),
        "new_wordings": share([outcome for outcome in outcomes if outcome.new_wording]),
        "seen_pairs": share([outcome for outcome in look if not outcome.new_pair]),
        "new_pairs": share([outcome for outcome in look if outcome.new_pair]),
        "median_probability": sure,
        **details(known),
    }


def groups(outcomes: Sequence[Outcome]) -> dict[str, dict[str, dict[str, float | int]]]:
    """Of names of photos, how many are exact by what the photo shows: row -> group -> share."""
    named = [outcome for outcome in outcomes if outcome.skill == "name" and outcome.group]
    found: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in named:
        found.setdefault(outcome.name, {}).setdefault(outcome.group, []).append(outcome)
    return {name: {group: share(rows) for group, rows in sorted(own.items())} for name, own in found.items()}


def details(outcomes: Sequence[Outcome]) -> Report:
    """What an exact answer does not tell: facts of captions, size of errors, language, whether sureness is earned."""
    told: dict[str, list[tuple[str, str]]] = {}
    for outcome in outcomes:
        told.setdefault(outcome.name, []).append((outcome.wanted, outcome.answer))
    by_skill = {outcome.name: outcome.skill for outcome in outcomes}
    every = {**told, "all parts": [pair for pairs in told.values() for pair in pairs]}
    return {
        "caption_facts": {
            name: metrics.facts_kept(pairs) for name, pairs in told.items() if by_skill[name] in ("caption", "default")
        },
        "any_order": {
            name: metrics.any_order(pairs) for name, pairs in told.items() if by_skill[name] in ("list", "there")
        },
        "number_error": {
            name: metrics.number_error(pairs) for name, pairs in told.items() if by_skill[name] in ("count", "when")
        },
        "character_error": {
            name: metrics.character_error(pairs)
            for name, pairs in told.items()
            if by_skill[name] in ("read", "line", "word", "value")
        },
        "reading": {name: metrics.reading(pairs) for name, pairs in told.items() if by_skill[name] == "read"},
        "abstention": {
            name: metrics.abstention(pairs)
            for name, pairs in every.items()
            if any(metrics.unsure(wanted) for wanted, _ in pairs)
        },
        "groups": groups(outcomes),
        "boxes": {name: box_scores(pairs) for name, pairs in told.items() if by_skill[name].startswith("locate")},
        "language_kept": metrics.language_kept((o.lang, o.wanted, o.answer) for o in outcomes),
        "calibration": metrics.calibration((outcome.probability, outcome.exact) for outcome in outcomes),
    }


def table(measured: Report) -> str:
    """The exact answers of a report as a Markdown table."""
    lines = [
        "| skill | questions | exact % | English % | Chinese % | new wordings % (questions) |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in measured["skills"].items():
        langs = [f"{row[lang]['exact']:.1f}" if row[lang]["n"] else "-" for lang in ("en", "zh")]
        reworded = row["new_wording"]
        last = f"{reworded['exact']:.1f} ({reworded['n']})" if reworded["n"] else "-"
        lines.append(f"| {name} | {row['n']} | {row['exact']:.1f} | {langs[0]} | {langs[1]} | {last} |")
    return "\n".join(lines)


def listed(measured: Report) -> str:
    """What the table does not hold, as a Markdown list."""
    lines = [
        f"- {name}: {row['precision']:.1f} % of the stated facts true, {row['recall']:.1f} % of the true ones stated"
        for name, row in measured["caption_facts"].items()
    ]
    lines += [f"- {name}: {exact:.1f} % right in any order" for name, exact in measured["any_order"].items()]
    lines += [
        f"- {name}: off by {row['mean']:.2f} on average, {row['no_number']} of {row['n']} answers without a number"
        for name, row in measured["number_error"].items()
    ]
    lines += [f"- {name}: {wrong:.1f} % of the characters wrong" for name, wrong in measured["character_error"].items()]
    lines += [
        f"- {name}: {row['exact']:.1f} % of {row['n']} texts of {sort} exact"
        for name, sorts in measured["reading"].items()
        for sort, row in sorts.items()
    ]
    lines += [
        f"- {name}: {row['exact']:.1f} % of {row['n']} named right or left unnamed that show {group}"
        for name, own in measured.get("groups", {}).items()
        for group, row in own.items()
    ]
    lines += [
        f"- {name}: {row['false_names']:.1f} false names per hundred of {row['unknown']} that cannot be told, "
        f"{row['needless_doubt']:.1f} needless doubts per hundred of {row['known']} others"
        for name, row in measured["abstention"].items()
    ]
    lines += [
        f"- {name}: {row['recall']:.1f} % of {row['boxes']} boxes found at an overlap of 0.5, mean overlap "
        f"{row['mean_iou']:.2f}, {row['precision']:.1f} % of the given ones right"
        for name, row in measured["boxes"].items()
    ]
    lines.append(f"- answered in the language asked in or for: {measured['language_kept']:.1f} %")
    bands = (
        f"{row['from']:.2f}-{row['to']:.2f}: {row['exact']:.0f} % of {row['n']}" for row in measured["calibration"]
    )
    lines.append(f"- exact by mean token probability: {'; '.join(bands)}")
    return "\n".join(lines)


def evaluate(
    loaded: LoadedModel, samples: int, each: int = 6, names: Sequence[str] = TRAINED
) -> tuple[Report, list[Outcome]]:
    """Ask about `samples` pictures, or half as many clips, of each part of the world in `names`."""
    begin = time.monotonic()
    outcomes: list[Outcome] = []
    for name in names:
        count = samples if parts()[name].kind == "image" else -(-samples // 2)
        outcomes += ask_all(loaded, Exam(parts()[name], held_out(count, name), each))
    measured = report(outcomes)
    seconds = round(time.monotonic() - begin, 1)
    drawn = {"parts": list(names), "pictures": samples, "clips": -(-samples // 2)}
    return measured | drawn | {"seconds": seconds}, outcomes


def main() -> None:
    """Measure, print the table, and write it where asked."""
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
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    parser.add_argument("--show", type=int, default=0, help="print this many wrong answers")
    args = parser.parse_args()
    loaded = load(args.model, device=args.device, dtype=args.dtype, quantize=args.quantize)
    names = args.parts or measured_before(args.model)
    measured, outcomes = evaluate(loaded, args.samples, args.each, names=names)
    print(table(measured), listed(measured), sep="\n\n")
    told = ("known_wordings", "new_wordings", "seen_pairs", "new_pairs", "median_probability", "seconds")
    print(json.dumps({key: measured[key] for key in told}))
    for outcome in [outcome for outcome in outcomes if not outcome.exact][: args.show]:
        print(json.dumps(asdict(outcome), ensure_ascii=False))
    if args.out:
        args.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
