"""Values of JSON files, read one at a time: what is not there, not usable or not supported is a typed error by name."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.errors import ConfigError

Json = Mapping[str, Any]

# Beyond these a number in a file is damage, and sizes made from it would only exhaust the machine.
MAX_SIZE, MAX_LAYERS, MAX_PIXELS, MAX_NUMBER = 1 << 24, 1024, 1 << 40, 1e12
DAMAGED = "the file is damaged: download it again"
NEEDED = ("*.json", "*.safetensors")  # the files of a checkpoint that are read


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object; raise ConfigError when the file is missing, torn or not an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path.name} is missing in {path.parent}", "point --model at a complete folder") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}", "download the file again") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds {type(value).__name__}, not a JSON object", "download the file again")
    return value


def whole(source: Json, key: str, where: str, default: int | None = None, most: int = MAX_SIZE, least: int = 1) -> int:
    """Read a whole number; a key without a default must be there."""
    value = source.get(key)
    if value is None and default is not None:
        return default
    if key not in source:
        raise ConfigError(f"{where} has no {key!r}", "the folder does not hold a Qwen2.5-VL config.json")
    if type(value) is not int or not least <= value <= most:
        raise ConfigError(f"{where}: {key} = {value!r} is not usable", DAMAGED)
    return value


def number(source: Json, key: str, where: str, default: float) -> float:
    """Read a positive number; null and 0 mean the default, as in files that spell out what they do not use."""
    value = source.get(key) or default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MAX_NUMBER:
        raise ConfigError(f"{where}: {key} = {value!r} is not usable", DAMAGED)
    return float(value)


def share(source: Json, key: str, where: str) -> float | None:
    """Read a number from 0 to 1 that may be left out."""
    value = source.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{where}: {key} = {value!r} is not usable", DAMAGED)
    return float(value)


def mapping(value: Any, where: str) -> Json:
    """Read a JSON object that may be left out."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {value!r}, not a JSON object", DAMAGED)
    return value


def numbers(value: Any, where: str, kinds: type | tuple[type, ...] = int) -> list[Any]:
    """Read a list of numbers; null is an empty one."""
    items = [] if value is None else value
    if not isinstance(items, list | tuple) or not all(isinstance(x, kinds) and type(x) is not bool for x in items):
        raise ConfigError(f"{where} {value!r} is not a list of numbers", DAMAGED)
    return list(items)


def refuse(source: Json, where: str, allowed: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise ConfigError for a value, of those there are, that is none of the allowed ones."""
    for key, values in allowed.items():
        if key in source and source[key] not in values:
            raise ConfigError(
                f"{where}: {key} = {source[key]!r} is not supported (only {', '.join(map(repr, values))})",
                "this program runs checkpoints of the Qwen2.5-VL architecture",
            )
