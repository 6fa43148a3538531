"""`ctx`: what an object knows of itself and may ask of the runtime."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from sourdough.errors import DurableObjectError
from sourdough.objects.facets.facets import Facets
from sourdough.sockets.limits import checked_event_timeout
from sourdough.sockets.websocket import tags_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from datetime import datetime

    from sourdough.ids import ObjectId
    from sourdough.objects.container import Container
    from sourdough.objects.web_sockets.restored import RestoredSocket
    from sourdough.sockets import WebSocket, WebSocketRequestResponsePair
    from sourdough.storage.storage import Storage

T = TypeVar("T")

NO_SOCKETS = "Facets currently cannot have hibernatable WebSockets."


class DurableObjectState:
    """The `ctx` of a Durable Object: its `id`, its `storage`, its `facets`.

    props: what a facet was given when it was started, plain data; None for any other object.
    """

    __slots__ = ("_container", "id", "props", "storage")

    def __init__(self, object_id: ObjectId, storage: Storage) -> None:
        self.id = object_id
        self.storage = storage
        self.props: Any = None
        self._container: Container | None = None

    def attach(self, container: Container) -> None:
        """Tell the state which container it belongs to; done once, before the constructor."""
        self._container = container

    @property
    def facets(self) -> Facets:
        """Objects inside this one, each with a database of its own (semantics 8.3)."""
        return Facets(self._owner().family)

    def wait_until(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background; the object stays in memory until it has ended."""
        self._owner().work.background(work)

    @overload
    def block_concurrency_while(self, section: Callable[[], Awaitable[T]]) -> Awaitable[T]: ...
    @overload
    def block_concurrency_while(self, section: Callable[[], T]) -> Awaitable[T]: ...
    def block_concurrency_while(self, section: Callable[[], Any]) -> Awaitable[Any]:
        """Run `section` while no other event may enter this object (semantics 4.3).

        Works from the constructor too, without `await`. If the section raises or takes more than
        30 s, the object is reset and its callers get the error. Raises TypeError for what is no
        function, a coroutine for example: nothing is reset then.
        """
        if not callable(section):
            if inspect.iscoroutine(section):
                section.close()
            raise TypeError(
                "block_concurrency_while() takes a function, and calls it itself,"
                f" not {type(section).__name__}"
            )
        return self._owner().sections.begin(section)

    def abort(self, reason: str | None = None, *, retry_alarm: bool = True) -> NoReturn:
        """Reset this object at once: what is not committed is lost, callers get `reason`.

        Nothing of the instance goes on: code that catches what this raises is cancelled wherever it
        waits next, and in the end cut off. retry_alarm: whether an alarm that runs is run again, as
        after any failure (semantics 6.12). Raises RuntimeError in a thread, and does nothing there.
        """
        loop = asyncio.get_running_loop()
        if not retry_alarm:
            self._owner().abandon_alarm()
        text = reason or "Application called abort() to reset Durable Object."
        self._owner().reset(DurableObjectError(text, remote=True, durable_object_reset=True))
        task = asyncio.current_task()
        if task is not None:  # which ends by itself, unless its code catches the exception
            loop.call_soon(task.cancel)
        raise asyncio.CancelledError(text)

    # --- WebSockets (semantics section 7)

    def accept_web_socket(self, web_socket: WebSocket, tags: Iterable[str] = ()) -> None:
        """Take one end of a `WebSocketPair`; the class's handlers hear what its client sends.

        The socket outlives the instance and its host. tags: up to 10, of up to 256 characters.
        Raises RuntimeError for an end that was used already, and above 32,768 sockets; ValueError
        for too many tags, or too long ones. Raises RuntimeError in a facet: gateways know objects.
        """
        owner = self._owner()
        if owner.depth > 1:
            raise RuntimeError(NO_SOCKETS)
        owner.sockets.accept(web_socket, tags)

    def get_web_sockets(self, tag: str | None = None) -> list[WebSocket]:
        """Return the sockets taken by `accept_web_socket`: all, newest first; or those with a tag,
        oldest first. A socket is among them until its close event has been handled.
        """
        return self._owner().sockets.all(tag)

    def get_tags(self, web_socket: WebSocket) -> list[str]:
        """Return the tags of a socket. Raises RuntimeError where it cannot have any."""
        return list(tags_of(web_socket))

    def broadcast(
        self,
        data: str | bytes | bytearray | memoryview,
        tag: str | None = None,
        exclude: Iterable[WebSocket] = (),
    ) -> None:
        """Send a message to all sockets taken by `accept_web_socket`, or to those with a tag.

        It is one message to each gateway, however many sockets there are. A crash in the middle of
        it may leave some without it (invariant W5).
        """
        self._owner().sockets.broadcast(data, tag, exclude)

    def set_web_socket_auto_response(
        self, pair: WebSocketRequestResponsePair | None = None
    ) -> None:
        """Have messages that are exactly `pair.request` answered without waking the object.

        For all its sockets; None for no automatic answer any more.
        """
        sockets = self._owner().sockets
        sockets.set(pair, sockets.event_timeout)

    def get_web_socket_auto_response(self) -> WebSocketRequestResponsePair | None:
        """Return what is answered automatically."""
        return self._owner().sockets.automatic

    def get_web_socket_auto_response_timestamp(self, web_socket: WebSocket) -> datetime | None:
        """Return when a socket's message was answered automatically for the last time, in UTC."""
        return self._owner().sockets.answered(web_socket)

    def set_hibernatable_web_socket_event_timeout(self, ms: int | None = None) -> None:
        """Cancel handlers of socket events that take longer; 0 or None for no limit.

        Raises ValueError above 604,800,000 ms, seven days.
        """
        sockets = self._owner().sockets
        sockets.set(sockets.automatic, checked_event_timeout(ms))

    def get_hibernatable_web_socket_event_timeout(self) -> int | None:
        """Return how many milliseconds the handler of a socket's event may take."""
        return self._owner().sockets.event_timeout

    @property
    def sockets_restored(self) -> tuple[RestoredSocket, ...]:
        """The sockets with a message that the instance before this one may or may not have handled.

        It was delivered when that instance's host ended, and is not delivered again (invariant W3).
        """
        return self._owner().sockets.restored

    def _owner(self) -> Container:
        if self._container is None:
            raise RuntimeError("this ctx belongs to no object")
        return self._container


class EntrypointContext:
    """The `ctx` of an entrypoint: background work that outlives the answer."""

    __slots__ = ("_tasks",)

    def __init__(self, tasks: set[asyncio.Task[Any]]) -> None:
        self._tasks = tasks

    def wait_until(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background, after the answer has left."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
