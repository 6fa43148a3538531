"""How what happens on a WebSocket is handled: by the handlers of the class, or by listeners."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any

from sourdough.errors import WebSocketError
from sourdough.objects.failure import start_at_user
from sourdough.objects.web_sockets.delivery import ListenerDelivery, SocketDelivery
from sourdough.sockets.limits import from_payload
from sourdough.sockets.owner import call_listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.container import Container
    from sourdough.objects.web_sockets.delivery import OfSocket
    from sourdough.sockets import WebSocket

log = logging.getLogger("sourdough.objects")


async def run_of_socket(container: Container, event: OfSocket) -> None:
    """Handle an event; an error of user code is logged, and ends nothing else."""
    if isinstance(event, SocketDelivery):
        await _deliver(container, event)
    elif isinstance(event, ListenerDelivery):
        try:
            for listener in event.listeners:
                await call_listener(listener, event.news)
        finally:
            event.heard()


async def _deliver(container: Container, event: SocketDelivery) -> None:
    event.begun = True
    sockets = container.sockets
    socket = sockets.socket(event.socket)
    if socket is None:  # it was closed with all others, by a reset
        event.reply.returned(b"")
        return
    if event.is_terminal:
        if not sockets.store.ends.hear(event.socket):
            event.reply.returned(b"")
            return
        socket.gone()
    handler = getattr(container.instance, event.method, None)
    sockets.acknowledge_soon(event)
    try:
        if handler is not None:
            await _run(container, event, handler, _arguments(socket, event))
    finally:
        if event.is_terminal:
            sockets.ended(socket)
        if not container.broken:
            sockets.acknowledge(event)


def _arguments(socket: WebSocket, event: SocketDelivery) -> tuple[Any, ...]:
    if event.kind == "message":
        return socket, from_payload(event.data, event.text)
    if event.kind == "close":
        return socket, event.code, event.reason, event.clean
    return socket, WebSocketError(event.error)


async def _run(
    container: Container, event: SocketDelivery, handler: Callable[..., Any], arguments: Any
) -> None:
    milliseconds = container.sockets.event_timeout
    limit = container.clock.timeout(None if milliseconds is None else milliseconds / 1000)
    try:
        async with limit:
            result = handler(*arguments)
            if inspect.isawaitable(result):
                await result
    except GeneratorExit:
        raise
    except BaseException as error:  # sys.exit() in a handler must not end the host
        if container.broken:
            raise
        if isinstance(error, TimeoutError) and limit.expired():
            log.warning(
                "%s of %s took longer than %d ms and was cancelled",
                event.what, container.label, milliseconds,
            )  # fmt: skip
        elif isinstance(error, asyncio.CancelledError):
            log.warning("%s of %s was cancelled", event.what, container.label)
        else:
            start_at_user(error)
            log.exception("%s of %s failed", event.what, container.label)
