"""`qwenvl doctor`: what this machine and this installation can do, and what to do about what is missing."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from model.errors import ModelError, ModelNotFound
from qwenvl_cli.commands.models import Found, cached, size_text
from qwenvl_cli.console import clean
from qwenvl_cli.environment import environment
from qwenvl_cli.errors import BUG_HINT, CliError, ModelMissing
from qwenvl_cli.options import BUNDLED, OUTPUT_PANEL, OutputOptions

if TYPE_CHECKING:
    from model.facts import System, Torch

PACKAGE = "qwenvl"
SMALLEST = ("Qwen2.5-VL-3B", 3_754_622_976)  # the smallest published checkpoint and its parameters
HALF_BYTES, FULL_BYTES = 2, 4
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
MODEL = "QWENVL_MODEL"
NO_KERNELS = "QWENVL_NO_KERNELS"
SHOWN = 3


@dataclass(frozen=True)
class Line:
    """One thing told: for people, as a value for JSON, what to do about it, and the error that the command ends in."""

    label: str
    text: str
    fact: Any
    remedy: str = ""
    fatal: CliError | None = None


def doctor(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.", rich_help_panel=OUTPUT_PANEL)] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the lines and errors.", rich_help_panel=OUTPUT_PANEL)
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.", rich_help_panel=OUTPUT_PANEL)
    ] = False,
) -> None:
    """Say what this machine and installation can do, and what to do about what is missing; for bug reports too.

    Lines marked with ! have a remedy below them. Exit 5 if the bundled model is damaged, 1 if torch is.
    """
    from qwenvl_cli.results import SCHEMA, to_json

    screen = environment(context).configure(OutputOptions(quiet=quiet, traceback=traceback))
    screen.status("importing torch …")
    lines = [line for label, section in SECTIONS.items() for line in guarded(label, section)]
    ailing = [line for line in lines if line.remedy]
    if json:
        facts = {key(line): line.fact for line in lines}
        remedies = [{"about": key(line), "what": line.text, "remedy": line.remedy} for line in ailing]
        screen.write(to_json({"schema": SCHEMA, **facts, "remedies": remedies}) + "\n")
    else:
        screen.write("".join(f"{clean(line)}\n" for line in written(lines)))
    for line in lines:
        if line.fatal is not None:
            raise line.fatal
    if not json:
        screen.note(f"{len(ailing)} marked with !" if ailing else "all is well")


def key(line: Line) -> str:
    """Name a line in JSON."""
    return line.label.lower()


def written(lines: Sequence[Line]) -> Iterator[str]:
    """Write lines for people: a mark, the label, the text; the remedy below."""
    width = max(len(line.label) for line in lines)
    for line in lines:
        yield f"{'!' if line.remedy else ' '} {line.label:<{width}}  {one_line(line.text)}"
        if line.remedy:
            yield f"  {'':<{width}}  -> {one_line(line.remedy)}"


def one_line(text: str) -> str:
    """Bring a text that may come from elsewhere to one line, the home folder shortened as it names its owner."""
    home = str(Path.home())
    return " ".join((text.replace(home, "~") if len(home) > 1 else text).split())


def guarded(label: str, section: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """Yield the lines of a section; one that fails becomes a line itself, so that it does not hide the others."""
    try:
        yield from section()
    except Exception as error:
        yield Line(label, f"cannot be told: {type(error).__name__}: {error}", None, BUG_HINT)


def machine_lines() -> Iterator[Line]:
    """The program, the interpreter and the machine."""
    from model.facts import system

    try:
        version: str | None = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        version = None
    here = system()
    yield Line("qwenvl", version or "not installed: runs from its source tree", version)
    yield Line("Python", here.python, here.python)
    yield Line("system", here.system, here.system)
    cores = (
        f"{here.cores} cores"
        if here.quota is None
        else f"{here.cores} cores, {here.quota:g} of them for this container"
    )
    yield Line(
        "processor",
        f"{here.processor}, {cores}",
        {"name": here.processor, "cores": here.cores, "quota": here.quota},
    )


def torch_lines() -> Iterator[Line]:
    """Memory, torch, and what depends on torch."""
    from model.facts import system, torch_facts, torch_version

    here = system()
    try:
        version = torch_version()
    except Exception as error:  # a library that is missing or does not fit raises what it likes
        yield memory_line(here, None)
        yield torch_failure(error)
        return
    facts = torch_facts()
    yield memory_line(here, facts)
    yield Line("torch", version, version)
    yield threads_line(here, facts)
    yield devices_line(facts)
    remedy = "" if facts.fast_bfloat16 else "checkpoints run in float32: --quantize int8 takes a quarter of the memory"
    speed = "fast" if facts.fast_bfloat16 else "slow"
    yield Line("bfloat16", f"{speed} on {facts.device}", facts.fast_bfloat16, remedy)
    yield kernels_line(facts)
    attention = {"backend": facts.attention, "reason": facts.attention_reason}
    yield Line("attention", f"{facts.attention} ({facts.attention_reason})", attention)


def torch_failure(error: Exception) -> Line:
    """Tell that torch cannot be imported; nothing can be answered without it."""
    try:
        wanted = [need for need in metadata.requires(PACKAGE) or () if need.startswith("torch")]
    except metadata.PackageNotFoundError:
        wanted = []
    remedy = f'install it again: pip install --force-reinstall "{wanted[0] if wanted else "torch"}"'
    what = one_line(f"cannot be imported: {type(error).__name__}: {error}")
    fatal = CliError(f"torch {what}", remedy)
    fatal.__cause__ = error
    return Line("torch", what, None, remedy, fatal)


def memory_line(here: "System", facts: "Torch | None") -> Line:
    """The memory, and whether the smallest published checkpoint fits it."""
    fact = {"bytes": here.memory, "free_bytes": here.memory_free}
    if here.memory is None:
        return Line("memory", "unknown", fact)
    free = here.memory if here.memory_free is None else here.memory_free
    text = f"{size_text(here.memory)}, {size_text(free)} of it free"
    name, parameters = SMALLEST
    needed = parameters * (HALF_BYTES if facts is not None and facts.fast_bfloat16 else FULL_BYTES)
    if facts is None or facts.device != "cpu" or free >= needed:
        return Line("memory", text, fact)
    return Line(
        "memory", text, fact, f"{name} alone takes {size_text(needed)} here: use --quantize int8 or int4 for it"
    )


def threads_line(here: "System", facts: "Torch") -> Line:
    """The threads, too few by a variable or too many for a container."""
    allowed = here.cores if here.quota is None else max(1, min(here.cores, round(here.quota)))
    limits = [name for name in THREADS if os.environ.get(name)]
    remedy = ""
    if facts.threads > allowed:
        remedy = f"more threads than cores slow each other: set {THREADS[0]}={allowed}"
    elif limits and facts.threads < allowed:
        remedy = f"unset {' and '.join(limits)} to use all {allowed} cores"
    return Line("threads", str(facts.threads), facts.threads, remedy)


def devices_line(facts: "Torch") -> Line:
    """The devices, the one that --device auto takes first named."""
    gpus = [f"{gpu.device} {gpu.name}{f', {size_text(gpu.memory)}' if gpu.memory else ''}" for gpu in facts.gpus]
    text = f"{'; '.join(gpus) or 'cpu only'}; {facts.gpu_obstacle}" if facts.gpu_obstacle else "; ".join(gpus)
    fact = {"default": facts.device, "gpus": [asdict(gpu) for gpu in facts.gpus], "obstacle": facts.gpu_obstacle}
    return Line("devices", text or "cpu only: torch sees no GPU", fact, facts.gpu_remedy)


def kernels_line(facts: "Torch") -> Line:
    """The native kernels, or the route that serves without them; they only matter on the processor."""
    fact = {"level": facts.kernels, "obstacle": facts.kernels_obstacle}
    if facts.kernels is not None:
        return Line("kernels", facts.kernels, fact)
    text, remedy = f"{facts.kernels_obstacle}: the torch route", ""
    if facts.device == "cpu":
        again = f"unset {NO_KERNELS}" if NO_KERNELS in os.environ else "install gcc or clang, then qwenvl again"
        remedy = f"decoding is slower: {again}"
    return Line("kernels", text, fact, remedy)


def clip_lines() -> Iterator[Line]:
    """What reads clips."""
    from qwenvl_cli.media.support import clips

    try:
        found = clips()
    except ImportError as error:
        remedy = "clips cannot be read: pip install --force-reinstall av"
        yield Line("ffmpeg", f"PyAV cannot be imported: {error}", None, remedy)
        return
    libraries = ", ".join(f"{name} {found['libraries'][name]}" for name in ("libavcodec", "libavformat", "libswscale"))
    fact = {name: found[name] for name in ("av", "ffmpeg", "libraries")}
    yield Line("ffmpeg", f"{found['ffmpeg']} in PyAV {found['av']}: {libraries}", fact)
    decoders = found["decoders"]
    missing = [name for name, there in decoders.items() if not there]
    text = ", ".join(name if there else f"no {name}" for name, there in decoders.items())
    remedy = "such clips cannot be read: pip install --force-reinstall --only-binary av av" if missing else ""
    yield Line("decoders", text, decoders, remedy)


def picture_lines() -> Iterator[Line]:
    """What reads pictures."""
    from qwenvl_cli.media.support import heic, pictures

    try:
        found = pictures()
    except ImportError as error:
        remedy = "pictures cannot be read: pip install --force-reinstall pillow"
        yield Line("Pillow", f"cannot be imported: {error}", None, remedy)
        return
    formats = found["formats"]
    text = ", ".join(f"{name} {version}" if version else f"no {name}" for name, version in formats.items())
    again = "such pictures cannot be read: pip install --force-reinstall --only-binary pillow pillow"
    yield Line("Pillow", f"{found['pillow']}: {text}", found, "" if all(formats.values()) else again)
    version = heic()
    remedy = "" if version else 'for pictures of iPhones: pip install "qwenvl[heic]"'
    yield Line("HEIC", f"pillow-heif {version}" if version else "not installed", version, remedy)


def bundled_lines() -> Iterator[Line]:
    """The bundled model: whole or not."""
    from model.checkpoint import inspect, read_config
    from model.loading import check_together, read_preprocess, resolve
    from model.tokenizer import Tokenizer

    remedy = "install qwenvl again"
    try:
        folder = resolve(BUNDLED)
        report = inspect(folder)
        problems = [f"{problem.kind}: {problem.what}" for problem in report.problems]
        if not problems:
            check_together(read_config(folder), read_preprocess(folder), Tokenizer.from_file(folder))
    except (ModelError, OSError) as error:
        problems = [str(error)]
    if problems:
        what = f"damaged: {some(problems)}"
        yield Line(
            "bundled", what, {"problems": problems}, remedy, ModelMissing(f"the bundled model is {what}", remedy)
        )
        return
    fact = {"digest": report.digest, "parameters": report.parameters, "problems": []}
    text = f"whole: {report.tensors} tensors, {size_text(report.bytes)}, digest {report.digest[:12]}"
    yield Line("bundled", text, fact)


def cache_lines() -> Iterator[Line]:
    """The Hugging Face cache, and the checkpoints in it."""
    from huggingface_hub.constants import HF_HUB_CACHE

    try:
        found = list(cached())
    except (OSError, ValueError) as error:
        yield Line("cache", f"{HF_HUB_CACHE}: {error}", None, "check the folder, or set HF_HOME to another one")
        return
    problems = {one.name: folder_problems(Path(one.path)) for one in found}
    torn = [name for name, wrong in problems.items() if wrong]
    models = [{"name": one.name, "bytes": one.bytes, "problems": problems[one.name]} for one in found]
    remedy = "; ".join(f"qwenvl models pull {name}" for name in torn)
    yield Line("cache", cache_text(HF_HUB_CACHE, found, torn), {"folder": HF_HUB_CACHE, "models": models}, remedy)


def cache_text(folder: str, found: Sequence[Found], torn: Sequence[str]) -> str:
    """Count and name the checkpoints."""
    count = f"{len(found) or 'no'} Qwen2.5-VL model{'' if len(found) == 1 else 's'}"
    names = [f"{one.name}{' (incomplete)' if one.name in torn else ''}" for one in found]
    return f"{folder}: {count}" + (": " + ", ".join(names) if names else "")


def folder_problems(folder: Path) -> list[str]:
    """List what is wrong with the weights of a folder, by their headers."""
    from model.checkpoint import inspect

    try:
        return [f"{problem.kind}: {problem.what}" for problem in inspect(folder).problems]
    except (ModelError, OSError) as error:
        return [str(error)]


def some(problems: Sequence[str]) -> str:
    """Name the first few problems and count the rest."""
    more = len(problems) - SHOWN
    return "; ".join(problems[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def choice_lines() -> Iterator[Line]:
    """The model that is taken when no flag names one."""
    from model.loading import resolve

    name = os.environ.get(MODEL)
    if not name:
        yield Line(MODEL, f"not set: {BUNDLED}", None)
        return
    try:
        problems = folder_problems(resolve(name))
    except ModelNotFound as error:
        yield Line(MODEL, f"{name}: {error.message}", name, error.hint)
        return
    text = f"{name}: {some(problems)}" if problems else name
    yield Line(MODEL, text, name, "download it again, or unset it" if problems else "")


SECTIONS: dict[str, Callable[[], Iterator[Line]]] = {
    "machine": machine_lines,
    "torch": torch_lines,
    "ffmpeg": clip_lines,
    "Pillow": picture_lines,
    "bundled": bundled_lines,
    "cache": cache_lines,
    MODEL: choice_lines,
}
