"""Parts of the world that draw from packed assets find a tiny pack, made here, in every test of training."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.training.assets import pack as packs
from tests.training.tiny_assets import write_tiny_pack, write_tiny_photos


@pytest.fixture(scope="session", autouse=True)
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the tiny pack."""
    folder = write_tiny_pack(tmp_path_factory.mktemp("assets"))
    write_tiny_photos(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(packs.VARIABLE, str(folder))
        packs.pack.cache_clear()
        yield folder
    packs.pack.cache_clear()
