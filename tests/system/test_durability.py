"""What was acknowledged is there, whatever is killed meanwhile."""

from __future__ import annotations

import http.client
import logging
import os
import random
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.system.client import Account, Client, Load
from tests.system.editing import save
from tests.system.server import RunningServer, wait_until

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

COUNTERS = 200
THREADS = 8
KILLS = 12


class Increments:
    """Clients that increment counters, half of them through the entrypoint, and keep account."""

    def __init__(self, seed: int) -> None:
        self.accounts = {f"c{number}": Account() for number in range(COUNTERS)}
        self.odd: list[str] = []
        self._lock = threading.Lock()
        self._randoms = [random.Random(seed + number) for number in range(THREADS)]

    def step(self, client: Client, thread: int) -> None:
        """Increment one counter."""
        name = f"c{self._randoms[thread].randrange(COUNTERS)}"
        way = "direct" if thread % 2 else "via"
        try:
            answer = client.post(f"/{way}/{name}/increment")
        except ConnectionRefusedError:
            raise
        except (OSError, http.client.HTTPException):
            self._note(name, acknowledged=False)
            return
        if answer.status not in {200, 503}:
            with self._lock:
                self.odd.append(f"{answer.status} {answer.body!r}")
        if answer.status == 503:
            assert answer.headers["retry-after"]
        self._note(name, acknowledged=answer.status == 200)

    def _note(self, name: str, *, acknowledged: bool) -> None:
        with self._lock:
            account = self.accounts[name]
            if acknowledged:
                account.acknowledged += 1
            else:
                account.unknown += 1

    @property
    def acknowledged(self) -> int:
        with self._lock:
            return sum(account.acknowledged for account in self.accounts.values())

    @property
    def unknown(self) -> int:
        return sum(account.unknown for account in self.accounts.values())

    def check(self, url: str) -> None:
        """Compare every counter with its account."""
        with Client(url) as client:
            for name, account in self.accounts.items():
                value = client.get(f"/direct/{name}/").json()["value"]
                most = account.acknowledged + account.unknown
                assert account.acknowledged <= value <= most, (name, value, account)


@pytest.fixture
def counters(project):
    return project("counters")


def _progress(work: Increments, wanted: int) -> None:
    """Wait until so many more increments are acknowledged."""
    goal = work.acknowledged + wanted
    assert wait_until(lambda: work.acknowledged >= goal, 15), f"stopped at {work.acknowledged}"


@pytest.mark.timeout(120)
def test_no_acknowledged_increment_is_lost_while_hosts_are_killed(counters):
    """S1, D1, D3: kill -9 of hosts loses nothing acknowledged, repeats nothing, refuses nobody."""
    chance = random.Random(7)
    work = Increments(seed=11)
    with RunningServer(counters, "serve", "--hosts", "4") as server:
        with Load(server.url, work.step, THREADS) as load:
            for _ in range(KILLS):
                _progress(work, chance.randrange(10, 150))
                os.kill(chance.choice(server.children("host")), signal.SIGKILL)
            _progress(work, 150)
        assert load.refused == 0
        assert load.failures == [], load.kinds()
        assert work.odd == []
        assert len(server.events("host.crashed")) == KILLS
        work.check(server.url)
        _kill_the_coordinator(server, counters, work)
    log.info("%d kills, %d requests, %d unknown", KILLS, load.requests, work.unknown)


def _kill_the_coordinator(server: RunningServer, project: Path, work: Increments) -> None:
    """P5: kill -9 of the coordinator ends all; the next server has every value."""
    server.signal(signal.SIGKILL)
    server.wait()
    assert not server.left_after(10)
    with RunningServer(project, "serve", "--hosts", "2") as again:
        work.check(again.url)


@pytest.mark.timeout(120)
def test_a_killed_gateway_breaks_connections_and_nothing_else(counters):
    """Design 2: the coordinator owns the port, so connections wait while a gateway is replaced."""
    work = Increments(seed=5)
    with RunningServer(counters) as server:
        with Load(server.url, work.step, 4) as load:
            for kill in range(2):
                _progress(work, 100)
                (gateway,) = server.children("gateway")
                os.kill(gateway, signal.SIGKILL)
                said = server.wait_for_event("gateway.crashed", pid=gateway)
                assert said["restart"] == kill + 1
            _progress(work, 100)
        assert load.refused == 0
        assert load.failures == [], load.kinds()
        assert work.odd == []
        assert 0 < work.unknown <= 2 * 4
        work.check(server.url)


@pytest.mark.timeout(120)
def test_reloads_and_kills_at_once_lose_nothing(counters):
    """S1, P2, D1: saves, hosts and gateways killed in between, in any order, lose nothing."""
    chance = random.Random(3)
    work = Increments(seed=3)
    with RunningServer(counters, "dev", "--hosts", "2") as server:
        with Load(server.url, work.step, THREADS) as load:
            for version in range(8):
                _progress(work, chance.randrange(10, 150))
                save(counters, version)
                for role in chance.choice([["host"], ["gateway"], ["host", "host"], []]):
                    _kill_any(server.children(role), chance)
            _progress(work, 300)
        assert load.refused == 0
        assert load.failures == [], load.kinds()
        assert work.odd == []
        work.check(server.url)


def _kill_any(pids: list[int], chance: random.Random) -> None:
    with suppress(ProcessLookupError, IndexError):
        os.kill(chance.choice(pids), signal.SIGKILL)
