"""What `describe`, `ask` and `locate` share: checking file arguments, and answering one prompt after another."""

import os
from collections.abc import Sequence

from qwenvl_cli.answering import Asker, Decoded
from qwenvl_cli.console import Screen
from qwenvl_cli.environment import Environment
from qwenvl_cli.errors import CliError, MediaError, PartialFailure, UsageError, explain
from qwenvl_cli.options import AnswerOptions, MediaOptions, ModelOptions, OutputOptions
from qwenvl_cli.output.choose import Writer, choose_writer
from qwenvl_cli.output.json import JsonWriter
from qwenvl_cli.output.text import details, summary, token_lines
from qwenvl_cli.prefetch import ahead
from qwenvl_cli.results import Record


def check_paths(paths: Sequence[str], screen: Screen, *, each: bool = False) -> None:
    """Refuse what can be seen to be wrong before anything is loaded: with `each`, only if no file is there at all."""
    if paths.count("-") > 1:
        raise UsageError("standard input (-) is named twice", "it can be read once; name files for the others")
    for path in paths:
        if not path:
            raise UsageError("the name of a file is empty", "check the variable that should hold it")
        if path == "-":
            if screen.stdin_tty:
                raise UsageError("standard input is a terminal", "pipe a file in: qwenvl describe - < photo.jpg")
        elif os.path.isdir(path):
            raise UsageError(f"{path} is a folder", f"for a whole folder: qwenvl batch {path} -o captions.jsonl")
    absent = [error for path in paths if (error := missing(path))]
    if absent and not each:
        raise absent[0]
    if len(absent) == len(paths):
        for error in absent:
            screen.error(error)
        raise _total(absent, len(paths))


def missing(path: str) -> MediaError | None:
    """Return the error for a file that is not there, or of which that cannot be told."""
    if path == "-":
        return None
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        if "://" in path:
            return MediaError(f"{path} is an address, not a file", f"pipe it in: curl -L '{path}' | qwenvl describe -")
        return MediaError(f"{path} does not exist", "check the spelling, and quote a name that has spaces")
    except OSError as error:
        return MediaError(f"{path} cannot be read: {error.strerror}", "check the path and its permissions")
    return None


def open_session(
    env: Environment,
    model: ModelOptions,
    answer: AnswerOptions,
    frames: MediaOptions,
    output: OutputOptions,
    *,
    prompt: str | None,
    stream: bool,
    kind: type[Asker] = Asker,
) -> tuple[Asker, Writer]:
    """Make the engine, which fails here if the model's name is wrong, and choose how answers are written."""
    answer.warn(env.screen.warning)
    asker = kind(env.make_engine(model), env.screen, model, answer, frames, prompt, output.logprobs)
    return asker, choose_writer(env.screen, json=output.json, stream=stream)


def answer_together(asker: Asker, writer: Writer, paths: Sequence[str]) -> Record:
    """Give one answer about all files, and return its record; any error ends it."""
    asker.begin()
    answer = _answer(asker, writer, paths, _attempt(asker, paths), header=False)
    if isinstance(answer, CliError):
        raise answer
    return answer


def answer_each(asker: Asker, writer: Writer, paths: Sequence[str]) -> None:
    """Give one answer per file, decoding the next meanwhile; a file that fails does not stop the others."""
    asker.begin()
    errors: list[CliError] = []
    for path, opened in ahead(paths, lambda path: _open_one(asker, path)):
        answer = _answer(asker, writer, [path], opened, header=True)
        if isinstance(answer, CliError):
            asker.screen.error(answer)
            errors.append(answer)
    if errors:
        raise _total(errors, len(paths))


def _total(errors: Sequence[CliError], files: int) -> CliError:
    """Sum up failures: exit code 3 where some files were answered, else that of the first failure."""
    total = PartialFailure(f"{len(errors)} of {files} files failed", "the lines above say why")
    if len(errors) == files:
        total.exit_code = errors[0].exit_code
    return total


def _open_one(asker: Asker, path: str) -> Decoded:
    if absent := missing(path):
        raise absent
    return asker.open([path])


def _attempt(asker: Asker, paths: Sequence[str]) -> Decoded | Exception:
    try:
        return asker.open(paths)
    except Exception as error:
        return error


def _answer(
    asker: Asker, writer: Writer, paths: Sequence[str], opened: Decoded | Exception, *, header: bool
) -> Record | CliError:
    """Answer one prompt and show it; return the record, or the error. A model that does not load is raised."""
    screen, prompt = asker.screen, asker.prompt_for(opened)
    if isinstance(opened, Decoded):
        asker.engine.describe()
        if header:
            screen.clear_status()
            writer.header(paths[0])
        try:
            record = asker.ask(opened, lambda text: piece(screen, writer, text))
        except BrokenPipeError:
            raise
        except Exception as raised:
            opened = raised
        except BaseException:
            writer.cut()
            raise
        else:
            screen.clear_status()
            writer.end(record)
            after(screen, record, in_json=isinstance(writer, JsonWriter))
            return record
    error = explain(opened)
    writer.fail(asker.failure(paths, prompt, error))
    return error


def piece(screen: Screen, writer: Writer, text: str) -> None:
    screen.clear_status()
    writer.piece(text)


def after(screen: Screen, record: Record, *, in_json: bool) -> None:
    """Say on stderr what goes with an answer; token probabilities only where no JSON holds them."""
    if record.logprobs is not None and not in_json:
        for line in token_lines(record.logprobs):
            screen.listing(line)
    for line in details(record):
        screen.detail(line)
    for warning in record.warnings:
        screen.warning(warning)
    screen.note(summary(record))
