"""How many objects may live in a process, for the descriptors it has (invariant P10)."""

from __future__ import annotations

import resource

import pytest

from sourdough.host.runtime import resident_limit


@pytest.fixture
def descriptors(monkeypatch):
    """Let the process seem to have this many descriptors."""

    def allow(count: int) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (count, count))

    return allow


def test_the_configured_limit_holds_where_there_are_enough(descriptors):
    """Nothing is taken away from a process with room."""
    descriptors(1_000_000)
    assert resident_limit(10_000) == 10_000


def test_few_descriptors_mean_few_objects(descriptors):
    """All of them, with four descriptors each, leave room for links and user code."""
    descriptors(4096)
    assert resident_limit(10_000) * 4 <= 4096 - 512


def test_at_least_one_object_may_live(descriptors):
    """A process that has next to nothing still works, one object at a time."""
    descriptors(64)
    assert resident_limit(10_000) == 1
