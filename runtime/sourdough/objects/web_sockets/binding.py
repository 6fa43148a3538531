"""An answer of 101 leaves: the socket in it is bound to its client's gateway (invariant W1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.http import Response
from sourdough.objects.web_sockets.farewell import RESET, Farewell
from sourdough.objects.web_sockets.instance_sockets import InstanceSockets
from sourdough.objects.web_sockets.mirror import GatewayLine
from sourdough.sockets import RelayedWebSocket, WebSocket
from sourdough.sockets.bridge import Bridge
from sourdough.sockets.websocket import Use
from sourdough.wire import close_codes
from sourdough.wire.sockets import Bind, CloseSocket

if TYPE_CHECKING:
    from sourdough.http import Request
    from sourdough.objects.web_sockets.store import SocketStore

_ENDED = Farewell(close_codes.FAILED, "the object's end has ended before")

NO_UPGRADE = (
    "Tried to return a WebSocket in a response to a request which did not contain the header"
    ' "Upgrade: websocket".'
)


def across(response: Response, request: Request) -> Response:
    """Return a response with a socket as it goes to a caller in another host (`sockets.bridge`).

    Any other is returned as it is: a client's socket is bound when the response leaves, the end
    that a caller in this process gets is the response's own.
    """
    client = response.web_socket
    if request.socket or request.complete or not isinstance(client, WebSocket):
        return response
    if not request.wants_socket:
        raise TypeError(NO_UPGRADE)
    bridge = Bridge(client)
    bridge.listen(request.stream())
    return Response.received(
        status=response.status, block=response.header_block(), body=bridge.outgoing()
    )


def bind_answer(response: Response, request: Request, sockets: SocketStore) -> None:
    """Bind the socket of a response to the client that made the request; then it is only relayed.

    To be called where a response leaves, behind the output gate, if the request came from a client
    (or was passed on); does nothing for a response without a socket, or with one that was bound
    before. Raises TypeError where the client wants no WebSocket, or the socket was used already.
    """
    client = response.web_socket
    if not isinstance(client, WebSocket):
        return
    if not request.socket:
        peer = client.peer
        if peer is not None:
            peer.forsaken()
        raise TypeError(NO_UPGRADE)
    server = client.answer()
    response.web_socket = RelayedWebSocket()
    protocol = response.headers.get("sec-websocket-protocol") or ""
    owner = server.owner
    number, url = request.socket, request.url
    if not isinstance(owner, InstanceSockets):
        _bind_plain(server, number, url, protocol, sockets)
        return

    attachment = server.attachment

    def bind() -> None:
        if owner.container.broken:
            refuse()
        elif server.use is Use.HIBERNATES:
            if not owner.bind(server, number, url, protocol, attachment):
                refuse(_ENDED)
        else:
            _bind_plain(server, number, url, protocol, sockets)

    def refuse(farewell: Farewell = RESET) -> None:
        """The instance has ended, and whoever passes its answer on may not know: none is to wait."""
        sockets.tell(number, Bind(number, hibernates=False, url=url))
        sockets.tell(number, CloseSocket(number, *farewell))

    owner.when_durable(bind, refuse)


def _bind_plain(
    server: WebSocket, number: int, url: str, protocol: str, sockets: SocketStore
) -> None:
    owner = server.owner
    key = owner.key if isinstance(owner, InstanceSockets) else b""
    server.number, server.url, server.protocol = number, url, protocol
    sockets.tell(number, Bind(number, hibernates=False, key=key, url=url))
    if server.ready_state != WebSocket.CLOSED:
        sockets.plain[number] = server
        server.couple(GatewayLine(number, sockets))
    else:
        end = server.inbox.end
        sockets.tell(
            number, CloseSocket(number, *(RESET if end is None else (end.code, end.reason)))
        )
