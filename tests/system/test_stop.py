"""Stopping: drain, finish, say what takes long, leave with the right code."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tests.system.client import Answer, Client
from tests.system.server import RunningServer, wait_until


@pytest.fixture
def counters(project):
    return project("counters")


class Slow:
    """A request that takes its time, already running in a host."""

    def __init__(self, server: RunningServer, seconds: float, way: str = "direct") -> None:
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self._url, self._path = server.url, f"/{way}/a/slow?seconds={seconds}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert wait_until(lambda: any(host["events"] for host in server.status()["hosts"]), 5)

    def _run(self) -> None:
        try:
            with Client(self._url) as client:
                self.answer = client.get(self._path)
        except Exception as error:  # noqa: BLE001 (handed to the test)
            self.error = error

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("way", ["direct", "via"])
def test_sigterm_lets_a_request_finish(counters, way):
    """D6: the request in flight has its answer, then everything ends with exit code 0."""
    with RunningServer(counters) as server:
        slow = Slow(server, 1.2, way)
        assert server.stop() == 0
        slow.join()
        assert slow.answer is not None, slow.error
        assert slow.answer.json() == {"value": 1}
        assert server.events("server.stopped")[0]["clean"] is True


def test_an_idle_server_stops_at_once(counters):
    """Nothing in flight, nothing to wait for: also idle keep-alive connections hold nobody up."""
    with RunningServer(counters) as server, Client(server.url) as client:
        assert client.post("/via/a/increment").json() == {"value": 1}
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("hosts", ["2", "0"])
def test_a_drain_names_what_it_waits_for(counters, hosts):
    """Design 6: what blocks a drain is named: the object, the handler, the line."""
    with RunningServer(counters, "serve", "--hosts", hosts) as server:
        slow = Slow(server, 3.0)
        server.signal(signal.SIGTERM)
        waiting = server.wait_for_event("server.waiting")
        assert waiting["object"] == "Counter:a"
        assert waiting["what"] == "fetch"
        assert waiting["place"].startswith("counters.py:")
        assert server.wait() == 0
        slow.join()
        assert slow.answer is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(counters, number):
    """Who asks twice does not wait: everything is gone within a second or two."""
    with RunningServer(counters) as server:
        slow = Slow(server, 15.0)
        server.signal(number)
        server.wait_for_event("server.stopping")
        began = time.monotonic()
        server.signal(number)
        assert server.wait() != 0
        assert time.monotonic() - began < 2
        assert not server.left_after(2)
        slow.join()
        assert slow.answer is None


def test_ctrl_c_of_the_whole_group_drains(counters):
    """P7: SIGINT reaches the group of the terminal; only the coordinator answers it."""
    with RunningServer(counters, "dev") as server:
        slow = Slow(server, 1.2)
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait() == 0
        slow.join()
        assert slow.answer is not None, slow.error
        assert slow.answer.status == 200
        server.wait_for_line(lambda line: line.startswith("stopping: 1 request in flight"))
        server.wait_for_line(lambda line: "everything acknowledged is on disk" in line)
