"""`qwenvl chat [MEDIA...]`: one question after another about the same pictures and clips."""

from typing import Annotated

import typer

from qwenvl_cli.environment import environment
from qwenvl_cli.errors import UsageError
from qwenvl_cli.options import (
    AnswerOptions,
    MediaOptions,
    ModelOptions,
    NoStream,
    OutputOptions,
    takes_options,
)

Media = Annotated[
    list[str] | None, typer.Argument(metavar="[MEDIA...]", help="Pictures and clips; more can be added on the way.")
]


@takes_options
def chat(
    context: typer.Context,
    model: ModelOptions,
    answer: AnswerOptions,
    frames: MediaOptions,
    output: OutputOptions,
    media: Media = None,
    no_stream: NoStream = False,
) -> None:
    """Talk about pictures and clips: a line is a question, and what was said before counts.

    At a terminal /help lists what else can be said; from a pipe every line is a question. Questions and answers stay in
    memory between turns, so that a further question costs only what is new.
    """
    from qwenvl_cli.chatting import Chatter, lines_of
    from qwenvl_cli.commands.shared import after, check_paths, open_session
    from qwenvl_cli.output.json import JsonWriter

    env = environment(context)
    screen = env.configure(output)
    paths = media or []
    if "-" in paths:
        raise UsageError("standard input holds the questions, so it cannot hold a picture", "name a file")
    if paths:
        check_paths(paths, screen)
    asker, writer = open_session(env, model, answer, frames, output, prompt=None, stream=not no_stream)
    in_json = isinstance(writer, JsonWriter)
    session = Chatter(asker, writer, lambda record: after(screen, record, in_json=in_json))
    if screen.stdin_tty:
        screen.note("a line is a question; /help lists what else can be said")
    session.run(paths, lines_of(screen))
