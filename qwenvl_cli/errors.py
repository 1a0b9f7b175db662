"""Exit codes, and the errors the command line raises on purpose: one line of cause, one line of remedy each."""

from enum import IntEnum


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
