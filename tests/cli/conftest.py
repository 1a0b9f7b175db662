"""Pictures and clips made on the spot."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QWENVL_MODEL", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of small PNG files, each of its own colour."""
    made = 0

    def make(name: str = "apple.png", folder: Path = tmp_path, size: tuple[int, int] = (60, 50)) -> Path:
        nonlocal made
        made += 1
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (made * 7 % 256, 20, made % 256)).save(path, "PNG")
        return path

    return make


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a file that is no picture."""
    path = tmp_path / "broken.png"
    path.write_bytes(b"this is not a picture")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the records of a batch go."""
    return tmp_path / "o.jsonl"
