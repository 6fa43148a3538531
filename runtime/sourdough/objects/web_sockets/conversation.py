"""What one instance says and hears on its WebSockets: the owner of those that it accepts.

`InstanceSockets` makes a whole `sockets.owner.Owner` of it. What it says passes the output gate in
one order; what it hears on a socket that does not hibernate enters through the input gate, as an
event of the object. Such a socket keeps the object in memory: for 15 minutes after the last message
(semantics 3.9, 7.1).
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from sourdough.errors import StorageError
from sourdough.objects.refusal import is_own_failure, of_storage, reset_error
from sourdough.objects.web_sockets.delivery import ListenerDelivery
from sourdough.objects.web_sockets.farewell import EVICTED, MOVED, RESET
from sourdough.objects.web_sockets.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sourdough.objects.container import Container
    from sourdough.objects.hold import Hold
    from sourdough.objects.web_sockets.delivery import SocketDelivery
    from sourdough.objects.web_sockets.farewell import Farewell
    from sourdough.objects.web_sockets.store import SocketStore
    from sourdough.sockets import WebSocket
    from sourdough.sockets.events import ListenerEvent


class Conversation:
    """Of one instance."""

    __slots__ = ("_hold", "_outbox", "_plain", "_unacknowledged", "container", "store")

    def __init__(self, container: Container, store: SocketStore) -> None:
        self.container = container
        self.store = store
        schedule = asyncio.get_running_loop().call_soon
        self._outbox = Outbox(container.database, schedule=schedule, failed=self._failed)
        self._plain: set[WebSocket] = set()
        self._hold: Hold | None = None
        self._unacknowledged: dict[SocketDelivery, bool] = {}
        """Whether the acknowledgement is on its way, behind what the handler has said."""

    # --- what it says

    def post(self, act: Callable[[], None]) -> None:
        """Do something outside, in order, when what was written so far is durable."""
        self._outbox.post(act)

    def when_durable(self, act: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Do something now, or when what was written so far is durable, whatever else waits.

        otherwise: done instead where it never will be durable.
        """
        database = self.container.database
        commit = database.flush()
        if not commit:
            act()
        else:
            database.when_durable(commit, lambda error: (otherwise if error else act)())

    def _failed(self, error: Exception) -> None:
        self.container.reset(reset_error(of_storage(error)))

    # --- what it hears

    def hear(
        self,
        listeners: tuple[Callable[[Any], Any], ...],
        news: ListenerEvent,
        heard: Callable[[], None],
    ) -> None:
        """Call listeners, in an event of the object."""
        if self.container.broken:
            heard()
            return
        started = asyncio.get_running_loop().time()
        version = self.store.version()
        event = ListenerDelivery(listeners, news, heard, version=version, started=started)
        self.container.deliver(event)

    def admitted(self) -> Awaitable[None] | None:
        """Return what a reader waits for: the end of critical sections that it is outside of."""
        container = self.container
        return None if container.database.hold is None else container.sections.admitted()

    def took(self, socket: WebSocket) -> None:
        """A socket begins that keeps the object in memory."""
        self._plain.add(socket)
        if self._hold is None:
            self._hold = self.container.keep("a WebSocket that cannot hibernate")

    def moved(self, socket: WebSocket) -> None:
        """Somebody is still there."""
        if self._hold is not None:
            self._hold.renew()

    def lost(self, socket: WebSocket) -> None:
        """A socket has ended that kept the object in memory."""
        self._plain.discard(socket)
        self.store.plain.pop(socket.number, None)
        if not self._plain and self._hold is not None:
            hold, self._hold = self._hold, None
            hold.release()

    # --- acknowledgements

    def acknowledge_soon(self, event: SocketDelivery) -> None:
        """Acknowledge an event when its handler, which runs next, suspends for the first time."""
        self._unacknowledged[event] = False
        asyncio.get_running_loop().call_soon(self.acknowledge, event)

    def acknowledge(self, event: SocketDelivery) -> None:
        """Acknowledge an event behind what was written and said by now; once."""
        if self._unacknowledged.get(event, True):
            return
        self._unacknowledged[event] = True
        try:
            at_once = not len(self._outbox) and not self.container.database.flush()
            if not at_once:
                self.post(partial(self._acknowledged, event))
        except StorageError:
            return  # the instance ends by it, which `broken` tells
        if at_once:
            self._acknowledged(event)

    def _acknowledged(self, event: SocketDelivery) -> None:
        self._unacknowledged.pop(event, None)
        event.reply.returned(b"")

    # --- the end

    def closed(self) -> None:
        """The instance has left memory, and all that it has written is durable."""
        self._outbox.finish()
        for event, on_its_way in list(self._unacknowledged.items()):
            if not on_its_way:
                self._unacknowledged[event] = True
                self._outbox.behind(partial(self._acknowledged, event))
        self._part(EVICTED)

    def broken(self, told: BaseException) -> None:
        """The instance is dead."""
        self._outbox.drop()
        unacknowledged, self._unacknowledged = self._unacknowledged, {}
        for event in unacknowledged:
            event.reply.failed(told)
        self._part(RESET if is_own_failure(told) else MOVED)

    def _part(self, farewell: Farewell) -> None:
        plain, self._plain = self._plain, set()
        for socket in plain:
            self.store.plain.pop(socket.number, None)
            socket.abandon(*farewell)
