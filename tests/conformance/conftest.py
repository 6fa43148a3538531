"""The two worlds that every case runs in: all in one process, and two real hosts."""

from __future__ import annotations

import pytest

from tests.conformance.lines import Lines
from tests.conformance.world import running_world

HOSTS = {"one process": "0", "two hosts": "2"}


@pytest.fixture(scope="session", params=HOSTS)
def hosts(request):
    """How many hosts: the value of `--hosts`."""
    return HOSTS[request.param]


@pytest.fixture(scope="session")
def world(hosts, tmp_path_factory):
    """A server with the conformance project, shared by all cases."""
    with running_world(tmp_path_factory.mktemp("world"), "serve", hosts=hosts) as world:
        yield world


@pytest.fixture
def lines(world):
    """Clients with WebSockets, to the shared server."""
    with Lines(world) as opened:
        yield opened
