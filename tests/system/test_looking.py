"""Looking at a server and at its folder: status, ls, inspect, rm, running and stopped."""

from __future__ import annotations

import json
import os
import signal

import pytest

from sourdough.ids import IdFactory
from tests.system.client import Client
from tests.system.conftest import NO_STANDBY
from tests.system.server import RunningServer, command, wait_until

NAMES = [f"n{number}" for number in range(12)]


@pytest.fixture
def counters(project):
    return project("counters", NO_STANDBY)


def _fill(server: RunningServer) -> None:
    with Client(server.url) as client:
        for name in NAMES:
            assert client.post(f"/direct/{name}/increment").status == 200


def _id_of(name: str) -> str:
    return str(IdFactory("counters", "Counter").from_name(name))


def test_status_shows_every_process(project):
    """Each process with pid, state and restarts; what it says is what the kernel says."""
    with RunningServer(project("counters"), "serve", "--hosts", "3") as server:
        assert wait_until(lambda: (server.status()["standby"] or {}).get("state") == "ready", 10)
        status = json.loads(server.command("status", "--json").stdout)
        assert status["coordinator"]["pid"] == server.pid
        assert status["coordinator"]["mode"] == "serve"
        assert status["url"] == server.url
        assert [host["index"] for host in status["hosts"]] == [1, 2, 3]
        hosts = [*status["hosts"], status["standby"]]
        assert {host["pid"] for host in hosts} == set(server.children("host"))
        assert [each["pid"] for each in status["gateways"]] == server.children("gateway")
        for process in [*status["hosts"], *status["gateways"]]:
            assert process["state"] == "serving"
            assert process["restarts"] == 0


def test_status_counts_objects_and_restarts(counters):
    """A crash shows as a restart of the seat, with its reason; objects are counted where they live."""
    with RunningServer(counters) as server:
        _fill(server)
        assert wait_until(
            lambda: sum(host["objects"] for host in server.status()["hosts"]) == len(NAMES), 15
        )
        victim = server.status()["hosts"][0]
        os.kill(victim["pid"], signal.SIGKILL)
        server.wait_for_event("host.recovered")
        host = server.status()["hosts"][0]
        assert host["restarts"] == 1
        assert host["pid"] != victim["pid"]
        assert "SIGKILL" in host["last_exit"]
        assert host["epoch"] > victim["epoch"]
        assert server.status()["objects_known"] == len(NAMES)


def test_status_without_a_server_is_null(counters):
    """Exit code 1 and null."""
    result = command(counters, "status", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (1, None)


def _listed(counters) -> list[str]:
    result = command(counters, "ls", "--json")
    assert result.returncode == 0, result.stderr
    return sorted(each["name"] for each in json.loads(result.stdout)["objects"])


def _inspected(counters, reference: str):
    result = command(counters, "inspect", reference, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_objects_are_the_same_running_and_stopped(counters):
    """ls and inspect ask the server, or read the folder under its lock: the same answer.

    An unknown object is exit code 1, whoever is asked.
    """
    with RunningServer(counters) as server:
        _fill(server)
        assert _listed(counters) == sorted(NAMES)
        running = _inspected(counters, "COUNTER:n3")
        assert running["id"] == _id_of("n3")
        assert server.command("inspect", "COUNTER:nobody").returncode == 1
        assert server.stop() == 0
    assert _listed(counters) == sorted(NAMES)
    stopped = _inspected(counters, "COUNTER:n3")
    assert stopped["id"] == running["id"]
    assert stopped["name"] == running["name"] == "n3"
    assert _inspected(counters, _id_of("n3"))["name"] == "n3"
    assert command(counters, "inspect", "COUNTER:nobody").returncode == 1
    assert command(counters, "rm", "COUNTER:nobody", "--yes").returncode == 1


def test_looking_after_a_kill_harms_nothing(counters):
    """S10: offline commands recover first; what was acknowledged is listed and then served."""
    with RunningServer(counters) as server:
        _fill(server)
        server.signal(signal.SIGKILL)
        server.wait()
        assert not server.left_after(10)
        for name in NAMES[:2]:
            assert _inspected(counters, f"COUNTER:{name}")["name"] == name
    with RunningServer(counters, "serve", "--hosts", "0") as server, Client(server.url) as client:
        for name in NAMES:
            assert client.get(f"/direct/{name}/").json() == {"value": 1}


def test_rm_deletes_a_live_object_and_a_stopped_one(counters):
    """After rm the name leads to an empty object, and the listing has forgotten it."""
    with RunningServer(counters) as server, Client(server.url) as client:
        _fill(server)
        result = server.command("rm", "COUNTER:n1", "--yes")
        assert result.returncode == 0, result.stderr
        assert client.get("/direct/n1/").json() == {"value": 0}
        assert "n1" not in _listed(counters)
        assert client.post("/direct/n1/increment").json() == {"value": 1}
        assert wait_until(lambda: "n1" in _listed(counters), 15)
    result = command(counters, "rm", "COUNTER:n2", "--yes")
    assert result.returncode == 0, result.stderr
    with RunningServer(counters, "serve", "--hosts", "0") as server, Client(server.url) as client:
        assert client.get("/direct/n2/").json() == {"value": 0}
        assert client.get("/direct/n3/").json() == {"value": 1}
