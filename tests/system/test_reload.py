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
        time.sleep(0.008)  # a hundred requests meet each save; more would only slow it down
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


@pytest.fixture(scope="module")
def of_processes(shared_project):
    """One server for the tests that leave it with code that serves."""
    with RunningServer(shared_project("counters"), "dev") as running:
        yield running


@pytest.fixture(params=["processes", "one process"])
def server(request, shared_project):
    """A server with two hosts, and one that is a single process."""
    if request.param == "processes":
        yield request.getfixturevalue("of_processes")
        return
    with RunningServer(shared_project("counters"), "dev", "--hosts", "0") as running:
        yield running


class Saving:
    """What a test saves, and what is said from then on."""

    def __init__(self, server: RunningServer, client: Client) -> None:
        self._server = server
        self._client = client
        self._seen = len(server.lines())
        self.before = self.served("direct")

    def served(self, way: str) -> int:
        """Return the version of the code that answers."""
        return self._client.get(f"/{way}/a/version").json()["version"]

    def save(self, version: object) -> None:
        save(self._server.project, version)

    def is_told(self, *texts: str) -> None:
        """Wait for a line that has all of these."""
        self._server.wait_for_line(
            lambda line: all(text in line for text in texts), after=self._seen
        )

    def is_served(self, version: int) -> None:
        """Wait for the reload, after which each way leads to this version."""
        self.is_told("reloaded counters.py")
        assert [self.served(way) for way in ("direct", "via")] == [version, version]

    def lines(self) -> list[str]:
        return self._server.lines()[self._seen :]


def test_code_that_does_not_load_leaves_the_old_serving(server):
    """Design 6: a syntax error is shown with its place, and the next good save reloads."""
    with Client(server.url) as client:
        saving = Saving(server, client)
        saving.save("(1")
        saving.is_told("changed, not loaded: SyntaxError")
        saving.is_told("counters.py:", "VERSION = (1")
        saving.is_told("The previous code keeps serving")
        assert [saving.served(way) for way in ("direct", "via")] == [saving.before] * 2
        saving.save(saving.before + 1)
        saving.is_served(saving.before + 1)


def test_code_that_ends_the_process_leaves_the_old_serving(of_processes):
    """Design 6: new hosts that die at import are a failed reload, not a crash loop."""
    with Client(of_processes.url) as client:
        saving = Saving(of_processes, client)
        saving.save("__import__('os')._exit(9)")
        saving.is_told("not loaded: a host ended")
        assert saving.served("direct") == saving.before
        saving.save(saving.before + 1)
        saving.is_served(saving.before + 1)
        assert not [line for line in saving.lines() if "crashed" in line]


def _drains(server: RunningServer) -> bool:
    return any(host["state"] == "draining" for host in server.status()["hosts"])


def test_a_request_in_flight_finishes_over_a_reload(server):
    """D6: what runs when the file is saved ends with the old code, and its write is kept."""
    with Client(server.url) as client:
        saving = Saving(server, client)
        held, by_stub = HeldRequest(server, "/direct/c/held"), HeldRequest(server, "/via/d/held")
        saving.save(saving.before + 1)
        assert wait_until(lambda: _drains(server), 15)
        held.let_go()
        by_stub.let_go()
        saving.is_served(saving.before + 1)
        for each in (held, by_stub):
            answer = each.join()
            assert answer is not None, each.error
            assert (answer.status, answer.json()) == (200, {"value": 1})
        assert client.get("/direct/c/").json() == {"value": 1}


def test_a_chain_of_calls_across_hosts_finishes_over_a_reload(of_processes):
    """D6: A -> B -> A -> ... between two seats still reaches its objects while both drain."""
    here, there = _names_on_different_seats()
    with Client(of_processes.url) as client:
        saving = Saving(of_processes, client)
        chain = HeldRequest(of_processes, f"/chain/{here}/{there}/7")
        saving.save(saving.before + 1)
        assert wait_until(lambda: _drains(of_processes), 15)
        chain.let_go()
        saving.is_served(saving.before + 1)
        answer = chain.join()
        assert answer is not None, chain.error
        assert (answer.status, answer.json()) == (200, {"path": [here, there] * 4})


def _names_on_different_seats() -> tuple[str, str]:
    from sourdough.ids import IdFactory
    from sourdough.placement import seat_of, slot_of

    ids = IdFactory("counters", "Counter")
    seats = {seat_of(slot_of(ids.from_name(name).raw), 2): name for name in "abcdefgh"}
    return seats[1], seats[2]
