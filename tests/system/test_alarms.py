"""Alarms fire, whatever is killed, stopped, saved or resized between setting and firing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.system.client import Client
from tests.system.server import RunningServer, wait_until

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"s{number}" for number in range(12)]


def set_all(url: str, names: list[str], query: str) -> None:
    with Client(url) as client:
        for name in names:
            assert client.get(f"/{name}/set?{query}").status == 200


def states(url: str, names: list[str]) -> dict:
    with Client(url) as client:
        return {name: client.get(f"/{name}/").json() for name in names}


def all_ran(url: str, names: list[str]) -> dict:
    """Return what every object says, as soon as each has run its alarm."""
    found = {}

    def ran() -> bool:
        found.update(states(url, names))
        return all(each["runs"] and each["alarm"] is None for each in found.values())

    assert wait_until(ran, 12), found
    return found


def check(found: dict, *, ahead: float = 0) -> None:
    """Each ran once, not early, and knew its name. ahead: how far the server's clock was, in ms."""
    for name, state in found.items():
        [run] = state["runs"]
        assert (run["name"], run["retries"]) == (name, 0)
        assert run["late"] + ahead >= 0


def test_alarms_outlive_a_killed_host_and_a_restart(project):
    """Set on two hosts; one is killed, the server is stopped; due while down (6.17, trap 14)."""
    folder: Path = project("alarms")
    with RunningServer(folder, ahead=0) as server:
        set_all(server.url, NAMES, "in=60000")
        os.kill(server.status()["hosts"][0]["pid"], signal.SIGKILL)
        server.wait_for_event("host.recovered")
        server.advance(30)
        assert all(each["runs"] == [] for each in states(server.url, NAMES).values())
        assert server.stop() == 0
    with RunningServer(folder, ahead=60) as server:
        check(all_ran(server.url, NAMES), ahead=60_000)


def test_alarms_outlive_a_server_that_is_killed(project):
    """What was acknowledged is on the disk, in the object and in the index (S11, P5)."""
    folder: Path = project("alarms")
    with RunningServer(folder) as server:
        set_all(server.url, NAMES, "in=60000")
        server.signal(signal.SIGKILL)
        server.wait()
    with RunningServer(folder, ahead=60) as server:
        check(all_ran(server.url, NAMES), ahead=60_000)


def test_an_alarm_whose_run_is_killed_runs_again(project):
    """At least once, on the next host, not counted as a retry (semantics 6.6, 6.8, trap 15)."""
    with RunningServer(project("alarms"), "serve", "--hosts", "1", ahead=0) as server:
        set_all(server.url, ["victim"], "in=1&mode=kill")
        server.wait_for_event("host.crashed", running="Sleeper:victim")
        server.advance(2.6)  # the pause before the next run
        check(all_ran(server.url, ["victim"]), ahead=2_600)


def test_an_alarm_fires_on_a_sleeping_object_after_the_number_of_hosts_changed(project):
    """Slots move, alarms find their owner; also in one process (semantics 6.17, P1)."""
    folder: Path = project("alarms")
    config = folder / "sourdough.toml"
    config.write_text(config.read_text().replace("hostCount = 2", "hostCount = 1"))
    with RunningServer(folder) as server:
        set_all(server.url, NAMES, "in=600")
        server.stop()
    config.write_text(config.read_text().replace("hostCount = 1", "hostCount = 2"))
    with RunningServer(folder) as server:
        check(all_ran(server.url, NAMES))
        set_all(server.url, ["again"], "in=600")
        server.stop()
    config.write_text(config.read_text().replace("hostCount = 2", "hostCount = 0"))
    with RunningServer(folder) as server:
        check(all_ran(server.url, ["again"]))
        set_all(server.url, ["inline"], "in=50")
        check(all_ran(server.url, ["inline"]))


def test_a_reload_loses_no_alarm_and_runs_none_twice(project):
    """A run under way ends on the old code or begins anew; the rest goes to the new hosts."""
    folder: Path = project("alarms")
    with RunningServer(folder, "dev") as server:
        set_all(server.url, ["slow"], "in=1&mode=slow")
        set_all(server.url, NAMES, "in=800")
        file = folder / "sleepers.py"
        seen = len(server.lines())
        file.write_text(f"{file.read_text()}\n# saved\n")
        server.wait_for_line(lambda line: "reloaded" in line, 15, after=seen)
        check(all_ran(server.url, [*NAMES, "slow"]))


def test_inspect_and_rm_know_alarms(project):
    """`inspect` shows when it is due, `rm` takes it along."""
    with RunningServer(project("alarms"), "serve", "--hosts", "1") as server:
        set_all(server.url, ["gone"], "in=60000")
        assert "alarm     in " in server.command("inspect", "SLEEPER:gone").stdout
        assert server.command("rm", "SLEEPER:gone", "--yes").returncode == 0
        [state] = states(server.url, ["gone"]).values()
        assert state == {"alarm": None, "runs": []}


@pytest.mark.parametrize("lost", ["alarms", "everything"])
def test_a_lost_catalogue_is_made_anew_with_the_alarms(project, lost):
    """The objects' files are the truth (design section 5)."""
    folder: Path = project("alarms")
    with RunningServer(folder, "serve", "--hosts", "0") as server:
        set_all(server.url, NAMES, "in=300")
        server.stop()
    for file in (folder / ".sourdough").glob("catalogue.sqlite*"):
        if lost == "everything":
            file.unlink()
        else:
            file.write_bytes(b"\xa5" * 10_000)
    with RunningServer(folder) as server:
        log = folder / ".sourdough" / "Sleeper"
        assert len(list(log.rglob("*.sqlite"))) == len(NAMES)
        check(all_ran(server.url, NAMES))
