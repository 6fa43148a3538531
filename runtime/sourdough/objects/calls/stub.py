"""What reaches an object: `RemoteStub`, wherever it lives, and the path of names after a stub."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, Self

from sourdough.errors import CallTimeoutError
from sourdough.http import Headers, Request, Response
from sourdough.objects.calls.pending import Call

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from sourdough.clock import Timeout
    from sourdough.http.headers import HeadersInit
    from sourdough.ids import ObjectId

# How many names may follow each other (semantics 2.8).
MAX_PATH = 64


class Caller(Protocol):
    """Delivers what stubs send; the host implements it."""

    def new_order(self) -> Any:
        """Return what keeps the calls of a new stub in order; handed back with each of them.

        Its `taker`, where one is set, is given the events instead of the object under the key.
        """
        ...

    async def fetch(self, key: bytes, name: str | None, request: Request, order: Any) -> Response:
        """Send a request to the object under `key` (storage name + id)."""
        ...

    async def call(
        self,
        key: bytes,
        name: str | None,
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        order: Any,
    ) -> Any:
        """Call a method of the object under `key`."""
        ...

    async def read(self, key: bytes, name: str | None, path: str, order: Any) -> Any:
        """Read a property of the object under `key`."""
        ...

    def timeout(self, seconds: float) -> Timeout:
        """Return a limit of the time that the caller's clock shows."""
        ...


class Stub:
    """What can be called. Any attribute that is not its own is a method of the object,
    `await stub.increment(2)`, or a property, `await stub.title` (semantics 1.11, 2.3).
    """

    __slots__ = ("_caller", "_key", "_known", "_order", "_seconds")

    def __init__(self, caller: Caller, key: bytes, known: str | None) -> None:
        """known: the name of the object, where the caller knows it."""
        self._caller = caller
        self._order = caller.new_order()
        self._key = key
        self._known = known
        self._seconds: float | None = None

    def with_timeout(self, seconds: float) -> Self:
        """Return this stub with a limit for each call: then CallTimeoutError, a TimeoutError, is
        raised and the method is cancelled. The order of calls is that of this stub.
        """
        if not seconds > 0:
            raise ValueError(f"a timeout is a number of seconds above 0, not {seconds!r}")
        limited = copy(self)
        limited._seconds = seconds  # noqa: SLF001 (a stub like this one)
        return limited

    async def fetch(
        self,
        request: Request | str,
        *,
        method: str = "GET",
        headers: Headers | HeadersInit | None = None,
        body: Any = None,
    ) -> Response:
        """Send an HTTP request to the object: a Request, or a URL or path and its parts."""
        if isinstance(request, str):
            request = Request(request, method=method, headers=headers, body=body)
        sent = self._caller.fetch(self._key, self._known, request, self._order)
        if self._seconds is None:
            return await sent
        response: Response = await self._limited("fetch()", sent)
        return response

    def __getattr__(self, name: str) -> Path:
        if name.startswith("__"):
            raise AttributeError(name)
        return Path(self, name)

    # --- for Path

    def _call(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        call = self._caller.call(self._key, self._known, path, args, kwargs, self._order)
        return Call(call if self._seconds is None else self._limited(f"{path}()", call))

    def _read(self, path: str) -> Coroutine[Any, Any, Any]:
        read = self._caller.read(self._key, self._known, path, self._order)
        return read if self._seconds is None else self._limited(path, read)

    def _told(self) -> tuple[str, str]:
        """Return what people know the object by, and the id that errors name."""
        raise NotImplementedError

    async def _limited(self, what: str, call: Coroutine[Any, Any, Any]) -> Any:
        assert self._seconds is not None
        limit = self._caller.timeout(self._seconds)
        try:
            async with limit:
                return await call
        except TimeoutError as error:
            if not limit.expired() or isinstance(error, CallTimeoutError):
                raise
            label, text = self._told()
            told = CallTimeoutError(f"{what} of {label!r} took longer than {self._seconds:g} s")
            told.durable_object_id = text
            raise told from None


class RemoteStub(Stub):
    """Reaches one object; `id` and `name` are its own. Making a stub sends nothing (1.7). After a
    lost connection or a reset of the object a stub is broken for good: every later call raises the
    same error, a new stub works (2.11).
    """

    __slots__ = ("_storage_name", "id", "name")

    def __init__(self, caller: Caller, storage_name: str, object_id: ObjectId) -> None:
        super().__init__(caller, storage_name.encode() + object_id.raw, object_id.name)
        self._storage_name = storage_name
        self.id = object_id
        self.name = object_id.name

    def __repr__(self) -> str:
        return f"<RemoteStub {self.name or str(self.id)[:12]!r}>"

    def _told(self) -> tuple[str, str]:
        return self.name or str(self.id)[:12], str(self.id)


class Called(Protocol):
    """What a path begins at: a stub, or a reference to an `RpcTarget`."""

    def _call(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call: ...
    def _read(self, path: str) -> Coroutine[Any, Any, Any]: ...


class Path:
    """Names after a stub: calling it calls the method, awaiting it reads the property."""

    __slots__ = ("_begin", "_path")

    def __init__(self, begin: Called, path: str) -> None:
        self._begin = begin
        self._path = path

    def __call__(self, *args: Any, **kwargs: Any) -> Call:
        return self._begin._call(self._path, args, kwargs)  # noqa: SLF001 (two halves of one thing)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._begin._read(self._path).__await__()  # noqa: SLF001

    def __getattr__(self, name: str) -> Path:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self._path}.{name}"
        if path.count(".") >= MAX_PATH:
            raise ValueError(f"RPC pipelined property path is too deep (max {MAX_PATH}).")
        return Path(self._begin, path)

    def __repr__(self) -> str:
        return f"<{self._path} of {self._begin!r}>"
