"""Saving a file replaces the code under load, and no request notices."""

from __future__ import annotations

import logging
import time

import pytest

from tests.system.client import Client, Load
from tests.system.editing import save
from tests.system.held import HeldRequest
from tests.system.server import RunningServer, wait_until

log = logging.getLogger(__name__)


class Versions:
    """Clients that ask for the version, half of them through the entrypoint, and one slow one."""

    def __init__(self) -> None:
        self.newest = 0

    def step(self, client: Client, thread: int) -> None:
        """Ask once; anything but an answer is a failure."""
        if thread == 3:
            answer = client.post("/direct/slow/slow?seconds=0.3")
            assert answer.status == 200, (answer.status, answer.body)
            return
        time.sleep(0.002)  # some hundred requests meet each save; more would only slow it down
        way = "direct" if thread % 2 else "via"
        answer = client.get(f"/{way}/c{thread}/version")
        assert answer.status == 200, (answer.status, answer.body)
        self.newest = max(self.newest, answer.json()["version"])


@pytest.fixture
def counters(project):
    return project("counters")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("hosts", "saves"), [("2", 20), ("0", 4)])
def test_saves_under_load_fail_no_request(counters, hosts, saves):
    """D6: reload after reload, every request is answered, and the new code answers."""
    work = Versions()
    with RunningServer(counters, "dev", "--hosts", hosts) as server:
        with Load(server.url, work.step, 4) as load:
            for version in range(1, saves + 1):
                save(counters, version)
                assert wait_until(lambda wanted=version: work.newest >= wanted, 15), (
                    f"version {version} never answered; {load.kinds()}\n{server.everything()}"
                )
        assert load.failures == [], load.kinds()
        assert load.refused == 0
        assert not [line for line in server.lines() if "crashed" in line or "error" in line]
        assert len([line for line in server.lines() if "reloaded counters.py" in line]) >= 1
    log.info("%d saves, %d requests, hosts %s", saves, load.requests, hosts)


@pytest.mark.parametrize("hosts", ["2", "0"])
def test_code_that_does_not_load_leaves_the_old_serving(counters, hosts):
    """Design 6: a syntax error is shown with its place, and the next good save reloads."""
    with RunningServer(counters, "dev", "--hosts", hosts) as server, Client(server.url) as client:
        save(counters, "(1")
        server.wait_for_line(lambda line: "changed, not loaded: SyntaxError" in line)
        server.wait_for_line(lambda line: "counters.py:" in line and "VERSION = (1" in line)
        server.wait_for_line(lambda line: "The previous code keeps serving" in line)
        assert client.get("/direct/a/version").json() == {"version": 0}
        assert client.get("/via/a/version").json() == {"version": 0}
        save(counters, "2")
        server.wait_for_line(lambda line: "reloaded counters.py" in line)
        assert client.get("/direct/a/version").json() == {"version": 2}
        assert client.get("/via/a/version").json() == {"version": 2}


def test_code_that_ends_the_process_leaves_the_old_serving(counters):
    """Design 6: new hosts that die at import are a failed reload, not a crash loop."""
    with RunningServer(counters, "dev") as server, Client(server.url) as client:
        save(counters, "__import__('os')._exit(9)")
        server.wait_for_line(lambda line: "not loaded: a host ended" in line)
        assert client.get("/direct/a/version").json() == {"version": 0}
        save(counters, "2")
        server.wait_for_line(lambda line: "reloaded counters.py" in line)
        assert client.get("/direct/a/version").json() == {"version": 2}
        assert not [line for line in server.lines() if "crashed" in line]


def _drains(server: RunningServer) -> bool:
    return any(host["state"] == "draining" for host in server.status()["hosts"])


@pytest.mark.parametrize("hosts", ["2", "0"])
def test_a_request_in_flight_finishes_over_a_reload(counters, hosts):
    """D6: what runs when the file is saved ends with the old code, and its write is kept."""
    with RunningServer(counters, "dev", "--hosts", hosts) as server, Client(server.url) as client:
        held, by_stub = HeldRequest(server), HeldRequest(server, "/via/b/held")
        save(counters, "3")
        assert wait_until(lambda: _drains(server), 15)
        held.let_go()
        by_stub.let_go()
        server.wait_for_line(lambda line: "reloaded counters.py" in line)
        for each in (held, by_stub):
            answer = each.join()
            assert answer is not None, each.error
            assert (answer.status, answer.json()) == (200, {"value": 1})
        assert client.get("/direct/a/version").json() == {"version": 3}
        assert client.get("/direct/a/").json() == {"value": 1}


def test_a_chain_of_calls_across_hosts_finishes_over_a_reload(counters):
    """D6: A -> B -> A -> ... between two seats still reaches its objects while both drain."""
    with RunningServer(counters, "dev") as server:
        here, there = _names_on_different_seats(server)
        chain = HeldRequest(server, f"/chain/{here}/{there}/7")
        save(counters, "4")
        assert wait_until(lambda: _drains(server), 15)
        chain.let_go()
        server.wait_for_line(lambda line: "reloaded counters.py" in line)
        answer = chain.join()
        assert answer is not None, chain.error
        assert (answer.status, answer.json()) == (200, {"path": [here, there] * 4})


def _names_on_different_seats(server: RunningServer) -> tuple[str, str]:
    from sourdough.ids import IdFactory
    from sourdough.placement import seat_of, slot_of

    ids = IdFactory("counters", "Counter")
    seats = {seat_of(slot_of(ids.from_name(name).raw), 2): name for name in "abcdefgh"}
    return seats[1], seats[2]
