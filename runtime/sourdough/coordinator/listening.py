"""The port: bound once, inherited by every gateway, never closed while the server runs."""

from __future__ import annotations

import errno
import socket

from sourdough.errors import StartError

# Clients that wait here while a gateway is replaced or has too many connections.
_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Bind the port. Raises StartError when it is taken or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise StartError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint=_hint(error, port),
        ) from error
    listening.setblocking(False)
    return listening


def _hint(error: OSError, port: int) -> str:
    if error.errno == errno.EACCES:
        return "ports below 1024 may be kept for root: `--port 8787` takes another one"
    if error.errno == errno.EADDRINUSE:
        return f"`--port {(port + 1) % 65536}` takes another port, `--port 0` any free one"
    return "`--host 127.0.0.1` listens on this machine alone, `--host 0.0.0.0` on all its addresses"


def url_of(host: str, listening: socket.socket) -> str:
    """Return the URL under which a bound port is reached."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"
