"""Gets the packages that the assets are made of, from npm and Debian, into a cache folder, once."""

import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model.training.assets.blobs import AssetsMissing


@dataclass(frozen=True)
class Source:
    """A package with its licence; `version` is what npm is asked for, and "" takes what Debian offers."""

    kind: Literal["npm", "debian"]
    package: str
    version: str
    licence: str
    author: str


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except OSError as error:
        raise AssetsMissing(
            f"{command[0]}: {error}", f"install {command[0]}, or fill the cache folder {folder}"
        ) from error
    except subprocess.CalledProcessError as error:
        hint = f"run it by hand in {folder}, or put the package there"
        raise AssetsMissing(f"{' '.join(command)}: {error.stderr.strip()[-300:]}", hint) from error
    return done.stdout


def unpacked(source: Source, cache: Path) -> Path:
    """Download a package if need be and return the folder it is unpacked in."""
    cache.mkdir(parents=True, exist_ok=True)
    name = source.package.replace("@", "").replace("/", "-")
    folder = cache / name
    if folder.is_dir():
        return folder
    partial = cache / f"{name}.partial"
    partial.mkdir(exist_ok=True)
    if source.kind == "npm":
        packed = _run(["npm", "pack", "--silent", f"{source.package}@{source.version}"], cache).split()[-1]
        with tarfile.open(cache / packed) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python before 3.11.4 has none
            archive.extractall(partial)
        (partial / "version").write_text(source.version, encoding="utf-8")
    else:
        _run(["apt-get", "download", "-qq", source.package], cache)
        packed = max(path.name for path in cache.glob(f"{source.package}_*.deb"))
        _run(["dpkg-deb", "-x", packed, str(partial)], cache)
        (partial / "version").write_text(packed.split("_")[1].replace("%3a", ":"), encoding="utf-8")
    (cache / packed).unlink()
    return partial.rename(folder)


def version_of(source: Source, cache: Path) -> str:
    """Read the version that `unpacked` noted."""
    return (unpacked(source, cache) / "version").read_text(encoding="utf-8")
