"""The request that a handler gets, or makes to call another object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from sourdough.http.headers import TOKEN, Headers, HeadersInit
from sourdough.http.message import Message, to_body
from sourdough.http.signal import Signal

if TYPE_CHECKING:
    from sourdough.http.body import BodySource


# What stands for itself in a path, and percent signs: what is encoded already stays as it is.
_PATH_SAFE = "/%:@!$&'()*+,;=~-._[]"


class Query(Mapping[str, str]):
    """The query parameters: `query["a"]` is the first value of `a`, `get_all("a")` all."""

    __slots__ = ("_pairs",)

    def __init__(self, text: str) -> None:
        self._pairs = parse_qsl(text, keep_blank_values=True)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def __getitem__(self, name: str) -> str:
        for key, value in self._pairs:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def __repr__(self) -> str:
        return f"Query({self._pairs!r})"


class Request(Message):
    """An HTTP request.

    Made by user code it takes a full URL or a path: `Request("/increment", method="POST")`. Made
    from another request it is a copy, but for what is given: `Request(other, headers=...)`; the
    body moves to the copy.

    socket: the capability to accept the client's WebSocket, 0 where it wants none (invariant W1).
    A copy has it too.
    """

    __slots__ = (
        "_client", "_left", "_method", "_mount", "_number", "_secure", "_target", "socket",
    )  # fmt: skip

    def __init__(
        self,
        url: str | Request,
        *,
        method: str | None = None,
        headers: Headers | HeadersInit | None = None,
        body: Any = None,
    ) -> None:
        self.socket: int = 0
        if isinstance(url, Request):
            self._copy(url, headers, body)
            if method is not None:
                self._method = _checked_method(method)
            return
        parts = urlsplit(url)
        super().__init__(Headers(headers), b"", to_body(body))
        if parts.netloc:
            # What the object that gets it sees in its `url`: the URL decides, as in every client.
            self.headers["host"] = parts.netloc.rpartition("@")[2]
        target = quote(parts.path or "/", safe=_PATH_SAFE)
        if parts.query:
            target += "?" + quote(parts.query, safe=_PATH_SAFE + "?")
        self._method = _checked_method("GET" if method is None else method)
        self._target = target.encode()
        self._client = b""
        self._number = 0
        self._mount = 0
        self._left: bool | Signal = False
        self._secure = parts.scheme == "https"

    @classmethod
    def received(
        cls,
        method: bytes,
        target: bytes,
        client: bytes,
        block: bytes,
        body: BodySource,
        secure: bool,
        number: int,
        mount: int = 0,
        socket: int = 0,
    ) -> Request:
        """Build a request from what a link carried; nothing is decoded or parsed yet.

        mount: bytes of the target that the route's pattern took before its final `/*`.
        """
        self = cls.__new__(cls)
        self._headers = None
        self._block = block
        self._body = body
        self._body_used = False
        self._method = method
        self._target = target
        self._client = client
        self._number = number
        self._mount = mount
        self._left = False
        self._secure = secure
        self.socket = socket
        return self

    def _copy(self, other: Request, headers: Headers | HeadersInit | None, body: Any) -> None:
        given = other.headers if headers is None else headers
        super().__init__(Headers(given), b"", other.take_body() if body is None else to_body(body))
        if "host" not in self.headers:
            self.headers["host"] = other.host
        self._method = other._method
        self._target = other._target
        self._client = other._client
        self._number = other._number
        self._mount = other._mount
        self._secure = other._secure
        self._left = other.signal
        self.socket = other.socket

    @property
    def wants_socket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return (self.headers.get("upgrade") or "").lower() == "websocket"

    @property
    def method(self) -> str:
        """The method, upper case."""
        return self._method.decode("latin-1")

    @property
    def target(self) -> str:
        """Path and query as they were sent, still percent-encoded."""
        return self._target.decode("latin-1")

    @property
    def client(self) -> str:
        """The address of the client, "" where there is none."""
        return self._client.decode("latin-1")

    @property
    def id(self) -> str:
        """The request id, as it is in the log."""
        return f"{self._number:x}"

    @property
    def secure(self) -> bool:
        """Whether the client spoke https to a trusted proxy."""
        return self._secure

    @property
    def host(self) -> str:
        """The authority: the Host header, which the URL of a request made by user code sets."""
        return self.headers.get("host") or "localhost"

    @property
    def url(self) -> str:
        """The full URL, as it was sent."""
        scheme = "https" if self._secure else "http"
        return f"{scheme}://{self.host}{self.target}"

    @property
    def path(self) -> str:
        """The path, percent-decoded as UTF-8."""
        return unquote(self.raw_path)

    @property
    def raw_path(self) -> str:
        """The path as it was sent."""
        return self.target.partition("?")[0]

    @property
    def root_path(self) -> str:
        """The part of `path` that the route's pattern took before its final `/*`, "" without one.

        `/room/lobby` for the pattern `/room/{name}/*`: what an app that is mounted there skips.
        """
        return unquote(self._target[: self._mount].decode("latin-1"))

    @property
    def mount(self) -> int:
        """How many bytes of `target` are `root_path`."""
        return self._mount

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as bytes, names in lower case: what ASGI and WSGI take."""
        pairs = []
        for line in self.header_block().split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon:
                pairs.append((name.lower(), value.strip(b" \t")))
        return pairs

    @property
    def signal(self) -> Signal:
        """What says that whoever sent this request has gone: `signal.aborted`, `signal.wait()`."""
        if not isinstance(self._left, Signal):
            self._left = Signal(aborted=self._left)
        return self._left

    @property
    def left(self) -> bool:
        """Whether whoever sent this request has gone: nobody waits for the answer any more."""
        return self._left is True or (self._left is not False and self._left.aborted)

    def when_left(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, once, when whoever sent this request goes; now if it has."""
        self.signal.when_aborted(callback)

    def leave(self) -> None:
        """Whoever sent this request has gone; called by the host."""
        if isinstance(self._left, Signal):
            self._left.abort()
        else:
            self._left = True

    @property
    def query_string(self) -> str:
        """What follows the question mark, as it was sent."""
        return self.target.partition("?")[2]

    @property
    def query(self) -> Query:
        return Query(self.query_string)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.target}>"


def _checked_method(method: str) -> bytes:
    if not TOKEN.fullmatch(method):
        raise ValueError(f"not a method: {method!r}")
    return method.upper().encode()
