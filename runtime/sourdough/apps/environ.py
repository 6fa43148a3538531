"""A request as WSGI describes it (PEP 3333)."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from sourdough.apps.scope import server_of
from sourdough.apps.threads import call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.http import Request
    from sourdough.http.body import BodySource

_PORTS = {"http": 80, "https": 443}
_OWN_KEYS = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}

Environ = dict[str, Any]


def environ_of(request: Request, *, extra: Environ) -> Environ:
    """Return the environ of a request; its body is handed over. extra: keys of ours beside it."""
    scheme = "https" if request.secure else "http"
    server, port = server_of(request.host, _PORTS[scheme])
    root = request.root_path
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": _native(root),
        "PATH_INFO": _native(request.path[len(root) :]),
        "QUERY_STRING": request.query_string,
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": _input(request.take_body()),
        # The body ends where it ends, also when no length was declared.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **_headers(request),
        **extra,
    }


def _headers(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.raw_headers:
        if b"_" in name:
            continue  # it would be taken for the header with a hyphen in its place
        key = _OWN_KEYS.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _native(text: str) -> str:
    """Return text in the form of PEP 3333: its bytes in UTF-8, each as one character."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _input(body: BodySource) -> io.BufferedIOBase:
    return io.BytesIO(body) if isinstance(body, bytes) else io.BufferedReader(BodyFile(body))


class BodyFile(io.RawIOBase):
    """A request's body as a file, whose reads wait for what arrives."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, waiting for the next piece. Raises BodyError when it is cut short."""
        while not self._rest:
            piece = call(lambda: anext(self._body, None))
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
