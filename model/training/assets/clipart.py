"""Public-domain clip art, chosen by hand where the file's name is the plain noun of what it shows."""

from functools import cache
from pathlib import Path

from PIL import Image

from model.training.assets.drawings import render_svg
from model.training.assets.fetch import Source, unpacked
from model.training.assets.names import rows

SOURCE = Source("debian", "openclipart-svg", "", "public domain", "contributors of Open Clip Art")
TABLE = Path(__file__).with_name("clipart.tsv")
ROOT = "usr/share/openclipart/svg"


@cache
def chosen() -> dict[str, list[str]]:
    """Files by thing."""
    found: dict[str, list[str]] = {}
    for row in rows(TABLE):
        found.setdefault(row["name"], []).append(row["file"])
    return found


class ClipArt:
    """The unpacked clip art."""

    name = "clipart"

    def __init__(self, cache_folder: Path) -> None:
        self._root = unpacked(SOURCE, cache_folder) / ROOT

    def files(self, name: str) -> list[str]:
        """The chosen files of a thing."""
        return chosen().get(name, [])

    def draw(self, file: str) -> Image.Image:
        """Render one file."""
        return render_svg((self._root / file).read_text(encoding="utf-8", errors="replace"))
