"""The native kernels, built from this tree for the tests that need them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model import kernels

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built_library(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build the library, so that it is these sources that are tested; skip without a compiler."""
    folder = tmp_path_factory.mktemp("kernels")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(folder), "--build-temp", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    found = sorted(folder.rglob("gemv*.so"))
    if not found:
        pytest.skip(f"no compiler or no setuptools here: {built.stderr[-200:]}")
    return found


@pytest.fixture(scope="module")
def library(built_library: list[Path]) -> Iterator[None]:
    """Use it, and nothing else, with nothing to derive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_candidates", lambda: built_library)
        kernels._open.cache_clear()
        if not kernels.available():
            pytest.skip(kernels.obstacle())
        with torch.no_grad():
            yield
    kernels._open.cache_clear()
