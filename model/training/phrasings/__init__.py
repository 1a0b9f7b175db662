"""How people ask: many wordings for each question; `HELD` counts those kept for evaluation.

The last wordings of every list are never used in training. Each file of this folder holds an `ENGLISH` or a `CHINESE`
table, or both, for one part of the world; all of them together are what is asked.
"""

import importlib
import pkgutil
from functools import cache

from model.training.sample import Lang

HELD = {"en": 2, "zh": 1}
Table = dict[str, tuple[str, ...]]


@cache
def tables() -> dict[Lang, Table]:
    """Every wording by language and key; the files of this folder are found by looking into it."""
    found: dict[Lang, Table] = {"en": {}, "zh": {}}
    for module in sorted(item.name for item in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        found["en"] |= getattr(loaded, "ENGLISH", {})
        found["zh"] |= getattr(loaded, "CHINESE", {})
    return found
