"""What stubs do: deliver a request or a method call to an object here or in another host.

An object of this host is reached without leaving the process; any other over the direct link to
its host. Either way nothing leaves before the commits that the caller has made are durable
(output gate, semantics 4.2.2).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.host.incoming import ERROR
from sourdough.host.local_body import LocalBody
from sourdough.host.local_reply import LocalReply, LocalUpgrade
from sourdough.host.order import Order
from sourdough.host.remote_call import Answered, RemoteCall
from sourdough.http import BodyReader, Request, Response
from sourdough.http.body import WatchedBody
from sourdough.http.response import UPGRADE
from sourdough.objects.calls.departure import calling_object, came_back, is_held, pass_gate
from sourdough.objects.calls.sending import encode_data_arguments
from sourdough.objects.calls.session import Session
from sourdough.objects.chain import chain_of_call, lead, pack
from sourdough.objects.event import Event, ReadEvent, current_event
from sourdough.objects.facets.key import told_id
from sourdough.objects.failure import decode_error
from sourdough.objects.owner import ObjectOwner
from sourdough.sockets import RelayedWebSocket
from sourdough.sockets.bridge import bridged_pair
from sourdough.values import REFERENCING, decode
from sourdough.wire.frames import INLINE_BODY
from sourdough.wire.heads import READS, SECURE, Kind, RequestHead

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.clock import Timeout
    from sourdough.host.host import Host
    from sourdough.http.body import BodySource
    from sourdough.objects.chain import Chain
    from sourdough.objects.container import Container
    from sourdough.transport.peers import Peers

_NO_ARGUMENTS: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})


class Calls:
    """The `Caller` behind every stub of this host."""

    def __init__(self, host: Host, peers: Peers) -> None:
        self._host = host
        self._peers = peers

    def new_order(self) -> Order:
        """Return the order of a new stub's calls."""
        return Order(self._peers)

    def timeout(self, seconds: float) -> Timeout:
        """Return a limit by this host's clock."""
        return self._peers.clock.timeout(seconds)

    async def fetch(self, key: bytes, name: str | None, request: Request, order: Order) -> Response:
        """Send a request to an object; see `objects.calls.stub.Caller`."""
        order.check()
        caller = current_event.get()
        chain = chain_of_call(caller)
        gate = pass_gate(order)
        if gate is not None:
            await gate
        body = _gated(request.take_body())
        try:
            while True:
                order.check()
                if order.taker is not None or (
                    order.idle and self._host.runs_here(key, self._version(caller))
                ):
                    response = await self._fetch_here(
                        key, name, request, body, order, caller, chain
                    )
                    return await came_back(caller, response)
                answer = await self._fetch_there(key, name, request, body, order, caller, chain)
                if answer is not None:
                    return await came_back(caller, answer)
        except Exception as error:
            _failed(error, key, order)
            await came_back(caller, error)
            raise

    async def call(
        self,
        key: bytes,
        name: str | None,
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        order: Order,
        flags: int = 0,
    ) -> Any:
        """Call a method of an object; see `objects.calls.stub.Caller`."""
        if order.broken is not None:
            order.check()
        caller = current_event.get()
        arguments = encode_data_arguments(args, kwargs)
        if arguments is not None:
            return await self._call(key, name, path, arguments, order, flags, caller, None)
        session = self.session(caller)
        arguments = session.encode_arguments(args, kwargs)
        try:
            return await self._call(key, name, path, arguments, order, flags, caller, session)
        finally:
            session.unheard()

    async def _call(
        self,
        key: bytes,
        name: str | None,
        path: str,
        arguments: bytes,
        order: Order,
        flags: int,
        caller: Event | None,
        session: Session | None,
    ) -> Any:
        chain = chain_of_call(caller)
        gate = pass_gate(order)
        if gate is not None:
            await gate
        try:
            while True:
                if order.broken is not None:
                    order.check()
                if order.taker is not None or (
                    order.idle and self._host.runs_here(key, self._version(caller))
                ):
                    result = await self._call_here(
                        key, name, path, arguments, flags, caller, session, chain, order
                    )
                    return await came_back(caller, result) if is_held(caller) else result
                call = self._call_there(
                    key, name, path, arguments, flags, caller, session, chain, order
                )
                answered = await _sent(call)
                if answered is not None:
                    result = await self._result(call, answered)
                    return await came_back(caller, result) if is_held(caller) else result
        except Exception as error:
            _failed(error, key, order)
            await came_back(caller, error)
            raise

    async def read(self, key: bytes, name: str | None, path: str, order: Order) -> Any:
        """Read a property of an object; see `objects.calls.stub.Caller`."""
        return await self.call(key, name, path, *_NO_ARGUMENTS, order, READS)

    def session(self, caller: Event | None) -> Session:
        """Return the caller's side of a new session: what it lends is run for that event."""
        if caller is not None and caller.container is not None:
            return Session(ObjectOwner(caller.container, caller), self)
        return self._host.contexts.session(caller, self)

    # --- in this process

    async def _fetch_here(
        self,
        key: bytes,
        name: str | None,
        request: Request,
        body: BodySource,
        order: Order,
        caller: Event | None,
        chain: Chain | None,
    ) -> Response:
        answer: asyncio.Future[Response | bytes] = asyncio.get_running_loop().create_future()
        number = 0 if caller is None else caller.number
        lent = None if isinstance(body, bytes) else LocalBody(body, answer)
        received = Request.received(
            request.method.encode(),
            request.target.encode("latin-1"),
            b"",
            request.header_block(),
            body if lent is None else lent.reader,
            request.secure,
            number,
            request.mount,
            request.socket,
        )
        answer.add_done_callback(lambda done: received.leave() if done.cancelled() else None)
        reply: LocalReply
        if received.socket:
            reply = LocalUpgrade(answer, self, caller, received, self._host.sockets.store)
        else:
            reply = LocalReply(answer, self, caller)
        version = self._version(caller)
        event = Event(reply, number, version, received, started=time.monotonic())
        self._deliver(key, name, event, chain, order)
        response = await answer
        assert isinstance(response, Response)
        return response

    async def _call_here(
        self,
        key: bytes,
        name: str | None,
        path: str,
        arguments: bytes,
        flags: int,
        caller: Event | None,
        session: Session | None,
        chain: Chain | None,
        order: Order,
    ) -> Any:
        answer: asyncio.Future[Response | bytes] = asyncio.get_running_loop().create_future()
        number = 0 if caller is None else caller.number
        reply = LocalReply(answer, self, caller, session)
        kind = ReadEvent if flags else Event
        event = kind(reply, number, self._version(caller), None, path, arguments, time.monotonic())
        self._deliver(key, name, event, chain, order)
        try:
            value = await answer
            assert isinstance(value, bytes)
            return reply.near.decode(value) if value.startswith(REFERENCING) else decode(value)
        except asyncio.CancelledError:
            event.cancel()
            reply.given_up()
            raise
        finally:
            reply.taken()

    def _deliver(
        self, key: bytes, name: str | None, event: Event, chain: Chain | None, order: Order
    ) -> None:
        if order.taker is not None:
            order.taker(event, chain)
            return
        if chain is not None:
            lead(event, chain, self._host.registry.get(key))
        self._host.registry.deliver(key, _encode_name(name), event)

    def _version(self, caller: Event | None) -> int:
        """Return the table version that an event made by `caller` inherits."""
        return self._peers.table.version if caller is None else caller.version

    # --- to another host

    async def _fetch_there(
        self,
        key: bytes,
        name: str | None,
        request: Request,
        body: BodySource,
        order: Order,
        caller: Event | None,
        chain: Chain | None,
    ) -> Response | None:
        bridged = bridged_pair() if request.wants_socket and not request.socket else None
        if bridged is not None:
            body = bridged[1].outgoing()
        head = RequestHead(
            kind=Kind.FETCH,
            key=key,
            name=_encode_name(name),
            method=request.method.encode(),
            target=request.target.encode("latin-1"),
            headers=request.header_block(),
            flags=SECURE if request.secure else 0,
            mount=request.mount,
            socket=request.socket,
        )
        answered = await _sent(self._prepared(head, body, order, caller, None, chain))
        if answered is None:
            return None
        response = await _response(answered)
        if bridged is not None and response.status == UPGRADE:
            response.web_socket, bridge = bridged
            bridge.listen(response.stream())
        return response

    def _call_there(
        self,
        key: bytes,
        name: str | None,
        path: str,
        arguments: bytes,
        flags: int,
        caller: Event | None,
        session: Session | None,
        chain: Chain | None,
        order: Order,
    ) -> RemoteCall:
        head = RequestHead(
            kind=Kind.CALL, key=key, name=_encode_name(name), method=path.encode(), flags=flags
        )
        return self._prepared(head, arguments, order, caller, session, chain)

    def _prepared(
        self,
        head: RequestHead,
        body: BodySource,
        order: Order,
        caller: Event | None,
        session: Session | None,
        chain: Chain | None,
    ) -> RemoteCall:
        head.number = 0 if caller is None else caller.number
        head.version = self._version(caller)
        head.chain = pack(chain)
        whole = isinstance(body, bytes) and len(body) <= INLINE_BODY
        if isinstance(body, bytes) and whole:
            head.body = body
        answer: asyncio.Future[Answered | None] = asyncio.get_running_loop().create_future()
        rest = None if whole else body
        return RemoteCall(
            head, answer, order, body=rest, calls=self, caller=caller, session=session
        )

    async def _result(self, call: RemoteCall, answered: Answered) -> Any:
        try:
            value = await _whole(answered.body)
            if answered.status == ERROR:
                raise decode_error(value)
            if not value.startswith(REFERENCING):
                return decode(value)
            return call.talking().session.decode(value)
        finally:
            call.taken()


