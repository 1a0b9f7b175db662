"""`qwenvl batch FOLDER|GLOB|LIST -o captions.jsonl`: one record per picture or clip, resumed where it stopped."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from qwenvl_cli.environment import Environment, environment
from qwenvl_cli.errors import Interrupted, UsageError
from qwenvl_cli.options import (
    ANSWER_PANEL,
    OUTPUT_PANEL,
    AnswerOptions,
    MediaOptions,
    ModelOptions,
    OutputOptions,
    in_range,
    takes_options,
)

BATCH_PANEL = "Batch"
TOGETHER, MOST_TOGETHER = 4, 256  # files answered at the same time unless told otherwise, and at most

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="FOLDER|GLOB|LIST...",
        help="Folders (searched recursively), quoted globs, files, .txt lists of paths, or - for a list on stdin.",
    ),
]


@takes_options
def batch(
    context: typer.Context,
    sources: Sources,
    target: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="JSON lines, appended to.", rich_help_panel=OUTPUT_PANEL),
    ],
    model: ModelOptions,
    answer: AnswerOptions,
    frames: MediaOptions,
    output: OutputOptions,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What to ask of each file, or @FILE.", rich_help_panel=ANSWER_PANEL),
    ] = None,
    locate: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Find these in pictures: adds boxes.", rich_help_panel=ANSWER_PANEL),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Try failed items again.", rich_help_panel=BATCH_PANEL)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start anew, replacing earlier results.", rich_help_panel=BATCH_PANEL)
    ] = False,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Also write photo.txt beside photo.jpg.", rich_help_panel=BATCH_PANEL)
    ] = False,
    size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            metavar="N",
            help="Files answered at once; below float32 only 1 is describe to the letter.",
            rich_help_panel=BATCH_PANEL,
        ),
    ] = TOGETHER,
    nul: Annotated[
        bool, typer.Option("-0", "--null", help="Lists are separated by NUL bytes.", rich_help_panel=BATCH_PANEL)
    ] = False,
) -> None:
    """Describe every picture and clip of a folder, one JSON record per line.

    Run it again to go on where it stopped: items already recorded with the same content and settings are skipped.
    """
    from qwenvl_cli.answering import Asker
    from qwenvl_cli.batch.journal import Journal, check_writable
    from qwenvl_cli.batch.plan import find
    from qwenvl_cli.batch.runner import Batch, BatchOptions
    from qwenvl_cli.batch.sidecars import check_sidecars, sidecar_paths
    from qwenvl_cli.grounding import question
    from qwenvl_cli.locating import Locator

    env = environment(context)
    screen = env.configure(output)
    in_range("--batch-size", size, 1, MOST_TOGETHER)
    if locate is not None and prompt is not None:
        raise UsageError("--prompt and --locate ask for two things", "leave one of them out")
    if locate is not None and sidecar:
        raise UsageError("--sidecar writes captions, and --locate finds boxes", "boxes are in the records of -o")
    check_writable(target)
    if "-" in sources and screen.stdin_tty:
        raise UsageError("standard input is a terminal", "pipe a list in: find . -name '*.jpg' | qwenvl batch - -o F")
    found = find(sources, screen.stdin, nul=nul)
    if any(os.path.abspath(path) == os.path.abspath(target) for path in found.paths):
        raise UsageError(f"{target} is both input and output", "choose another file with -o")
    if sidecar:
        check_sidecars(sidecar_paths(found.paths).values())
    answer.warn(screen.warning)
    kind = Asker if locate is None else Locator
    asked = prompt if locate is None else question(locate)
    asker = kind(env.make_engine(model), screen, model, answer, frames, asked, output.logprobs)
    options = BatchOptions(retry_errors, overwrite, sidecar, echo=output.json, size=size)
    with Journal(target, overwrite=overwrite) as journal:
        run = Batch(asker, journal, found, options)
        try:
            run.run()
        except KeyboardInterrupt as error:
            done = run.tally.already + run.tally.answered
            raise Interrupted(
                f"interrupted; {done} of {len(found.paths)} files are done and kept",
                f"go on with: {resume_command(env, begun=journal.started)}",
            ) from error


def resume_command(env: Environment, begun: bool) -> str:
    """Return the command line that goes on with this run: the same, without --overwrite once that has been done."""
    return shlex.join(["qwenvl", *(part for part in env.argv if not begun or part != "--overwrite")])
