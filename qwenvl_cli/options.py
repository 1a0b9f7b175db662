"""Every flag that several commands share: name, help, default and range are stated here once.

Flags are grouped into frozen dataclasses. A command asks for a group by annotating a parameter with it, and
`takes_options` spells the group out for Typer and hands the command one checked object.
"""

import functools
import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from qwenvl_cli.errors import UsageError

BUNDLED = "bundled"
DEFAULT_FPS = 2.0
DEFAULT_MAX_TOKENS = 512
BOXES_MAX_TOKENS = 2048  # a box takes about forty, so the usual limit would end a list at a dozen

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Quantize = Literal["none", "int8", "int4"]
Attention = Literal["auto", "eager", "sdpa", "varlen"]

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_CLOCK = re.compile(r"(?:(?:(\d{1,6}):)?([0-5]?\d):)?(\d{1,9}(?:\.\d+)?)")


def parse_time(text: str) -> float:
    """Read '90', '1:30' or '0:01:30.5' as seconds."""
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise typer.BadParameter(f"{text!r} is not a time; write seconds (90) or a clock (1:30, 0:01:30.5).")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def in_range(flag: str, value: float | None, low: float, high: float, *, open_low: bool = False) -> None:
    """Refuse the value of a flag outside a range, infinities and NaN among them; None is a flag not given."""
    if value is None:
        return
    inside = low < value <= high if open_low else low <= value <= high
    if not (math.isfinite(value) and inside):
        raise UsageError(f"{flag} {value:g} is out of range", f"give a value {_span(low, high, open_low)}")


def _span(low: float, high: float, open_low: bool) -> str:
    return f"above {low:g} and up to {high:g}" if open_low else f"from {low:g} to {high:g}"


MODEL_PANEL, ANSWER_PANEL, MEDIA_PANEL, OUTPUT_PANEL = "Model", "Answer", "Pictures and clips", "Output"


@dataclass(frozen=True)
class ModelOptions:
    """Which weights to run, and how."""

    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            envvar="QWENVL_MODEL",
            metavar="NAME",
            help="'bundled', a checkpoint folder, or a hub id such as Qwen/Qwen2.5-VL-3B-Instruct in the local cache.",
            rich_help_panel=MODEL_PANEL,
        ),
    ] = BUNDLED
    device: Annotated[
        str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=MODEL_PANEL)
    ] = "auto"
    dtype: Annotated[Dtype, typer.Option(help="Number format of the weights.", rich_help_panel=MODEL_PANEL)] = "auto"
    quantize: Annotated[
        Quantize, typer.Option(help="Shrink the weights while loading.", rich_help_panel=MODEL_PANEL)
    ] = "none"
    attention: Annotated[Attention, typer.Option(help="Attention kernel.", rich_help_panel=MODEL_PANEL)] = "auto"
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.", rich_help_panel=MODEL_PANEL)] = (
        False
    )

    def check(self) -> None:
        """Refuse what cannot be right before anything loads."""
        if not _DEVICE.fullmatch(self.device):
            raise UsageError(f"--device {self.device!r} is not a device", "use auto, cpu, cuda, cuda:1 or mps")
        if not self.model.strip():
            raise UsageError("--model is empty", "leave it out for the bundled model, or name a folder or hub id")


@dataclass(frozen=True)
class AnswerOptions:
    """How the answer is generated."""

    max_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Longest answer in tokens (default: {DEFAULT_MAX_TOKENS}; for boxes {BOXES_MAX_TOKENS}).",
            rich_help_panel=ANSWER_PANEL,
        ),
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option(metavar="T", help="0 is greedy (default); higher is more varied.", rich_help_panel=ANSWER_PANEL),
    ] = None
    top_p: Annotated[
        float | None,
        typer.Option(metavar="P", help="Sample from this share of probability.", rich_help_panel=ANSWER_PANEL),
    ] = None
    top_k: Annotated[
        int | None,
        typer.Option(metavar="K", help="Sample from the K likeliest tokens; 0 is all.", rich_help_panel=ANSWER_PANEL),
    ] = None
    repetition_penalty: Annotated[
        float | None, typer.Option(metavar="R", help="Above 1 avoids repetition.", rich_help_panel=ANSWER_PANEL)
    ] = None
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Makes sampling repeatable.", rich_help_panel=ANSWER_PANEL)
    ] = None
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="End the answer before this text; repeatable.", rich_help_panel=ANSWER_PANEL),
    ] = None
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="System text, or @FILE.", rich_help_panel=ANSWER_PANEL)
    ] = None

    def check(self) -> None:
        """Refuse values outside their ranges, infinities and NaN among them."""
        in_range("--max-tokens", self.max_tokens, 1, 131072)
        in_range("--temperature", self.temperature, 0, 10)
        in_range("--top-p", self.top_p, 0, 1, open_low=True)
        in_range("--top-k", self.top_k, 0, 1_000_000)
        in_range("--repetition-penalty", self.repetition_penalty, 0, 10, open_low=True)
        in_range("--seed", self.seed, 0, 2**63 - 1)
        if any(not text for text in self.stop or ()):
            raise UsageError("--stop is empty", "give the text that ends the answer, or leave --stop out")

    def warn(self, say: Callable[[str], None]) -> None:
        """Name flags that change nothing because the answer is greedy."""
        idle = {"--top-p": self.top_p, "--top-k": self.top_k, "--seed": self.seed}
        named = [flag for flag, value in idle.items() if value is not None]
        if named and not self.temperature:
            say(f"{', '.join(named)} without --temperature changes nothing: the answer is greedy")


