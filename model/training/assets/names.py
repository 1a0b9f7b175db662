"""What things are called: the project's own table, and the published names that drawing sets file them under."""

import csv
import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from model.training.assets.blobs import AssetsMissing

TABLE = Path(__file__).with_name("things.tsv")
ICONS = Path(__file__).with_name("icons.tsv")
SHARED = Path(__file__).resolve().parents[4] / "shared" / "assets"
NOT_IT = "-"  # in icons.tsv: what the set has under this code shows something else
VARIABLE = "QWENVL_ASSETS_SOURCE"


@dataclass(frozen=True)
class Named:
    """One row of things.tsv: `scope` is cpu for the short list, all for the rest; the first code is the best known."""

    scope: str
    group: str
    article: str
    name: str
    plural: str
    zh: str
    codes: tuple[str, ...]

    def alone(self) -> str:
        """How one says it alone in English: "a dog", "some grapes"."""
        return f"{self.article} {self.name}".strip()


def shared_folder(given: Path | None = None) -> Path:
    """Where emoji_names.tsv and the photos lie: as given, from the environment, or beside the repository."""
    return given or Path(os.environ.get(VARIABLE) or SHARED)


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table of tab-separated columns with a header."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise AssetsMissing(f"{path}: {error}", f"give its folder with --source, or in {VARIABLE}") from error


@cache
def named_things() -> tuple[Named, ...]:
    """Every thing of the table, in its order."""
    return tuple(
        Named(**{**row, "codes": tuple(row["codes"].split())})  # type: ignore[arg-type]
        for row in rows(TABLE)
    )


def published_names(folder: Path) -> dict[str, str]:
    """English names by hexcode, as the drawing sets use them."""
    return {row["hexcode"]: row["en"] for row in rows(folder / "emoji_names.tsv")}


@cache
def icon_exceptions() -> dict[tuple[str, str], str]:
    """Icon names by (style, hexcode) where a set files a drawing under a name of its own."""
    return {(row["style"], row["code"]): row["icon"] for row in rows(ICONS)}


def held_style(name: str, styles: list[str]) -> str:
    """Pick the drawing style that training does not see of a thing: at random, but always the same; "" if too few."""
    if len(styles) < 3:
        return ""
    return min(styles, key=lambda style: hashlib.sha256(f"{name}/{style}".encode()).digest())
