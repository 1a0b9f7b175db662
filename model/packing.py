"""A loaded int8 or int4 model to a folder of its own, so that the next start maps the packed weights from disk."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from model.checkpoint import INDEX, OURS
from model.errors import ConfigError
from model.loading import LoadedModel
from model.parameters import GROUP
from model.reading import read_json
from model.weights import write_quantized

TEXTS = (".json", ".txt", ".jinja", ".md")
LEGAL = ("LICENSE", "NOTICE")


def write_packed(loaded: LoadedModel, source: Path, folder: Path) -> None:
    """Write weights, configuration and what else belongs to the model into a new folder, whole or not at all.

    Raises ConfigError when the model is not quantised or the folder already holds something.
    """
    if loaded.quantize == "none":
        raise ConfigError("there is nothing to pack: the model is not quantised", "choose int8 or int4")
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} already holds something", "name a new folder")
    folder = folder.absolute()  # the working directory has no name of its own
    staged = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        for file in belongings(source):
            shutil.copyfile(file, staged / file.name)
        packed = {"quant_method": OURS, "format": loaded.quantize, "group": GROUP, "dtype": loaded.dtype}
        config = read_json(source / "config.json") | {"quantization_config": packed}
        (staged / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")
        write_quantized(loaded.model, staged)
        os.replace(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def belongings(source: Path) -> Iterator[Path]:
    """Tokenizer, preprocessing, defaults, licence: everything but the weights, their index and the configuration."""
    for file in sorted(source.iterdir()):
        kept = file.suffix in TEXTS or file.name.upper().startswith(LEGAL)
        if file.is_file() and kept and file.name not in (INDEX, "config.json"):
            yield file
