"""Clients' WebSockets: the gateway owns them, objects and entrypoints speak through them (W1-W5).

    request --Upgrade--> Socket --101 and Bind--> HeldSocket   its messages are events of an object
                           |                 `--> PlainSocket  its messages go to one host
                           `-- SocketConnection: the client's bytes, by RFC 6455

`Roster` knows all of them, `Instructions` are what hosts say about them, `Sockets` is what the gateway
needs of both; `EventQueue` and `Window` decide what may be
on its way; `Ledger` lets the next gateway tell objects of the sockets that ended with this one.
"""

from __future__ import annotations

from sourdough.gateway.sockets.sockets import Sockets

__all__ = ["Sockets"]
