"""Which seeds are lived through: some, the one that failed, or very many.

pytest tests/power --seed 1234          one seed again, whatever failed with it
SOURDOUGH_SOAK=50 pytest tests/power    fifty times as many, and what takes long at all
"""

from __future__ import annotations

import os

import pytest

SOAK = int(os.environ.get("SOURDOUGH_SOAK", "0"))


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="live through this seed alone")


def pytest_collection_modifyitems(items):
    for item in items:
        if SOAK and "power" in item.path.parts:
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture
def seeds(request):
    """A function: so many seeds, from a first one on that differs between tests."""
    chosen = request.config.getoption("--seed", default=None)

    def choose(count: int, first: int = 0) -> list[int]:
        if chosen is not None:
            return [chosen]
        return list(range(first, first + count * max(1, SOAK)))

    return choose
