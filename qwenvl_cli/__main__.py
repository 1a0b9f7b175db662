"""The process: builds the environment, runs the program, and leaves quietly."""

import os
import sys
import threading


def main() -> None:
    """Run `qwenvl` and exit with its code."""
    try:
        from qwenvl_cli.app import run
        from qwenvl_cli.console import system_screen
        from qwenvl_cli.environment import Environment, local_engine

        env = Environment(system_screen(os.environ), sys.argv[1:], local_engine)
        code = run(env)
    except KeyboardInterrupt:
        code = 130
    _leave(code)


def _leave(code: int) -> None:
    """Exit. Interpreter shutdown may crash with a thread still importing or loading, and with torch it takes a tenth
    of the whole run, so it is skipped then: the streams are flushed, and nothing here waits for an exit hook.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            # The reader has gone: what is left goes nowhere, and Python must not complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if threading.active_count() > 1 or "torch" in sys.modules:
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
