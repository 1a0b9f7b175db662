"""What this machine and this torch are and can do, told without loading a model: what `qwenvl doctor` prints.

Importing this needs no torch, so that a torch that is broken can be told of as well.
"""

import os
import platform
import re
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LEVELS = ("plain C", "AVX2", "AVX-512")  # by the number that the kernels give their instruction set
PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
HIDE = "CUDA_VISIBLE_DEVICES"
OTHER_TORCH = "install a torch for this GPU: https://pytorch.org/get-started/locally"


@dataclass(frozen=True)
class System:
    """The machine as this process may use it; memory in bytes, None where the system does not tell."""

    python: str
    system: str
    processor: str
    cores: int
    quota: float | None  # cores that a container may keep busy, which torch does not look at
    memory: int | None
    memory_free: int | None


@dataclass(frozen=True)
class Gpu:
    """One GPU that torch sees, and whether this torch has code for it."""

    device: str
    name: str
    memory: int | None
    supported: bool = True


@dataclass(frozen=True)
class Torch:
    """What torch can use here; `device` is what --device auto takes."""

    threads: int
    device: str
    gpus: list[Gpu]
    fast_bfloat16: bool
    kernels: str | None
    kernels_obstacle: str
    attention: str
    attention_reason: str
    gpu_obstacle: str = ""
    gpu_remedy: str = ""


def system() -> System:
    """Describe the machine."""
    memory, free = _memory()
    return System(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=platform.platform(),
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        quota=_quota(),
        memory=memory,
        memory_free=free,
    )


def processor() -> str:
    """Name the processor."""
    names = [line.split(":", 1)[1].strip() for line in lines_of(PROC / "cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def lines_of(file: Path) -> list[str]:
    """The lines of a file of the system; none where there is no such file."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _quota() -> float | None:
    """Read how many cores the container may keep busy."""
    words = " ".join(lines_of(CGROUP / "cpu.max")).split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdigit() else None


def _memory() -> tuple[int | None, int | None]:
    """Read the memory there is and what of it is free, both within what a container may take."""
    table = dict(line.split(":", 1) for line in lines_of(PROC / "meminfo") if ":" in line)
    total, free = (
        int(table[name].split()[0]) << 10 if name in table else None for name in ("MemTotal", "MemAvailable")
    )
    if total is None and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    most, used = (" ".join(lines_of(CGROUP / name)) for name in ("memory.max", "memory.current"))
    if most.isdigit() and total is not None:
        total = min(total, int(most))
        free = min(free or total, max(0, int(most) - int(used)) if used.isdigit() else total)
    return total, free


def torch_version() -> str:
    """Import torch and name its version; whatever is wrong with it is raised."""
    import torch

    return torch.__version__


def torch_facts() -> Torch:
    """Ask torch what it can use, and the parts of this package that depend on it what they would take."""
    import torch

    from model import kernels
    from model.attention import resolve_backend
    from model.devices import choose_device, fast_bfloat16

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            gpus, device = _gpus(), choose_device("auto")
            half, failure = fast_bfloat16(device), ""
        except RuntimeError as error:  # how a driver that does not work shows
            gpus, device, half, failure = [], torch.device("cpu"), fast_bfloat16(torch.device("cpu")), str(error)
    obstacle, remedy = gpu_obstacle(gpus, failure or " ".join(str(one.message) for one in heard))
    backend = resolve_backend("auto", device, torch.bfloat16 if half else torch.float32)
    return Torch(
        threads=torch.get_num_threads(),
        device=str(device),
        gpus=gpus,
        fast_bfloat16=half,
        kernels=LEVELS[kernels.use_level(len(LEVELS) - 1)] if kernels.available() else None,
        kernels_obstacle=kernels.obstacle(),
        attention=backend.name,
        attention_reason=backend.reason,
        gpu_obstacle=obstacle,
        gpu_remedy=remedy,
    )


def _gpus() -> list[Gpu]:
    import torch

    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(index)
        supported = has_code_for((about.major, about.minor), torch.cuda.get_arch_list())
        found.append(Gpu(f"cuda:{index}", about.name, about.total_memory, supported))
    if torch.backends.mps.is_available():
        found.append(Gpu("mps", "Apple GPU", torch.mps.recommended_max_memory()))
    return found


def has_code_for(capability: tuple[int, int], architectures: Sequence[str]) -> bool:
    """Say whether a torch built for some architectures runs on a GPU: code for its own generation, or code that the
    driver translates for any later one. Names that are not NVIDIA's say nothing.

    >>> has_code_for((8, 6), ["sm_80"]), has_code_for((12, 0), ["sm_90"]), has_code_for((12, 0), ["compute_90"])
    (True, False, True)
    """
    known = [match.groups() for name in architectures if (match := re.fullmatch(r"(sm|compute)_(\d+)(\d)[af]?", name))]
    for kind, *numbers in known:
        major, minor = map(int, numbers)
        if (major, minor) <= capability and (kind == "compute" or major == capability[0]):
            return True
    return not known


def gpu_obstacle(gpus: Sequence[Gpu], heard: str) -> tuple[str, str]:
    """Say why a GPU of this machine is not used, and what to do about it; empty where all is well."""
    for gpu in gpus:
        if not gpu.supported:
            return f"this torch has no code for {gpu.name}", f"{OTHER_TORCH}, or use --device cpu"
    if gpus or not has_nvidia():
        return "", ""
    if torch_cuda() is None:
        return "there is an NVIDIA GPU, but this torch is built without CUDA", OTHER_TORCH
    if HIDE in os.environ:
        return f"{HIDE} is {os.environ[HIDE]!r}", f"unset {HIDE} to use the GPU"
    why = f": {' '.join(heard.split())}" if heard else ""
    return f"there is an NVIDIA GPU, but torch cannot use it{why}", "update the NVIDIA driver, or " + OTHER_TORCH


def has_nvidia() -> bool:
    """Say whether a driver of NVIDIA's is on this machine."""
    return (PROC / "driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def torch_cuda() -> str | None:
    """Name the version of CUDA (or of AMD's counterpart) that torch is built for."""
    import torch

    return torch.version.cuda or torch.version.hip
