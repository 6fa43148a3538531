"""A request as ASGI describes it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sourdough.http import Request

# Of the specification. 2.3 and not 2.4: frameworks then listen for http.disconnect themselves and
# end an event stream as soon as its client leaves, not at its next chunk.
VERSIONS = {"version": "3.0", "spec_version": "2.3"}

_PORTS = {"http": 80, "https": 443}

Scope = dict[str, Any]


def http_scope(request: Request, *, state: Mapping[str, Any], extra: Mapping[str, Any]) -> Scope:
    """Return the scope of a request.

    state: copied, as each request has its own. extra: keys of ours beside those of ASGI.
    """
    scheme = "https" if request.secure else "http"
    return {
        "type": "http",
        "method": request.method,
        "scheme": scheme,
        **_common(request, scheme, state),
        **extra,
    }


def socket_scope(request: Request, *, state: Mapping[str, Any], extra: Mapping[str, Any]) -> Scope:
    """Return the scope of a request for a WebSocket; see `http_scope`."""
    offered = request.headers.get("sec-websocket-protocol") or ""
    return {
        "type": "websocket",
        "scheme": "wss" if request.secure else "ws",
        "subprotocols": [each.strip() for each in offered.split(",") if each.strip()],
        "extensions": {"websocket.http.response": {}},
        **_common(request, "https" if request.secure else "http", state),
        **extra,
    }


def _common(request: Request, scheme: str, state: Mapping[str, Any]) -> Scope:
    return {
        "asgi": VERSIONS,
        "http_version": "1.1",
        "path": request.path,
        "raw_path": request.raw_path.encode("latin-1"),
        "query_string": request.query_string.encode("latin-1"),
        "root_path": request.root_path,
        "headers": request.raw_headers,
        # The port of a client is not known here: the gateway holds its connection.
        "client": (request.client, 0) if request.client else None,
        "server": server_of(request.host, _PORTS[scheme]),
        "state": dict(state),
    }


def server_of(host: str, default: int) -> tuple[str, int]:
    """Return the address and the port that a Host header names."""
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and not name.endswith(":"):
        return name.strip("[]"), int(port)
    return host.strip("[]"), default
