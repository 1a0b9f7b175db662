"""Whether the bundled model says that it cannot tell what a photograph shows, instead of naming shapes."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import ImageFilter

from model.training import photographs
from model.training.assets.pack import Pack
from model.training.metrics import unsure

ROOT = Path(__file__).parents[2]
MEDIA = ROOT.parent / "shared" / "media"  # files that other people took, never shown to any training
PHOTOS = ("astronaut.png", "chelsea_cat.png", "coffee.png", "exif_portrait_6.jpg")
CLIPS = ("mdn_flower.mp4", "bigbuckbunny.mp4")


def described(*files: Path) -> list[str]:
    """What `describe` says of files."""
    words = ["describe", *map(str, files), "--model", "bundled", "--json", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "qwenvl_cli", *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def test_surfaces_of_nothing_are_not_named(tmp_path: Path) -> None:
    files = []
    for seed in range(10):
        picture = photographs.texture(random.Random(f"strange/{seed}"), Pack(tmp_path), (240, 320), "held")
        picture.filter(ImageFilter.GaussianBlur(0.7)).save(tmp_path / f"{seed}.jpg", quality=85)
        files.append(tmp_path / f"{seed}.jpg")
    told = described(*files)
    assert sum(map(unsure, told)) >= 9, "\n".join(told)


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the folder of shared media is not there")
def test_photographs_and_films_of_others_are_not_named() -> None:
    told = described(*(MEDIA / name for name in (*PHOTOS, *CLIPS)))
    assert sum(map(unsure, told)) >= 5, "\n".join(told)
