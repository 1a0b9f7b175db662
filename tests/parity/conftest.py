"""The reference side warns about its own code, so here, and only here, its warnings do not fail a test."""

import warnings
from pathlib import Path

import pytest

from tests.parity.shapes import SHAPES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("transformers", reason="the reference comes with the extra 'test'")
    from tests.parity.reference import Pair, make_pair


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and let the reference's warnings and unclosed files pass."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.parity)
            for origin in ("FutureWarning", "DeprecationWarning", "ResourceWarning", "UserWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{origin}"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="session", params=SHAPES, ids=lambda shape: shape.name)
def pair(request: pytest.FixtureRequest) -> Pair:
    """One shape of config, both sides built from the same random weights."""
    return make_pair(request.param)
