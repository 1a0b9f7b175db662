"""`qwenvl describe MEDIA...`: say what pictures and clips show."""

from typing import Annotated

import typer

from qwenvl_cli.environment import environment
from qwenvl_cli.options import (
    ANSWER_PANEL,
    AnswerOptions,
    MediaOptions,
    ModelOptions,
    NoStream,
    OutputOptions,
    takes_options,
)

Media = Annotated[
    list[str], typer.Argument(metavar="MEDIA...", help="Pictures and clips; - reads one from standard input.")
]


@takes_options
def describe(
    context: typer.Context,
    media: Media,
    model: ModelOptions,
    answer: AnswerOptions,
    frames: MediaOptions,
    output: OutputOptions,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What to ask instead, or @FILE.", rich_help_panel=ANSWER_PANEL),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="One answer about all files.", rich_help_panel=ANSWER_PANEL)
    ] = False,
    no_stream: NoStream = False,
) -> None:
    """Describe pictures and clips, one answer per file.

    With several files each answer stands under a line '== file =='. A file that fails does not stop the others;
    the exit code is then 3.
    """
    from qwenvl_cli.commands.shared import answer_each, answer_together, check_paths, open_session

    env = environment(context)
    each = len(media) > 1 and not together
    check_paths(media, env.configure(output), each=each)
    asker, writer = open_session(env, model, answer, frames, output, prompt=prompt, stream=not no_stream)
    (answer_each if each else answer_together)(asker, writer, media)