async def _sent(call: RemoteCall) -> Answered | None:
    call.depart()
    try:
        return await call.answer
    except asyncio.CancelledError:
        call.cancel()
        raise


async def _response(answered: Answered) -> Response:
    if answered.status == ERROR:
        raise decode_error(await _whole(answered.body))
    body: BodySource
    if isinstance(answered.body, BodyReader):
        body = WatchedBody(answered.body, answered.cancel)
    else:
        body = answered.body
    response = Response.received(status=answered.status, block=answered.block, body=body)
    if answered.status == UPGRADE:
        response.web_socket = RelayedWebSocket()
    return response


def _failed(error: Exception, key: bytes, order: Order) -> None:
    """Note whose error it is; one that ends the connection to the instance breaks the stub."""
    called = told_id(key)
    if getattr(error, "durable_object_id", None) is None:
        error.durable_object_id = called  # type: ignore[attr-defined]
    # An error that the object merely passed on is not about the way to this object.
    if not isinstance(error, DurableObjectError) or error.durable_object_id != called:
        return
    if error.retryable or error.durable_object_reset:
        order.break_(error)


def _gated(body: BodySource) -> BodySource:
    """Return a request's body whose chunks pass the output gate of the object that sends it."""
    container = calling_object()
    if isinstance(body, bytes) or container is None:
        return body
    return _pass_chunks(body, container)


async def _pass_chunks(body: AsyncIterator[bytes], container: Container) -> AsyncIterator[bytes]:
    try:
        async for chunk in body:
            waiter = container.confirmed()
            if waiter is not None:
                await waiter
            yield chunk
    finally:
        # A generator of the user ends now, not when it is collected.
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


async def _whole(body: bytes | BodyReader) -> bytes:
    return body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])


def _encode_name(name: str | None) -> bytes | None:
    return None if name is None else name.encode()
