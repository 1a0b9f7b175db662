"""The rules of the house, read from the sources: who imports whom, sizes, docstrings, state, shapes, magic numbers."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("model", "qwenvl_cli", "samples")
MAX_FILE, MAX_FUNCTION = 350, 50

# Each module may import those that stand before it: lower floors, and on its own floor those to its left.
MODEL_FLOORS = (
    "errors reading config",
    "geometry boxes kernels rope positions parameters linear layers quantize attention cache checkpoint devices "
    "sampling tokenizer",
    "preprocess prompt text_stream vision language native graph weights",
    "qwen",
    "loading generate conversation packing",
    "facts roofline benchmark",
    "training",
)
CLI_FLOORS = (
    "errors",
    "results options console",
    "grounding prefetch",
    "output",
    "media",
    "engine",
    "environment answering",
    "batch locating chatting",
    "commands",
    "app",
    "__main__",
)
# What of `model` needs no torch, and may be used anywhere in qwenvl_cli.
TORCH_FREE = {"config", "geometry", "boxes", "errors", "reading"}
DOORS = {
    "qwenvl_cli/engine.py",
    "qwenvl_cli/commands/hub.py",
    "qwenvl_cli/commands/models.py",
    "qwenvl_cli/commands/bench.py",
    "qwenvl_cli/commands/doctor.py",
}
HOMES = {
    "av": ("qwenvl_cli/media/video.py", "qwenvl_cli/media/support.py", "samples/make.py"),
    "PIL": (
        "qwenvl_cli/media/image.py",
        "qwenvl_cli/media/support.py",
        "qwenvl_cli/output/overlay.py",
        "model/training/",
        "samples/",
    ),
    "pillow_heif": ("qwenvl_cli/media/image.py", "qwenvl_cli/media/support.py"),
    "rich": ("qwenvl_cli/console.py", "qwenvl_cli/output/", "samples/picture_of_a_run.py"),
    "typer": ("qwenvl_cli/app.py", "qwenvl_cli/options.py", "qwenvl_cli/environment.py", "qwenvl_cli/commands/"),
    "ray": ("qwenvl_cli/batch/ray_engine.py",),
    "safetensors": ("model/weights.py", "model/training/"),
    "tokenizers": ("model/tokenizer.py", "model/training/"),
    "huggingface_hub": (
        "model/loading.py",
        "qwenvl_cli/commands/hub.py",
        "qwenvl_cli/commands/models.py",
        "qwenvl_cli/commands/doctor.py",
    ),
    "torch": ("model/", "qwenvl_cli/engine.py"),
    "matplotlib": ("model/training/",),
    "resvg_py": ("model/training/",),
    "transformers": (),
    "torchvision": (),
    "qwenvl_cli": ("qwenvl_cli/", "samples/"),
    "tests": (),
}
SHAPED = ("view", "reshape", "permute", "transpose")
# Patch, merged patch, window, one patch's values; and everything among the ids of the published control tokens.
MAGIC = {14, 28, 112, 1176, *range(151_643, 151_670)}


@cache
def sources(*folders: str) -> tuple[tuple[str, str, ast.Module], ...]:
    """List (path from the root, text, tree) of the Python files in some folders."""
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = [(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in found]
    return tuple((name, text, ast.parse(text, name)) for name, text in texts)


def imports(tree: ast.AST, *, types: bool) -> Iterator[tuple[str, int]]:
    """Yield the full name and line of everything imported; without those only for types unless asked."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif types or not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from imports(node, types=types)


def places(floors: tuple[str, ...]) -> dict[str, int]:
    return {name: place for place, name in enumerate(" ".join(floors).split())}


def unit(name: str) -> str:
    """Name the part of its package that a path or a dotted name belongs to: model/training/data.py is `training`."""
    return re.split(r"[./]", name)[1]


def report(offenders: list[str]) -> None:
    assert not offenders, "\n  ".join([f"{len(offenders)} against the rule:", *offenders])


