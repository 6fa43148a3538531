"""Stopping: drain, finish, say what takes long, leave with the right code."""

from __future__ import annotations

import os
import signal

import pytest

from tests.system.client import Client
from tests.system.conftest import NO_STANDBY
from tests.system.held import HeldRequest
from tests.system.server import RunningServer, wait_until

# Seconds: `serve.drain_timeout` is 30. How fast the machine is does not matter.
LONG_BEFORE_THE_DEADLINE = 15.0


@pytest.fixture
def counters(project):
    return project("counters", NO_STANDBY)


def test_sigterm_lets_requests_finish(counters):
    """D6: the requests in flight have their answers, then everything ends with exit code 0."""
    with RunningServer(counters) as server:
        held = [HeldRequest(server, path) for path in ("/direct/a/held", "/via/b/held")]
        server.signal(signal.SIGTERM)
        server.wait_for_event("server.stopping")
        for each in held:
            each.let_go()
        assert server.wait() == 0
        for each in held:
            assert each.join() is not None, each.error
            assert each.answer.json() == {"value": 1}
        assert server.events("server.stopped")[0]["clean"] is True


def test_an_idle_server_stops_at_once(counters):
    """Nothing in flight, nothing to wait for: also idle keep-alive connections hold nobody up."""
    with RunningServer(counters) as server, Client(server.url) as client:
        assert client.post("/via/a/increment").json() == {"value": 1}
        assert server.stop(LONG_BEFORE_THE_DEADLINE) == 0
        assert server.events("server.stopped")[0]["clean"] is True


@pytest.mark.parametrize("hosts", ["2", "0"])
def test_a_drain_names_what_it_waits_for(counters, hosts):
    """Design 6: what blocks a drain is named: the object, the handler, the line."""
    with RunningServer(counters, "serve", "--hosts", hosts) as server:
        held = HeldRequest(server)
        server.signal(signal.SIGTERM)
        waiting = server.wait_for_event("server.waiting")
        assert waiting["object"] == "Counter:a"
        assert waiting["what"] == "fetch"
        assert waiting["place"].startswith("counters.py:")
        held.let_go()
        assert server.wait() == 0
        assert held.join() is not None, held.error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(counters, number):
    """Who asks twice does not wait: everything is gone, although a request would never end."""
    with RunningServer(counters, "serve", "--hosts", "1") as server:
        held = HeldRequest(server)
        server.signal(number)
        server.wait_for_event("server.stopping")
        server.signal(number)
        assert server.wait(LONG_BEFORE_THE_DEADLINE) != 0
        assert not server.left_after(10)
        assert held.join() is None


def test_ctrl_c_of_the_whole_group_drains(counters):
    """P7: SIGINT reaches the group of the terminal; only the coordinator answers it."""
    with RunningServer(counters, "dev", "--hosts", "1") as server:
        held = HeldRequest(server)
        # The line counts what the last heartbeat told.
        assert wait_until(lambda: any(host["events"] for host in server.status()["hosts"]), 10)
        os.killpg(server.pid, signal.SIGINT)
        server.wait_for_line(lambda line: line.startswith("stopping: 1 request in flight"))
        held.let_go()
        assert server.wait() == 0
        assert held.join() is not None, held.error
        assert held.answer.status == 200
        server.wait_for_line(lambda line: "everything acknowledged is on disk" in line)
