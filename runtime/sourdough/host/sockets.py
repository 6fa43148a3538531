"""A host's side of its clients' WebSockets: which gateway has which, and what gateways say.

A gateway is known by the serial number of its process. What objects say to a socket goes over the
link to whoever holds it: its maker, or the gateway that has mirrored it since (the successor of one
that died). Without a link it is dropped: the gateway tells anew what it holds when there is one
again. What is told on one link stays in order, among the answers to events too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sourdough.host.mirrors import Mirrors
from sourdough.objects.web_sockets.near import is_near
from sourdough.objects.web_sockets.store import SocketStore
from sourdough.wire import close_codes
from sourdough.wire.sockets import (
    DOORS,
    AnsweredBySelf,
    Barrier,
    Bind,
    Broadcast,
    Closed,
    Message,
    Mirror,
    Opened,
    Passed,
    SocketMessage,
    maker_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.objects.web_sockets.mirror import MirroredSocket
    from sourdough.transport.link import Link

# A gateway that does not answer for so long is stuck: the seat's next owner must not wait for it.
_BARRIER_SECONDS = 1.0
# As long as a gateway waits for somebody to accept a client that was answered with 101.
_EARLY_SECONDS = 10.0
# Up to so many sockets it is cheaper to look who holds them than to tell a gateway for nothing.
_FEW = 64


class _Gateway:
    """The link to a gateway."""

    __slots__ = ("barrier", "link", "named", "told")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.told = False
        """Whether anything was said to it, which it has to heed before the seat changes hands."""
        self.named: set[int] | None = set()
        """Sockets that its mirror has named, or that were bound meanwhile; None: the mirror is
        complete."""
        self.barrier: asyncio.Future[None] | None = None

    def tell(self, message: SocketMessage) -> None:
        self.told = True
        self.link.tell(message)

    def passed(self) -> None:
        if self.barrier is not None and not self.barrier.done():
            self.barrier.set_result(None)


class HostSockets:
    """Implements `objects.web_sockets.mirror.Outlet` over the links to gateways."""

    def __init__(
        self, *, clock: Clock, version: Callable[[], int], hold_back: Callable[[bool], None]
    ) -> None:
        """version: of the table. hold_back: has events for objects wait, or go on."""
        self._clock = clock
        self.store = SocketStore(self, clock, version)
        self.mirrors = Mirrors(clock=clock, hold_back=hold_back, changed=self._end_orphans)
        self._gateways: dict[int, _Gateway] = {}
        self._adopted: dict[int, int] = {}
        """Who holds a socket, where it is not the gateway that made it."""
        self._early: dict[int, list[SocketMessage]] = {}
        """What begins with a Bind for a gateway that has no link to this host yet."""
        self._orphans: set[int] = set()
        """Sockets whose holder is gone, while their objects are told."""
        self._takes: dict[type[SocketMessage], Callable[[_Gateway, int, Any], None]] = {
            Mirror: self._mirror,
            Message: lambda _gateway, _serial, message: self.store.hear(message),
            Closed: lambda _gateway, _serial, message: self.store.hear(message),
            Opened: lambda _gateway, _serial, message: self.store.opened(message),
            AnsweredBySelf: lambda _gateway, _serial, message: self.store.answered(message.times),
            Passed: lambda gateway, _serial, _message: gateway.passed(),
        }

    # --- links

    def link_up(self, link: Link) -> None:
        """There is a link to a process; gateways alone are of interest."""
        peer = link.peer
        if peer is not None and peer.role == "gateway":
            self._gateways[peer.serial] = _Gateway(link)
            self.mirrors.lost(peer.serial)
            for message in self._early.pop(peer.serial, ()):
                self._tell(peer.serial, message)

    def link_down(self, link: Link) -> None:
        """A link is gone, and with it the sockets that live on no other (invariant W2)."""
        serial = 0 if link.peer is None else link.peer.serial
        gateway = self._gateways.get(serial)
        if gateway is None or gateway.link is not link:
            return
        del self._gateways[serial]
        self.mirrors.lost(serial)
        gateway.passed()
        for socket in list(self.store.plain):
            if maker_of(socket) == serial:
                self.store.hear(
                    Closed(socket, close_codes.ABNORMAL, close_codes.ABNORMAL_REASON, clean=False)
                )
        self._end_orphans()

    def _end_orphans(self, *, followed: bool = False) -> None:
        """Tell objects of sockets that ended with who held them, where nobody else will (W4).

        No gateway follows a program. A gateway's successor tells of all that was noted, and then,
        `followed`, the host of the rest: a Bind may have come to a gateway that was about to die.
        """
        present = self.mirrors.living | self._gateways.keys() | self._early.keys()
        held = [each for of in self.store for each in of.held.values()]
        self._orphans.intersection_update(each.number for each in held)
        for each in held:
            holder = self._holder(each.number)
            if holder not in present and (followed or holder >= DOORS) and not is_near(each.number):
                self._end(each)

    def _end(self, held: MirroredSocket) -> None:
        """Tell the object that a socket broke: once, whoever else tells it (`objects.web_sockets.ends`)."""
        if held.number not in self._orphans:
            self._orphans.add(held.number)
            self.store.near.add(held, held.name, None).break_()

    def _end_early(self, serial: int, waiting: list[SocketMessage]) -> None:
        """A gateway has not linked in time: it has given the clients up, or is gone (W1)."""
        if self._early.get(serial) is not waiting:
            return  # it did; what waits now has a time of its own
        for message in self._early.pop(serial):
            if type(message) is not Bind:
                continue
            held = self.store.held(message.socket)
            if held is not None:
                self._end(held)
            else:
                self.store.hear(
                    Closed(
                        message.socket,
                        close_codes.ABNORMAL,
                        close_codes.ABNORMAL_REASON,
                        clean=False,
                    )
                )

    # --- objects speak

    def tell(self, socket: int, message: SocketMessage) -> None:
        """Say something to whoever holds a socket; dropped when there is no link to it.

        A client whose request others have passed on may be accepted before its gateway has linked
        to this host: that waits.
        """
        self._tell(self._holder(socket), message)

    def _tell(self, serial: int, message: SocketMessage) -> None:
        gateway = self._gateways.get(serial)
        if gateway is not None:
            if gateway.named is not None and type(message) is Bind:
                gateway.named.add(message.socket)
            gateway.tell(message)
        elif serial in self._early:
            self._early[serial].append(message)
        elif type(message) is Bind:
            waiting = self._early[serial] = [message]
            self._clock.call_later(_EARLY_SECONDS, lambda: self._end_early(serial, waiting))

    def tell_object(self, key: bytes, message: SocketMessage) -> None:
        """Say something to every gateway that holds sockets of an object."""
        found = self.store.find(key)
        sockets = () if found is None else found.held
        if type(message) is not Broadcast or len(sockets) > _FEW:
            # Told to one that holds none it does nothing.
            for serial in (*self._gateways, *self._early):
                self._tell(serial, message)
            return
        for serial in {self._holder(socket) for socket in sockets}:
            self._tell(serial, message)

    def _holder(self, socket: int) -> int:
        return self._adopted.get(socket) or maker_of(socket)

    # --- gateways speak

    def receive(self, link: Link, message: SocketMessage) -> None:
        """Take what a gateway says."""
        serial = 0 if link.peer is None else link.peer.serial
        gateway = self._gateways.get(serial)
        takes = self._takes.get(type(message))
        if takes is not None and gateway is not None and gateway.link is link:
            takes(gateway, serial, message)

    def _mirror(self, gateway: _Gateway, serial: int, mirror: Mirror) -> None:
        for held in mirror.sockets:
            if gateway.named is not None:
                gateway.named.add(held.socket)
            if maker_of(held.socket) == serial:
                self._adopted.pop(held.socket, None)
            else:
                self._adopted[held.socket] = serial
            self.store.mirrored(held)
        for settings in mirror.settings:
            self.store.settings(settings)
        if mirror.end:
            self._end_unnamed(gateway, serial)
            self.mirrors.ended(serial)
            self._end_orphans(followed=True)

    def _end_unnamed(self, gateway: _Gateway, serial: int) -> None:
        """End sockets that ended while there was no link: nobody else will tell of them any more."""
        named, gateway.named = gateway.named, None
        if named is None:
            return
        for held in [each for of in self.store for each in of.held.values()]:
            if held.number not in named and self._holder(held.number) == serial:
                self._end(held)
        self._adopted = {each: by for each, by in self._adopted.items() if self.store.held(each)}

    # --- the seat

    def close_plain(self) -> None:
        """End the sockets that cannot move to another host (invariant W2)."""
        self.store.close_plain()

    async def leave(self) -> None:
        """Return when every gateway has heeded what was said, and know of no socket any more.

        What the seat's next owner is told by them then has all of it (invariant W4).
        """
        waiting = []
        for gateway in self._gateways.values():
            if gateway.told:
                gateway.barrier = asyncio.get_running_loop().create_future()
                waiting.append(gateway.barrier)
                gateway.link.tell(Barrier(len(waiting)))
        with suppress(TimeoutError):
            # In real time, as all that waits for another process.
            async with asyncio.timeout(_BARRIER_SECONDS):
                for barrier in waiting:
                    await barrier
        self.mirrors.stop()
        self.store.clear()
        self._early.clear()
        self._adopted.clear()
