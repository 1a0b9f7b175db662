"""Says where every packed set comes from and under which licence."""

from collections.abc import Iterable
from pathlib import Path

from model.training.assets import clipart, drawings, fonts
from model.training.assets.fetch import Source, version_of
from model.training.assets.photos import LICENCES

HEAD = """Assets that the bundled model is trained on, packed by `python -m model.training.assets`.
They are scaled down (drawings to {side} pixels), fonts are cut to a subset of their characters. They are not part of
the project and are not handed on with it.
"""


def _line(what: str, source: Source, cache: Path) -> str:
    place = f"{source.kind} package {source.package} {version_of(source, cache)}"
    return f"{what}: {source.author}. Licence: {source.licence}. From the {place}."


def _unique(sources: Iterable[Source]) -> list[Source]:
    return list(dict.fromkeys(sources))


def write_notice(out: Path, cache: Path, parts: set[str]) -> None:
    """Write NOTICE beside the packs, for the parts that were packed."""
    lines = [HEAD.format(side=96)]
    if "things" in parts:
        lines += ["Drawings to learn from:"]
        lines += [_line(style.name, style.source, cache) for style in drawings.TRAIN]
        lines += [
            _line(clipart.ClipArt.name, clipart.SOURCE, cache),
            "",
            "Drawings for testing only, never trained on:",
        ]
        lines += [_line(style.name, style.source, cache) for style in drawings.UNSEEN]
        lines += [
            "",
            "Names: emojibase-data (MIT, Miles Johnson; derived from Unicode CLDR), rewritten by this project.",
            "",
        ]
    if "fonts" in parts:
        lines += ["Fonts:"]
        lines += [_line(source.package, source, cache) for source in _unique(face.source for face in fonts.FACES)]
        lines += [""]
    if "photos" in parts:
        lines += ["Photos:"]
        lines += [f"{group}: {author}. Licence: {licence}." for group, (licence, author) in LICENCES.items()]
    (out / "NOTICE").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
