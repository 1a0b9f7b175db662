"""`python -m model.training.assets`: fetches the sets of drawings, fonts and photos and packs them into one folder."""

import argparse
import sys
from pathlib import Path

from model.errors import ModelError
from model.training.assets.names import VARIABLE, shared_folder
from model.training.assets.pack import DEFAULT, Pack

PARTS = ("things", "fonts", "photos")


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m model.training.assets", description=__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT, help=f"folder of the packs (default {DEFAULT})")
    parser.add_argument("--cache", type=Path, default=Path("runs") / "assets-cache", help="folder of the downloads")
    parser.add_argument("--source", type=Path, help=f"folder with emoji_names.tsv and photos/ (or set {VARIABLE})")
    parser.add_argument("--only", default=",".join(PARTS), help="some of things,fonts,photos")
    parser.add_argument("--set", default="all", choices=("cpu", "all"), help="the 100 things of the CPU plan, or all")
    parser.add_argument("--photos-per-name", type=int, default=100, help="most photos to learn one name from (0: all)")
    parser.add_argument("--fresh", action="store_true", help="draw again what is packed already")
    parser.add_argument("--sheets", type=Path, help="also draw contact sheets of the things into this folder")
    return parser.parse_args(given)


def _say(line: str) -> None:
    print(line, flush=True)


def _pack(options: argparse.Namespace, parts: set[str]) -> None:
    from model.training.assets import fonts, notice, photos, sheet, things

    options.out.mkdir(parents=True, exist_ok=True)
    source = shared_folder(options.source)
    if "things" in parts:
        packing = things.Packing(options.out, options.cache, source, options.set, options.fresh, _say)
        things.pack_things(packing)
    if "fonts" in parts:
        fonts.pack_fonts(options.out, options.cache, _say)
    if "photos" in parts:
        photos.pack_photos(options.out, source, options.photos_per_name, _say)
    present = {part for part in PARTS if (options.out / part).is_dir()}
    notice.write_notice(options.out, options.cache, present)
    if options.sheets is not None:
        sheet.write_sheets(Pack(options.out), options.sheets)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {size / 1e6:.1f} MB")


def main(given: list[str] | None = None) -> int:
    """Pack what the command line asks for."""
    options = _arguments(given)
    parts = set(options.only.split(","))
    if unknown := parts - set(PARTS):
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    try:
        _pack(options, parts)
    except ModelError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
