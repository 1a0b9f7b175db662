"""`qwenvl bench`: how fast a model is on this machine, and how near to what the machine can do."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from qwenvl_cli.commands.models import size_text
from qwenvl_cli.environment import environment
from qwenvl_cli.options import OUTPUT_PANEL, ModelOptions, OutputOptions, takes_options

BENCH_PANEL = "Measurement"
STAGES = {
    "load": "load",
    "vision_picture": "vision, picture",
    "vision_clip": "vision, clip",
    "prefill": "prefill",
    "decode": "decode, a token",
    "first_token": "first token",
    "first_token_cold": "first token, cold",
}
Row = tuple[str, str, str, str, str]


@takes_options
def bench(
    context: typer.Context,
    model: ModelOptions,
    runs: Annotated[
        int,
        typer.Option(min=1, max=1000, metavar="N", help="Runs of each stage.", rich_help_panel=BENCH_PANEL),
    ] = 5,
    tokens: Annotated[
        int,
        typer.Option(min=1, max=131072, metavar="N", help="Tokens to decode.", rich_help_panel=BENCH_PANEL),
    ] = 32,
    image_side: Annotated[
        int,
        typer.Option(min=1, max=16384, metavar="PX", help="Side of picture and clip.", rich_help_panel=BENCH_PANEL),
    ] = 448,
    clip_frames: Annotated[
        int, typer.Option(min=1, max=768, metavar="N", help="Frames of the clip.", rich_help_panel=BENCH_PANEL)
    ] = 8,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.", rich_help_panel=OUTPUT_PANEL)] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the table and errors.", rich_help_panel=OUTPUT_PANEL)
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.", rich_help_panel=OUTPUT_PANEL)
    ] = False,
) -> None:
    """Measure how fast a model loads, sees, reads and writes here, and what share of the machine that is.

    Times are medians; the ceilings (reading of memory, matrix products) are measured in the same run. Sizes are brought
    within the limits of the model.
    """
    from model.loading import resolve
    from qwenvl_cli.results import SCHEMA, to_json

    screen = environment(context).configure(OutputOptions(quiet=quiet, traceback=traceback))
    resolve(model.model, offline=model.offline)
    screen.status("importing torch …")
    from model.benchmark import Settings, measure

    settings = Settings(**vars(model), runs=runs, tokens=tokens, image_side=image_side, clip_frames=clip_frames)
    report = measure(settings, screen.status).to_dict()
    screen.clear_status()
    if json:
        screen.write(to_json({"schema": SCHEMA, **report}) + "\n")
        return
    screen.write("".join(f"{line}\n" for line in table(report)))
    for warning in report["warnings"]:
        screen.warning(warning)


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """Write a report for people, one line a stage."""
    model, machine, work, ceilings = (report[part] for part in ("model", "machine", "work", "ceilings"))
    quantized = "" if model["quantize"] == "none" else f", {model['quantize']}"
    yield f"{model['id']}, {model['dtype']}{quantized}, attention {model['attention']} on {model['device']}"
    yield (
        f"{machine['device']}; {machine['cores']} cores, {machine['threads']} threads; "
        f"torch {machine['torch']}, Python {machine['python']}, {machine['system']}"
    )
    yield (
        f"picture {_size(work['image'])}, clip {work['clip_frames']} x {_size(work['clip'])}, prompt of "
        f"{work['prompt_tokens']} tokens, {work['decoded_tokens']} decoded; medians of {work['runs']}"
    )
    yield ""
    rows = [("", "time", "tokens/s", "rate", "of the ceiling")]
    rows += [_row(label, report["stages"][name]) for name, label in STAGES.items()]
    rows += [("peak memory", _or_dash(report["peak_memory_bytes"], size_text), "", "", "")]
    rows += [("ceiling, memory read", "", "", _or_dash(ceilings["memory_bytes_per_s"], _bytes_rate), "")]
    for name, rate in ceilings["matrix_flops_per_s"].items():
        rows.append((f"ceiling, {name} products", "", "", _flops_rate(rate), ""))
    for label, *cells in rows:
        yield f"{label:<26}{cells[0]:>12}{cells[1]:>12}{cells[2]:>16}{cells[3]:>16}".rstrip()


def _row(label: str, stage: Mapping[str, Any]) -> Row:
    """Write one stage; what does not apply to it stays empty, what could not be measured is a dash."""
    rate = _flops_rate(stage["flops_per_s"]) if "flops_per_s" in stage else ""
    if "bytes_per_s" in stage:
        rate = _or_dash(stage["bytes_per_s"], _bytes_rate)
    share = _or_dash(stage["share"], lambda value: f"{100 * value:.0f} %") if "share" in stage else ""
    tokens = _three_digits(stage["tokens_per_s"]) if "tokens_per_s" in stage else ""
    return label, time_text(stage["seconds"]), tokens, rate, share


def _or_dash(value: Any, write: Any) -> str:
    return "-" if value is None else str(write(value))


def time_text(seconds: float) -> str:
    """Write a time with three digits.

    >>> time_text(0.0123456), time_text(2.5), time_text(125.0)
    ('12.3 ms', '2.50 s', '125 s')
    """
    value, unit = (seconds, "s") if seconds >= 0.9995 else (1000 * seconds, "ms")
    return f"{_three_digits(value)} {unit}"


def _three_digits(value: float) -> str:
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"


def _bytes_rate(rate: float) -> str:
    return f"{size_text(round(rate))}/s"


def _flops_rate(rate: float) -> str:
    return f"{_three_digits(rate / 1e9)} GFLOP/s"


def _size(sides: list[int]) -> str:
    return "x".join(map(str, sides)) + " px"
