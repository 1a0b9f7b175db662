"""`qwenvl locate IMAGE "WHAT"`: where things are, as boxes in pixels of the picture itself."""

import io
import os
from pathlib import Path
from typing import Annotated

import typer

from qwenvl_cli.environment import environment
from qwenvl_cli.errors import UsageError
from qwenvl_cli.options import (
    OUTPUT_PANEL,
    AnswerOptions,
    MediaOptions,
    ModelOptions,
    OutputOptions,
    takes_options,
)


@takes_options
def locate(
    context: typer.Context,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A picture; - reads one from standard input.")],
    what: Annotated[str, typer.Argument(metavar='"WHAT"', help='Such as "the red apple" or "all dogs", or @FILE.')],
    model: ModelOptions,
    answer: AnswerOptions,
    frames: MediaOptions,
    output: OutputOptions,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a copy with the boxes drawn in.", rich_help_panel=OUTPUT_PANEL),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace that file if it exists.", rich_help_panel=OUTPUT_PANEL)
    ] = False,
) -> None:
    """Find things in a picture: one line 'LEFT TOP RIGHT BOTTOM LABEL' for each.

    Pixels are those of the picture as it is shown, upright, from its upper left corner. Nothing found is no error and
    prints nothing; an answer that holds no list of boxes ends with exit code 7. Lists are longer than captions: an
    answer may have 2048 tokens here unless --max-tokens says otherwise.
    """
    from qwenvl_cli.commands.shared import answer_together, check_paths, open_session
    from qwenvl_cli.grounding import question
    from qwenvl_cli.locating import Locator, save_copy
    from qwenvl_cli.output.boxes import BoxWriter

    env = environment(context)
    screen = env.configure(output)
    check_paths([image], screen)
    prompt = question(what)
    if save is not None:
        _check_save(save, image, overwrite=overwrite)
        if image == "-" or not os.path.isfile(image):  # what comes through a pipe is read again for the copy
            content = screen.stdin.read() if image == "-" else Path(image).read_bytes()
            image, screen.stdin = "-", io.BytesIO(content)
    asker, writer = open_session(env, model, answer, frames, output, prompt=prompt, stream=False, kind=Locator)
    record = answer_together(asker, writer if output.json else BoxWriter(screen), [image])
    if save is not None:
        save_copy(image, screen.stdin, record, save)
        screen.note(f"drawn in {save}")


def _check_save(save: Path, image: str, *, overwrite: bool) -> None:
    from qwenvl_cli.output.overlay import check_target

    check_target(save, overwrite=overwrite)
    if image != "-" and save.exists() and save.samefile(image):
        raise UsageError(f"{save} is the picture itself", "choose another name: the original is kept")
