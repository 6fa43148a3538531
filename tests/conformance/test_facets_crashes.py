"""Facets over the crash of a host: semantics 8.3 under invariants S1, S5, S6 and S7."""

from __future__ import annotations

import os
import signal

import pytest

from tests.conformance.world import running_world

HEALTHY_SECONDS = 60
"""After which a crash no longer counts when the next comes."""


@pytest.fixture(scope="module")
def crashing(hosts, tmp_path_factory):
    """A server of its own, whose hosts die."""
    if hosts == "0":
        pytest.skip("with everything in one process a host dies with its clients")
    with running_world(tmp_path_factory.mktemp("facets"), "serve", hosts=hosts) as world:
        yield world


def kill(world, *nests) -> None:
    """End the hosts of objects as a crash does; return when others have taken their seats."""
    ended = {nest.call("pid") for nest in nests}
    for pid in ended:
        os.kill(pid, signal.SIGKILL)
    world.until(lambda: all(_is_up(host, ended) for host in world.server.status()["hosts"]), True)


def _is_up(host, ended: set[int]) -> bool:
    return host["state"] in {"serving", "ready"} and host["pid"] not in ended


def test_what_a_facet_has_acknowledged_is_there_after_a_crash(crashing):
    """semantics 8.3, S1, S5: with what its object has; what was deleted is not, and the copy of a clone is whole."""
    nest = crashing.new("NEST")
    assert nest.call("both", 1) == [1, 1]
    for names in (["a", "b"], ["d"], ["d", "e"], ["z", "old"]):
        nest.call("nested", names, "put", "/".join(names))
    nest.call("deletes", "d")
    nest.call("clones", "a", "z")
    kill(crashing, nest)
    paths = (["a"], ["a", "b"], ["d"], ["d", "e"], ["z"], ["z", "b"], ["z", "old"])
    values = [nest.call("nested", names, "value") for names in paths]
    assert [nest.call("value"), *values] == [1, 1, "a/b", None, None, 1, "a/b", None]
    crashing.advance(HEALTHY_SECONDS)


def test_a_crash_leaves_facets_whole_or_not_at_all(crashing):
    """semantics 8.3, whatever it interrupts: a clone is all of it, a deletion is all of it; files
    under numbers that have no name go when the object next has to do with facets.
    """
    nests = [crashing.new("NEST") for _ in range(4)]
    running = [crashing.begin(nest, "churns") for nest in nests]
    for nest in nests:
        crashing.until(lambda nest=nest: nest.call("churned") > 3, True)
    kill(crashing, *nests)
    assert all("error" in each.result() for each in running)
    storage = crashing.server.project / ".sourdough"
    for nest in nests:
        value, below = (nest.call("nested", names, "value") for names in (["z"], ["z", "b"]))
        assert value == below
        assert nest.call("nested", ["w"], "value") >= (value or 0)
        nest.call("deletes", "w")
        nest.call("deletes", "z")
        files = f"{nest.call('about')['id']}*.sqlite"
        crashing.until(lambda files=files: len(list(storage.rglob(files))), 1)
    crashing.advance(HEALTHY_SECONDS)
