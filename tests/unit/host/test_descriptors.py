"""How many objects may live in a process, for the descriptors it has (invariant P10)."""

from __future__ import annotations

import resource

import pytest

from sourdough.config.limits import Limits
from sourdough.host.room import open_limit, residency, resident_limit


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


def test_a_host_with_a_share_leaves_the_rest_alone(descriptors):
    """With hostCount = 0 the clients' connections are in the same process."""
    descriptors(20_000)
    assert open_limit(4096) * 4 <= 4096 - 512
    assert resident_limit(10_000, 4096) < open_limit(4096)


def test_where_databases_doze_descriptors_do_not_bound_the_objects(descriptors):
    """What is not in use has none open, so as many live as are configured."""
    descriptors(4096)
    limits = Limits(resident_objects=10_000)
    assert residency(limits, dozing=True).resident_limit == 10_000
    assert residency(limits).resident_limit < 1_000
