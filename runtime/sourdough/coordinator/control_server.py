"""The server's end of the control socket: one task per client, bounded in number, size and time.

A client can hurt nobody but itself: nonsense, silence and a reader that does not read close its
own connection. A handler's error becomes a reply; the server goes on.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.coordinator.control import (
    LENGTH_BYTES,
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    PROTOCOL,
    Attach,
    Failed,
    Hello,
    Ok,
    body_length,
    decode_from_client,
    encode,
    refuse_protocol,
)
from sourdough.errors import SourdoughError, WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sourdough.coordinator.clients import Clients
    from sourdough.coordinator.control import Reply, Request

# People type commands: more than this many at once is a fault, not a load.
MAX_CLIENTS = 64
# A command writes its request at once and reads its answer at once.
PEER_SECONDS = 5.0


class ControlServer:
    """Listens on a Unix socket that only its owner may open, and answers through `handler`.

    path: lies in a folder of mode 0700 that the caller made and removes. handler: gives the reply
    to a request; what it raises is answered as a failure. version: told in the greeting.
    """

    def __init__(
        self,
        path: Path,
        handler: Callable[[Request], Awaitable[Reply]],
        *,
        version: str,
        peer_seconds: float = PEER_SECONDS,
        max_clients: int = MAX_CLIENTS,
        clients: Clients | None = None,
    ) -> None:
        self.path = path
        self._handler = handler
        self._hello = Hello(protocol=PROTOCOL, version=version)
        self._peer_seconds = peer_seconds
        self._max_clients = max_clients
        self._attached = clients
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the socket cannot be made."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self.path))
            # Nobody can connect before listen(), so the mode is right from the first client on.
            self.path.chmod(0o600)
            listener.setblocking(False)
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=MAX_REQUEST_BYTES
            )
        except BaseException:
            listener.close()
            raise

    async def close(self) -> None:
        """Stop listening and drop every client, also one whose request is being handled."""
        if self._server is None:
            return
        self._server.close()
        clients = tuple(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        with suppress(FileNotFoundError):
            self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        attached = 0 if self._attached is None else self._attached.number
        if task is None or len(self._clients) - attached >= self._max_clients:
            writer.transport.abort()
            return
        self._clients.add(task)
        try:
            await self._converse(reader, writer)
        except (WireError, OSError, EOFError, TimeoutError):
            # The peer broke the rules or left: its connection is all it loses.
            writer.transport.abort()
        except asyncio.CancelledError:
            # Ended here and not passed on: asyncio's own callback would log it as an error.
            writer.transport.abort()
        finally:
            self._clients.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs = await self._receive(reader)
        if not isinstance(theirs, Hello):
            raise WireError("the first control message is a greeting")
        refusal = refuse_protocol(theirs, self._hello)
        await self._send(writer, refusal or self._hello)
        while refusal is None:
            request = await self._receive(reader)
            if isinstance(request, Hello):
                raise WireError("one greeting is enough")
            reply = await self._answer(request)
            await self._send(writer, reply)
            if isinstance(request, Attach) and isinstance(reply, Ok) and self._attached is not None:
                await self._attached.serve(request.pid, reader, writer)
                return

    async def _answer(self, request: Request) -> Reply:
        try:
            return await self._handler(request)
        except SourdoughError as error:
            return Failed.of(error)
        except Exception as error:  # noqa: BLE001 (told to the one who asked; the server goes on)
            return Failed(message=f"The server failed to answer: {type(error).__name__}: {error}")

    async def _receive(self, reader: asyncio.StreamReader) -> Hello | Request:
        async with asyncio.timeout(self._peer_seconds):
            prefix = await reader.readexactly(LENGTH_BYTES)
            body = await reader.readexactly(body_length(prefix, MAX_REQUEST_BYTES))
        return decode_from_client(body)

    async def _send(self, writer: asyncio.StreamWriter, message: Hello | Reply) -> None:
        data = encode(message)
        if len(data) > MAX_REPLY_BYTES:
            data = encode(
                Failed(
                    message=f"The answer of {len(data)} bytes is too large.", hint="Ask for fewer."
                )
            )
        writer.write(data)
        async with asyncio.timeout(self._peer_seconds):
            await writer.drain()
