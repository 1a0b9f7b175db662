"""Exit codes, the errors the command line raises on purpose, and how any other exception becomes one of them."""

import errno
from enum import IntEnum

from model.errors import BackendUnavailable, ConfigError, ModelError, ModelNotFound, PromptError, WeightsError


class ExitCode(IntEnum):
    """What the process returns; scripts depend on these numbers."""

    OK = 0
    RUNTIME = 1
    USAGE = 2
    PARTIAL = 3
    MEDIA = 4
    MODEL = 5
    MEMORY = 6
    CONSTRAINT = 7
    INTERRUPTED = 130
    CLOSED_PIPE = 141


class CliError(Exception):
    """Base of the errors raised by `qwenvl_cli`; `message` says what is wrong, `hint` what to do about it."""

    exit_code: ExitCode = ExitCode.RUNTIME

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CliError):
    """The command line asks for something that makes no sense or cannot be done."""

    exit_code = ExitCode.USAGE


class PartialFailure(CliError):
    """Some of several files failed; each has already been reported."""

    exit_code = ExitCode.PARTIAL


class MediaError(CliError):
    """A picture or clip is missing, unreadable, empty or not a picture or clip at all."""

    exit_code = ExitCode.MEDIA


class ModelMissing(CliError):
    """No usable model stands behind the given name."""

    exit_code = ExitCode.MODEL


class OutOfMemory(CliError):
    """The work does not fit the memory of this machine or device."""

    exit_code = ExitCode.MEMORY


class ConstraintError(CliError):
    """The answer does not have the form that was asked for."""

    exit_code = ExitCode.CONSTRAINT


class Interrupted(CliError):
    """The user stopped the run."""

    exit_code = ExitCode.INTERRUPTED


MEMORY_HINT = "lower --max-pixels or --max-frames, or use --quantize int4 or a smaller --model"
BUG_HINT = "run again with --traceback and report what it prints"


def _is_out_of_memory(error: BaseException) -> bool:
    """Say whether this is torch's or Python's way to run out of memory; told by name, so that torch stays unloaded."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def _from_model(error: ModelError) -> CliError:
    kinds: dict[type[ModelError], type[CliError]] = {
        ConfigError: ModelMissing,
        WeightsError: ModelMissing,
        ModelNotFound: ModelMissing,
        PromptError: UsageError,
        BackendUnavailable: UsageError,
    }
    kind = next((ours for theirs, ours in kinds.items() if isinstance(error, theirs)), CliError)
    return kind(error.message, error.hint)


def explain(error: BaseException) -> CliError:
    """Turn any exception into a CliError with one line of cause and one of remedy, keeping the original as cause."""
    if isinstance(error, CliError):
        return error
    if isinstance(error, ModelError):
        found = _from_model(error)
    elif _is_out_of_memory(error):
        found = OutOfMemory("out of memory", MEMORY_HINT)
    elif isinstance(error, KeyboardInterrupt):
        found = Interrupted("interrupted")
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = "free some space and run again" if error.errno == errno.ENOSPC else "check the path and its permissions"
        found = CliError(f"{where}{error.strerror}", hint)
    else:
        detail = " ".join(str(error).split())
        found = CliError(f"unexpected {type(error).__name__}{': ' if detail else ''}{detail}", BUG_HINT)
    found.__cause__ = error
    return found


def error_type(error: CliError) -> str:
    """Name an error in records: the original class where it says more than ours (unexpected ones)."""
    plain = type(error) is CliError and error.__cause__ is not None
    return type(error.__cause__).__name__ if plain else type(error).__name__