@pytest.mark.parametrize(("package", "floors"), [("model", MODEL_FLOORS), ("qwenvl_cli", CLI_FLOORS)])
def test_imports_run_one_way(package: str, floors: tuple[str, ...]) -> None:
    order, offenders = places(floors), []
    for name, _, tree in sources(package):
        here = unit(name)
        for target, line in imports(tree, types=True):
            there = unit(target) if target.startswith(package + ".") else "__init__"
            if "__init__" in (here, there) or there == here:
                continue
            if here not in order or there not in order:
                offenders.append(f"{name}:{line}: {here} or {there} has no floor yet: give it one in this test")
            elif order[there] >= order[here]:
                offenders.append(f"{name}:{line}: {here} imports {there}, which stands above it")
    report(offenders)


def test_the_command_line_reaches_the_network_through_its_doors() -> None:
    report(
        [
            f"{name}:{line}: imports {target}"
            for name, _, tree in sources("qwenvl_cli")
            for target, line in imports(tree, types=False)
            if target.startswith("model.") and unit(target) not in TORCH_FREE and name not in DOORS
        ]
    )


def test_third_parties_stay_at_home() -> None:
    report(
        [
            f"{name}:{line}: imports {target}"
            for name, _, tree in sources(*PRODUCT)
            for target, line in imports(tree, types=False)
            if not name.startswith(HOMES.get(target.split(".")[0], (name,)))
        ]
    )


def test_files_are_short() -> None:
    counted = [(name, len(text.splitlines())) for name, text, _ in sources(*PRODUCT, "tests")]
    report([f"{name}: {lines} lines, more than {MAX_FILE}" for name, lines in counted if lines > MAX_FILE])


def length(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function; of a command without its signature, which declares an option a line."""
    first = node.body[0].lineno if name.startswith("qwenvl_cli/commands/") else node.lineno
    return (node.end_lineno or first) - first + 1


def test_functions_are_short() -> None:
    report(
        [
            f"{name}:{node.lineno}: {node.name} has {length(name, node)} lines"
            for name, _, tree in sources(*PRODUCT)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(name, node) > MAX_FUNCTION
        ]
    )


def test_every_module_says_its_purpose() -> None:
    report([name for name, _, tree in sources(*PRODUCT, "tests") if not ast.get_docstring(tree)])


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run at import: everything but the bodies of functions, and of the guard of a script."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue
        yield node
        yield from outside_functions(node)


def test_no_state_at_import() -> None:
    """No `global`, nothing read from the environment, and no call made for its effect while a module is imported."""
    offenders = []
    for name, _, tree in sources(*PRODUCT):
        offenders += [f"{name}:{node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
        for node in outside_functions(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv"):
                offenders.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                offenders.append(f"{name}:{node.lineno}: {ast.unparse(node.value)}")
    report(offenders)


def reshapes(node: ast.AST) -> bool:
    """Say whether a call changes the shape of a tensor; `.view(-1)` and `.view(torch.uint8)` say all by themselves."""
    calls = (call for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute))
    return any(
        re.fullmatch(rf".*\.({'|'.join(SHAPED)})", ast.unparse(call.func), re.DOTALL)
        and not re.fullmatch(r"-1|torch\.\w+", ", ".join(map(ast.unparse, call.args)))
        for call in calls
    )


def test_reshaped_tensors_have_their_shape_beside_them() -> None:
    offenders = []
    for name, text, tree in sources("model"):
        lines = text.splitlines()
        simple = (node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not hasattr(node, "body"))
        for node in simple if not name.startswith("model/training/") else ():
            written = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            if "# (" not in written and "x (" not in written and reshapes(node):
                offenders.append(f"{name}:{node.lineno}: {written.strip()}")
    report(offenders)


def test_no_magic_sizes() -> None:
    """Sizes of patches and ids of tokens come from the config; geometry.py has the published ones as defaults."""
    spared = ("model/config.py", "model/geometry.py", "model/devices.py", "model/training/")
    report(
        [
            f"{name}:{node.lineno}: {node.value}"
            for name, _, tree in sources("model")
            for node in (ast.walk(tree) if not name.startswith(spared) else ())
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value in MAGIC
        ]
    )
