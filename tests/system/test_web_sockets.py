"""WebSockets stay open while what is behind them is killed and replaced, and none is forgotten."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.client import Client
from tests.system.editing import edit
from tests.system.members import Member, by_sender
from tests.system.server import RunningServer

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOMS = [f"room-{number}" for number in range(6)]
_MEMBERS_A_ROOM = 10
_SECONDS = 20.0


class House:
    """All members of all rooms of one server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.members = [
            Member(room, f"{room}-{number}") for number in range(_MEMBERS_A_ROOM) for room in _ROOMS
        ]
        self.killed: set[str] = set()
        """The instances of rooms that were ended by a kill."""

    @property
    def staying(self) -> list[Member]:
        return [member for member in self.members if member.ended is None]

    async def fill(self) -> None:
        """Let everybody join, then talk."""
        await asyncio.gather(*(member.join(self.server.url) for member in self.members))
        for member in self.members:
            member.talk()

    async def hear(self, more: int = 3) -> None:
        """Return when everybody who is there has said `more`, and has heard that of itself."""
        said = {member: member.said for member in self.staying}

        def heard(member: Member) -> bool:
            own = by_sender(member.heard).get(member.name, [0])
            return member.ended is not None or own[-1] >= said[member] + more

        await self.until(lambda: all(heard(member) for member in said))

    async def silence(self) -> None:
        """Return when nobody says anything more and everything has been heard that will be."""
        for member in self.members:
            member.fall_silent()
        for room in _ROOMS:
            await self.until(lambda room=room: self._is_settled(room))

    def _is_settled(self, room: str) -> bool:
        account = self.account(room)
        numbers = by_sender([text for text, _ in account["heard"]] + account["doubts"])
        members = [member for member in self.staying if member.room == room]
        return all(max(numbers.get(each.name, [0])) == each.said for each in members) and all(
            account["heard"][-1][0] in each.heard for each in members
        )

    def account(self, room: str) -> Any:
        """Return what a room has kept."""
        with Client(self.server.url) as client:
            return client.get(f"/room/{room}/account").json()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what has no event; the members go on meanwhile."""
        async with asyncio.timeout(_SECONDS):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.02)


@pytest.mark.timeout(90)
async def test_sockets_survive_what_is_behind_them(project):
    """W1-W4: a host killed, a save, a gateway killed: who was not on that gateway noticed nothing.

    Nothing is lost or reordered but what `sockets_restored` reports; each socket of the gateway has
    one close event, and nobody else has any.
    """
    folder = project("rooms")
    server = await asyncio.to_thread(RunningServer, folder, "dev", "--hosts", "2")
    house = House(server)
    try:
        await house.fill()
        await house.hear()
        await _kill_a_host(house)
        await _save(house)
        assert [member.name for member in house.members if member.ended is not None] == []
        lost = await _kill_a_gateway(house)
        await house.hear()
        await house.silence()
        accounts = {room: house.account(room) for room in _ROOMS}
        _check_closes(house, accounts, lost)
        assert any(account["doubts"] for account in accounts.values())
        for member in house.staying:
            _check_senders(member, accounts[member.room])
            _check_heard(member, house, accounts[member.room])
        assert "Traceback" not in server.everything()
        await asyncio.gather(*(member.leave() for member in house.members))
    except BaseException:
        print(server.everything())  # noqa: T201 (the report of a failure)
        raise
    finally:
        await asyncio.to_thread(server.close)


async def _kill_a_host(house: House) -> None:
    """Kill one while it handles a message: that one at least is in doubt then."""
    pid = house.server.status()["hosts"][0]["pid"]
    accounts = [house.account(room) for room in _ROOMS]
    house.killed = {each["instance"] for each in accounts if each["pid"] == pid}
    assert house.killed
    standstill = house.server.project / f"standstill-{pid}"
    standstill.touch()
    await house.until(standstill.with_suffix(".begun").exists)
    os.kill(pid, signal.SIGKILL)
    await house.until(lambda: _serve(house.server, pid))
    await house.hear()


def _serve(server: RunningServer, killed: int) -> bool:
    processes = [*server.status()["hosts"], *server.status()["gateways"]]
    return all(each["state"] == "serving" and each["pid"] != killed for each in processes)


async def _save(house: House) -> None:
    edit(house.server.project / "rooms.py", "VERSION = 0", "VERSION = 1")
    await house.until(lambda: all(house.account(room)["version"] == 1 for room in _ROOMS))
    await house.hear()


async def _kill_a_gateway(house: House) -> list[Member]:
    """Kill the gateway with the most sockets; return whose they were."""

    def counted() -> list[int]:
        return [each["sockets"] for each in house.server.status()["gateways"]]

    await house.until(lambda: sum(counted()) == len(house.members))
    gateways = sorted(house.server.status()["gateways"], key=lambda each: each["sockets"])
    victim = gateways[-1]
    os.kill(victim["pid"], signal.SIGKILL)
    await house.until(lambda: len(house.members) - len(house.staying) >= victim["sockets"])
    await house.until(lambda: _serve(house.server, victim["pid"]))
    lost = [member for member in house.members if member.ended is not None]
    assert len(lost) == victim["sockets"]
    await house.until(
        lambda: sum(len(house.account(room)["closes"]) for room in _ROOMS) >= len(lost)
    )
    return lost


def _check_closes(house: House, accounts: dict[str, Any], lost: list[Member]) -> None:
    """Each socket of the gateway that ended was closed once, and no other (W4)."""
    closes = [each for account in accounts.values() for each in account["closes"]]
    assert Counter(map(tuple, closes)) == Counter((each.name, 1006, 0) for each in lost)
    for room, account in accounts.items():
        staying = [member.name for member in house.staying if member.room == room]
        assert account["members"] == sorted(staying)


def _check_senders(member: Member, account: Any) -> None:
    """What it said was handled once and in order; at most what is in doubt was not (W3)."""
    handled = by_sender([text for text, _ in account["heard"]])[member.name]
    assert handled == sorted(set(handled))
    missing = set(range(1, member.said + 1)) - set(handled)
    doubts = by_sender(account["doubts"]).get(member.name, [])
    assert len(doubts) <= 1
    assert missing <= set(doubts)
    assert handled[-1] == member.said


def _check_heard(member: Member, house: House, account: Any) -> None:
    """It heard everything once and in order, but for what a killed host was about to say (W5)."""
    handled = by_sender([text for text, _ in account["heard"]])
    excused = _at_the_end_of(house.killed, account)
    heard = by_sender(member.heard)
    for sender in (each.name for each in house.staying if each.room == member.room):
        numbers = heard[sender]
        assert numbers == sorted(set(numbers)), f"{member.name} heard {sender}: {numbers}"
        missing = set(handled[sender]) - set(numbers)
        assert missing <= excused.get(sender, set()), f"{member.name} missed {sender}: {missing}"
        doubts = by_sender(account["doubts"]).get(sender, [])
        assert set(numbers) <= set(handled[sender]) | set(doubts)


def _at_the_end_of(killed: set[str], account: Any) -> dict[str, set[int]]:
    """Return what was in doubt, and the last message of each sender that was handled before a kill.

    Its acknowledgement follows what was said to the sockets of the sender's own gateway; what was
    said to those of another gateway at the same time may have been cut off.
    """
    excused = {sender: set(numbers) for sender, numbers in by_sender(account["doubts"]).items()}
    before = by_sender([text for text, instance in account["heard"] if instance in killed])
    for sender, numbers in before.items():
        excused.setdefault(sender, set()).add(numbers[-1])
    return excused
