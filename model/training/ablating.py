"""What the ablations' command lines share: a choice among named variants, a length that is given, where it runs."""

import argparse
import shlex
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import torch


def among(known: Collection[str]) -> Callable[[str], list[str]]:
    """Return a reader of lists such as "one,two" of known names, whose errors argparse turns into its message."""

    def read(text: str) -> list[str]:
        names = list(dict.fromkeys(text.split(",")))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"{text}: choose among {', '.join(known)}")
        return names

    return read


def begin(parser: argparse.ArgumentParser, words: Sequence[str]) -> tuple[argparse.Namespace, Path, torch.device]:
    """Read a command line, with `command` for the report; make its folder OUT; choose the device."""
    args = parser.parse_args(words)
    if not args.minutes and not args.steps:
        raise SystemExit("give the training a length: --minutes or --steps")
    args.command = shlex.join([*parser.prog.split(), *words])
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    return args, out, torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
