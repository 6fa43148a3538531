"""Which WebSockets a gateway has, and who has taken them: by their numbers, by object, by link.

What hibernates is in the ledger as well, which a successor reads (invariant W4).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.gateway.sockets.answers import ObjectSettings
from sourdough.gateway.sockets.held import HeldSocket
from sourdough.gateway.sockets.ledger import Ledger
from sourdough.gateway.sockets.ledger_records import Bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.gateway.sockets.ledger_records import Record
    from sourdough.gateway.sockets.plain import PlainSocket
    from sourdough.gateway.sockets.socket import Socket
    from sourdough.transport.link import Link
    from sourdough.wire.sockets import Settings


class Roster:
    """The table of sockets; each is known by the number that was made for its request (W1)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ledger: str | None) -> None:
        """ledger: path of the file for the successor, if there is one."""
        self.by_number: dict[int, Socket] = {}
        """Those that have a client."""
        self.by_key: dict[bytes, dict[int, HeldSocket]] = {}
        """The hibernating ones of each object, until the object has heard of their end."""
        self.by_link: dict[Link, set[PlainSocket]] = {}
        """Those that live as long as a host."""
        self.settings = ObjectSettings()
        self.ledger = Ledger(loop, ledger, self._live)
        self._empty: asyncio.Event | None = None

    def held(self, number: int) -> HeldSocket | None:
        """Return the hibernating socket of a number that has a client."""
        socket = self.by_number.get(number)
        bound = socket.bound if socket is not None else None
        return bound if isinstance(bound, HeldSocket) else None

    def held_of(self, key: bytes) -> tuple[HeldSocket, ...]:
        """Return the hibernating sockets of an object."""
        return tuple(self.by_key.get(key, {}).values())

    async def emptied(self) -> None:
        """Wait until there is none, and objects have heard of the end of each."""
        self._empty = asyncio.Event()
        self._look()
        await self._empty.wait()

    # --- coming

    def hold(self, held: HeldSocket) -> None:
        """An object has a hibernating socket more."""
        known = self.by_key.get(held.key)
        if known is None:
            known = self.by_key[held.key] = {}
            settings = self.settings.socket_bound(held.key)
            if settings is not None:
                self.ledger.settings(settings)
        known[held.number] = held

    def attach(self, plain: PlainSocket) -> None:
        """A host has taken a socket for itself."""
        self.by_link.setdefault(plain.link, set()).add(plain)

    def put(self, settings: Settings) -> None:
        """An object sets something for all its sockets."""
        has_sockets = settings.key in self.by_key
        self.settings.put(settings, has_sockets=has_sockets)
        if has_sockets:
            self.ledger.settings(settings)

    # --- going

    def forget(self, socket: Socket) -> None:
        """The client is gone."""
        self.by_number.pop(socket.number, None)
        self._look()

    def forget_held(self, held: HeldSocket) -> None:
        """An object has heard of the end of a hibernating socket."""
        known = self.by_key.get(held.key)
        if known is None or known.pop(held.number, None) is None:
            return
        self.ledger.gone(held.number)
        if not known:
            del self.by_key[held.key]
            self.settings.forget(held.key)
            self._look()

    def forget_plain(self, plain: PlainSocket) -> None:
        """A host has heard of the end of a socket that it had taken."""
        known = self.by_link.get(plain.link)
        if known is not None:
            known.discard(plain)
            if not known:
                del self.by_link[plain.link]

    def _look(self) -> None:
        if self._empty is not None and not self.by_key and not self.by_number:
            self._empty.set()

    # --- the ledger

    def _live(self) -> Iterator[Record]:
        for key, known in self.by_key.items():
            settings = self.settings.of(key)
            if settings is not None:
                yield settings
            for held in known.values():
                yield Bound(held.to_held())
