"""`qwenvl ask MEDIA... "QUESTION"`: one question about all files together."""

import os
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from qwenvl_cli.environment import environment
from qwenvl_cli.errors import MediaError, UsageError
from qwenvl_cli.options import (
    AnswerOptions,
    MediaOptions,
    ModelOptions,
    NoStream,
    OutputOptions,
    takes_options,
)

EXAMPLE = 'put the question last, in quotes: qwenvl ask photo.jpg "What is this?"'
_LOOKS_LIKE_FILE = re.compile(r"[^\s?]+\.[A-Za-z][A-Za-z0-9]{1,4}")

Arguments = Annotated[
    list[str],
    typer.Argument(
        metavar='MEDIA... "QUESTION"', help="Pictures and clips (- is standard input), then the question or @FILE."
    ),
]


def split_question(arguments: Sequence[str]) -> tuple[list[str], str]:
    """Part the files from the question, which is the last argument; say so when it is missing."""
    *media, question = arguments
    if question == "-" or os.path.isfile(question):  # of a long question Path.is_file() raises that it is too long
        raise UsageError(f"there is no question, only files (the last is {question})", EXAMPLE)
    if not media:
        raise UsageError("there is a question but no picture or clip", EXAMPLE)
    if not question.strip():
        raise UsageError("the question is empty", EXAMPLE)
    if _LOOKS_LIKE_FILE.fullmatch(question) and not question.startswith("@"):
        raise MediaError(f"{question} does not exist", EXAMPLE)
    return media, question


@takes_options
def ask(
    context: typer.Context,
    arguments: Arguments,
    model: ModelOptions,
    answer: AnswerOptions,
    frames: MediaOptions,
    output: OutputOptions,
    no_stream: NoStream = False,
) -> None:
    """Ask one question about pictures and clips, all seen together."""
    from qwenvl_cli.commands.shared import answer_together, check_paths, open_session

    env = environment(context)
    media, question = split_question(arguments)
    check_paths(media, env.configure(output))
    asker, writer = open_session(env, model, answer, frames, output, prompt=question, stream=not no_stream)
    answer_together(asker, writer, media)
