"""A report as Markdown: tables of exact answers by part and by skill, and a list of what they do not hold.

Reports that lack rows, as those of earlier versions do, are told as far as they go.
"""

from collections.abc import Mapping
from typing import Any

from model.training import metrics
from model.training.reports import Report

FEW = 15  # questions; what a row of fewer says by itself is chance


def table(head: str, rows: Mapping[str, Any]) -> str:
    """Rows of exact answers as a Markdown table; `head` is what its rows are."""
    lines = [
        f"| {head} | questions | exact % | English % | Chinese % | new wordings % (questions) |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        langs = [f"{row[lang]['exact']:.1f}" if row[lang]["n"] else "-" for lang in ("en", "zh")]
        reworded = row["new_wording"]
        last = f"{reworded['exact']:.1f} ({reworded['n']})" if reworded["n"] else "-"
        lines.append(f"| {name} | {row['n']} | {row['exact']:.1f} | {langs[0]} | {langs[1]} | {last} |")
    return "\n".join(lines)


def counted(measured: Report) -> list[str]:
    """The tables of a report: by part, where it tells more of the parts than their names, and by skill."""
    by_skill = table("skill", measured["skills"])
    return [table("part", measured["parts"]), by_skill] if isinstance(measured["parts"], Mapping) else [by_skill]


def times(measured: Report) -> list[str]:
    """How far answers in seconds are off."""
    return [
        f"- {name}: {row['within']:.1f} % of {row['n']} times within {metrics.NEAR:g} seconds, off by "
        f"{row['mean']:.2f} on average, {row['no_number']} answers without a number"
        for name, row in measured.get("time_error", {}).items()
        if row["n"]
    ]


def grounds(measured: Report) -> list[str]:
    """How much the ground that things stand on matters."""
    return [
        f"- {part}: {own['plain']['exact']:.1f} % of {own['plain']['n']} answers exact on plain grounds, "
        f"{own['other']['exact']:.1f} % of {own['other']['n']} on others"
        for part, own in measured.get("grounds", {}).items()
        if own["plain"]["n"] and own["other"]["n"]
    ]


def sureness(measured: Report) -> list[str]:
    """How sure a model is of right and wrong answers, and where that has its answers called uncertain."""
    bands = measured.get("calibration", [])
    line = metrics.low_confidence(bands)
    if line is None:
        return []
    curve = (f"{band['from']:.2f}-{band['to']:.2f}: {band['exact']:.0f} % of {band['n']}" for band in bands)
    sides = [[band for band in bands if (band["from"] >= line) is above] for above in (True, False)]
    above, below = (f"{metrics.exact_in(side):.1f} % of {sum(band['n'] for band in side)}" for side in sides)
    return [
        f"- exact by mean token probability: {'; '.join(curve)}",
        f"- called uncertain below {line:.2f}: {below} answers exact there, {above} from there on",
    ]


def listed(measured: Report) -> str:
    """What the table does not hold, as a Markdown list."""
    lines = [
        f"- {name}: {row['precision']:.1f} % of the stated facts true, {row['recall']:.1f} % of the true ones stated"
        for name, row in measured.get("caption_facts", {}).items()
    ]
    lines += [f"- {name}: {exact:.1f} % right in any order" for name, exact in measured.get("any_order", {}).items()]
    lines += [
        f"- {name}: off by {row['mean']:.2f} on average, {row['no_number']} of {row['n']} answers without a number"
        for name, row in measured.get("number_error", {}).items()
        if row["n"]
    ]
    lines += grounds(measured) + times(measured)
    lines += [
        f"- {name}: {wrong:.1f} % of the characters of {texts} texts wrong"
        for name, wrong in measured.get("character_error", {}).items()
        if (texts := measured["skills"][name]["n"]) >= FEW
    ]
    lines += [
        f"- {name}: {row['exact']:.1f} % of {row['n']} texts of {sort} exact"
        for name, sorts in measured.get("reading", {}).items()
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
        for name, row in measured.get("abstention", {}).items()
    ]
    lines += [
        f"- {name}: {row['recall']:.1f} % of {row['boxes']} boxes found at an overlap of 0.5, mean overlap "
        f"{row['mean_iou']:.2f}, {row['precision']:.1f} % of the given ones right"
        for name, row in measured.get("boxes", {}).items()
    ]
    if "language_kept" in measured:
        lines.append(f"- answered in the language asked in or for: {measured['language_kept']:.1f} %")
    return "\n".join(lines + sureness(measured))