@dataclass(frozen=True)
class MediaOptions:
    """Which frames of a clip are seen, and at which size."""

    fps: Annotated[
        float, typer.Option(metavar="F", help="Frames per second taken from clips.", rich_help_panel=MEDIA_PANEL)
    ] = DEFAULT_FPS
    max_frames: Annotated[
        int | None,
        typer.Option(metavar="N", help="Most frames of one clip (default: the model's).", rich_help_panel=MEDIA_PANEL),
    ] = None
    start: Annotated[
        float | None,
        typer.Option(parser=parse_time, metavar="TIME", help="Begin here: 90 or 1:30.", rich_help_panel=MEDIA_PANEL),
    ] = None
    end: Annotated[
        float | None,
        typer.Option(parser=parse_time, metavar="TIME", help="End here.", rich_help_panel=MEDIA_PANEL),
    ] = None
    min_pixels: Annotated[
        int | None,
        typer.Option(metavar="N", help="Enlarge pictures and frames below this.", rich_help_panel=MEDIA_PANEL),
    ] = None
    max_pixels: Annotated[
        int | None,
        typer.Option(metavar="N", help="Shrink pictures and frames above this.", rich_help_panel=MEDIA_PANEL),
    ] = None

    def check(self) -> None:
        """Refuse values outside their ranges and pairs that leave nothing."""
        in_range("--fps", self.fps, 0, 240, open_low=True)
        in_range("--max-frames", self.max_frames, 1, 100_000)
        in_range("--min-pixels", self.min_pixels, 28 * 28, 2**31)
        in_range("--max-pixels", self.max_pixels, 28 * 28, 2**31)
        if self.min_pixels and self.max_pixels and self.min_pixels > self.max_pixels:
            raise UsageError(
                f"--min-pixels {self.min_pixels} is above --max-pixels {self.max_pixels}", "swap the two values"
            )
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise UsageError(f"--start {self.start:g} s is not before --end {self.end:g} s", "swap the two values")


NoStream = Annotated[
    bool, typer.Option("--no-stream", help="Print the answer whole, as plain text.", rich_help_panel=OUTPUT_PANEL)
]


@dataclass(frozen=True)
class OutputOptions:
    """What is printed, and where."""

    json: Annotated[bool, typer.Option("--json", help="One JSON record per line.", rich_help_panel=OUTPUT_PANEL)] = (
        False
    )
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Report every token's probability.", rich_help_panel=OUTPUT_PANEL)
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the answer and errors.", rich_help_panel=OUTPUT_PANEL)
    ] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say what is done, on stderr.", rich_help_panel=OUTPUT_PANEL)
    ] = False
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.", rich_help_panel=OUTPUT_PANEL)
    ] = False

    def check(self) -> None:
        """Refuse contradictions."""
        if self.quiet and self.verbose:
            raise UsageError("--quiet and --verbose contradict each other", "leave one of them out")


def read_text_option(value: str | None) -> str | None:
    """Return the text itself, or the content of FILE for '@FILE'; '@@' stands for a leading '@'."""
    if value is None or not value.startswith("@"):
        return value
    if value.startswith("@@"):
        return value[1:]
    try:
        text = Path(value[1:]).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"cannot read the text file {value[1:]}: {cause}", "write @@ for a text that begins with @"
        ) from error
    if not text:
        raise UsageError(f"the text file {value[1:]} is empty", "write the text into it")
    return text


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` one Typer parameter per field of each option group among its parameters."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    flat: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        flat += _fields_of(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
    positional = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in flat]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            built = group(**{field.name: values.pop(field.name) for field in fields(group)})
            built.check()
            values[name] = built
        command(**values)

    run.__signature__ = inspect.Signature(positional)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in positional}
    return run


def _fields_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    ]
