"""The host's half of alarms: objects tell the index, the index wakes objects.

What is said on the control channel arrives in order, so an `AlarmSet` that was sent before an
`AlarmEnded` is known when the run counts as ended.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import TYPE_CHECKING

from sourdough.objects.alarm import AlarmEvent, AlarmReply
from sourdough.wire.messages import AlarmEnded, AlarmOutcome, AlarmSet, AlarmsKept, RunAlarm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sourdough.host.engines import Noted
    from sourdough.host.host import Host
    from sourdough.transport.channel import Channel

    Note = Callable[[str, bytes, int, bool], Callable[[], None] | None]
    """(storage name, id, ms, durable) -> what is to be called when the index holds it; None where
    no journal notes it."""

log = logging.getLogger("sourdough.alarms")


_Key = tuple[str, bytes]
"""Storage name and id."""


class ObjectAlarms:
    """The index as one object sees it: `storage.alarm.AlarmIndex`."""

    __slots__ = ("_alarms", "_durable", "_id", "_storage_name")

    def __init__(self, alarms: Alarms, storage_name: str, raw: bytes, *, durable: bool) -> None:
        """durable: whether the object's commits are waited for until they are on the medium."""
        self._alarms = alarms
        self._storage_name = storage_name
        self._id = raw
        self._durable = durable

    def sooner(self, due: int, name: str | None, kept: Callable[[], None]) -> bool:
        noted = self._alarms.note(self._storage_name, self._id, due, self._durable)
        kept = kept if noted is None else noted
        self._tell(due, name, self._alarms.expect(kept, (self._storage_name, self._id)))
        return noted is not None

    def moved(self, due: int | None, name: str | None) -> None:
        self._tell(due, name, 0)

    def _tell(self, due: int | None, name: str | None, number: int) -> None:
        self._alarms.send(
            AlarmSet(storage=self._storage_name, id=self._id, name=name, due=due, number=number)
        )


class Alarms:
    """All alarms of one host."""

    def __init__(self, *, host: Host, channel: Channel) -> None:
        self.note: Note = lambda *_: None
        self._host = host
        self._channel = channel
        self._numbers = itertools.count(1)
        self._expected: dict[int, tuple[_Key | None, Callable[[], None]]] = {}
        self._newest: dict[_Key, int] = {}
        """Of each object only the newest is expected: the index holds it in place of earlier ones."""
        self._running: set[bytes] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, message: RunAlarm | AlarmsKept) -> None:
        """Take a message of the coordinator."""
        if isinstance(message, RunAlarm):
            self.run(message)
        else:
            self.kept(message)

    # --- objects tell

    def of(self, storage_name: str, raw: bytes, *, durable: bool) -> ObjectAlarms:
        """Return the index for one object; see `ObjectAlarms`."""
        return ObjectAlarms(self, storage_name, raw, durable=durable)

    def tell_adopted(self, left: Iterable[Noted]) -> None:
        """Tell the index what earlier occupants of the seat have noted, and perhaps not told."""
        for each in left:
            self.send(
                AlarmSet(
                    storage=each.storage_name, id=each.id, name=None, due=each.due, found=True,
                    number=self.expect(each.kept),
                )
            )  # fmt: skip

    def expect(self, kept: Callable[[], None], key: _Key | None = None) -> int:
        """Return the number under which a confirmation is waited for.

        key: of the object, where this takes the place of what was expected for it.
        """
        number = next(self._numbers)
        if key is not None:
            self._expected.pop(self._newest.get(key, 0), None)
            self._newest[key] = number
        self._expected[number] = (key, kept)
        return number

    def send(self, message: AlarmSet | AlarmEnded) -> None:
        self._channel.send(message)

    def kept(self, message: AlarmsKept) -> None:
        """The index has kept what some objects told: their commits go on."""
        for number in message.numbers:
            key, kept = self._expected.pop(number, (None, None))
            if key is not None:
                del self._newest[key]
            if kept is not None:
                kept()

    # --- the index wakes

    def run(self, message: RunAlarm) -> None:
        """Run an alarm, or refuse it: it is sent again to whom it belongs."""
        key = message.storage.encode() + message.id
        if key in self._running:
            return
        self._running.add(key)
        self._host.events += 1
        registry = self._host.registry
        if not self._host.serves(key):
            self._ended(key, message, AlarmOutcome.MOVED)
        elif registry.class_of(message.storage) is None:
            log.warning("an alarm of %s is due, but no class is bound to it", message.storage)
            self._ended(key, message, AlarmOutcome.BROKEN)
        elif not registry.knows(key):
            # Deleted while nobody told the index: no instance is made to find that out.
            self.send(AlarmSet(storage=message.storage, id=message.id, name=None, due=None))
            self._ended(key, message, AlarmOutcome.DONE)
        elif message.give_up:
            task = asyncio.get_running_loop().create_task(self._give_up(key, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._deliver(key, message)

    def _deliver(self, key: bytes, message: RunAlarm) -> None:
        event = AlarmEvent(
            AlarmReply(lambda outcome: self._ended(key, message, outcome)),
            version=self._host.peers.table.version,
            retries=message.retries,
            started=time.monotonic(),
        )
        name = None if message.name is None else message.name.encode()
        self._host.registry.deliver(key, name, event)

    async def _give_up(self, key: bytes, message: RunAlarm) -> None:
        outcome = AlarmOutcome.DONE
        try:
            await self._host.registry.give_up_alarm(key, message.due)
        except Exception:
            log.exception("an alarm of %s could not be given up", message.storage)
            outcome = AlarmOutcome.BROKEN
        self._ended(key, message, outcome)

    def _ended(self, key: bytes, message: RunAlarm, outcome: AlarmOutcome) -> None:
        if key not in self._running:
            return
        self._running.discard(key)
        self.send(
            AlarmEnded(storage=message.storage, id=message.id, due=message.due, outcome=outcome)
        )
        self._host.settled()
