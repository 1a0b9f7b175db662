"""Renders CARD.md of the bundled model from what was measured and where the weights come from."""

import math
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from model.training import card_lines
from model.training.placing import HELD_PAIRS
from model.training.reports import Report
from model.training.tables import FEW, counted, listed


@dataclass(frozen=True)
class Origin:
    """How the weights came to be; `shown` are the parts that any run drew from, forgotten or not.

    `limits` are the pixels that a picture and a frame of a clip are reduced to.
    """

    command: str
    shown: set[str]
    before: list[str]
    seed: int
    commit: str
    steps: int
    samples: int
    minutes: float
    parameters: int
    limits: tuple[int, int]
    which: str
    sha256: dict[str, str]


TEMPLATE = """# The bundled model

A small network of the Qwen2.5-VL architecture ({parameters:.1f} million parameters, bfloat16), trained from scratch by
this project on pictures and clips that its own program draws. No pretrained weights went into it. It shows the product
at work at once and offline; it is not a model of the real world.

## What it knows

{known}
- Questions in English and Chinese, answered in the language of the question or the one asked for.

How often each of these is answered exactly stands in the table below; what is near chance there, do not rely on.

## What it cannot do

{unknown}
- Things on the line between two places are told as being in one of them; overlapping things were drawn rarely or never.
- A whole caption of many things is often wrong in one of them; questions about one thing are answered better.
{weak}- Pictures are reduced to at most {picture} and frames to {frame}; what is small is lost.
- It does not chat, reason or follow instructions beyond the kinds of question above.
{measured}
## Where it comes from

{sources}
- Command: `{command}`{before}
- Seed {seed}, commit `{commit}`, {steps} steps, {samples} samples, {minutes} minutes of training; {which}.
- sha256:
{sha256}
"""

EXAMS = """ In held_things, held_many and held_thing_events each thing stands in the one
drawing of it that training was never shown, in unseen_things and unseen_many in drawing styles that training never met;
photos of anything are of kinds that the recipe keeps from
training, though runs before 2026-11-26 saw them, unnamed."""
MEASURED = """
## Measured

Exact answers to {pictures} pictures, or {clips} clips, of each part of its world, of held-out seeds at full difficulty,
through the product's own path: in wordings that training uses ("default" is the product's own prompt), and in the last
column in wordings that it never used. Over all parts {known[exact]} % of {known[n]} answers are exact in the former and
{new[exact]} % of {new[n]} in the latter.{exams}

{counted}

{listed}

Facts of captions are counted by clause (a group of things with its place, an event, the background), wrong characters
where a row has {few} texts or more.

Shape and colour where a pair of shape and colour was never trained ({pairs}): {unseen[exact]} % of {unseen[n]} exact,
against {seen[exact]} % of {seen[n]} elsewhere. The median of the mean token probability is {sure[right]} for right
answers and {sure[wrong]} for wrong ones.
"""


def head_commit(folder: Path) -> str:
    """The commit that the recipe stands at; "unknown" outside a repository, with "+changes" where files differ."""
    try:
        asked = ["git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        changed = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no", "--", "."]
        dirty = subprocess.run(changed, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}+changes" if dirty else commit


def pixels(count: int) -> str:
    """A limit in pixels with the square that it allows.

    >>> pixels(12544)
    '12544 pixels (112 x 112)'
    """
    side = math.isqrt(count)
    return f"{count} pixels ({side} x {side})"


def measured_text(measured: Report) -> str:
    """The part of the card that holds the table."""
    pairs = ", ".join(f"{colour} {thing}" for thing, colour in sorted(HELD_PAIRS))
    return MEASURED.format(
        pictures=measured["pictures"],
        clips=measured["clips"],
        exams=EXAMS if "held_things" in measured["parts"] else "",
        counted="\n\n".join(counted(measured)),
        few=FEW,
        listed=listed(measured),
        pairs=pairs,
        known=measured["known_wordings"],
        new=measured["new_wordings"],
        unseen=measured["new_pairs"],
        seen=measured["seen_pairs"],
        sure=measured["median_probability"],
    )


def card(origin: Origin, taught: Collection[str], measured: Report | None) -> str:
    """The whole card of a model that was taught these parts of the world."""
    return TEMPLATE.format(
        parameters=origin.parameters / 1e6,
        known=card_lines.known(taught),
        unknown=card_lines.unknown(taught),
        weak=card_lines.weak(measured),
        picture=pixels(origin.limits[0]),
        frame=pixels(origin.limits[1]),
        sources=card_lines.sources(origin.shown),
        measured=measured_text(measured) if measured else "\nNot measured.\n",
        command=origin.command,
        before="".join(f"\n- {run}." for run in origin.before),
        seed=origin.seed,
        commit=origin.commit,
        steps=origin.steps,
        samples=origin.samples,
        minutes=origin.minutes,
        which=origin.which,
        sha256="\n".join(f"  - `{name}` {digest}" for name, digest in sorted(origin.sha256.items())),
    )
