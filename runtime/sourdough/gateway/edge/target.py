"""Request targets and hosts: the four forms of RFC 9112 section 3.2, and what a Host may be."""

from __future__ import annotations

import re

from sourdough.gateway.edge.failure import CONNECT_UNSUPPORTED, RefusedError, malformed

_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_HOST = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?",
)


def check_host(value: bytes) -> None:
    """Raise RefusedError when a Host is not a host with an optional port."""
    if not _HOST.fullmatch(value):
        raise RefusedError(malformed("its Host is not a host name"))


def resolve_target(method: bytes, raw: bytes) -> tuple[bytes, bytes | None]:
    """Return path and query as they were sent, and the authority where the target names one.

    The target of `OPTIONS *` stays as it is. Raises RefusedError for anything that names no resource
    of this server.
    """
    if method == b"CONNECT":
        raise RefusedError(CONNECT_UNSUPPORTED)
    if b"#" in raw:
        raise RefusedError(malformed("its target has a fragment"))
    if raw.startswith(b"/") or (raw == b"*" and method == b"OPTIONS"):
        return raw, None
    absolute = _ABSOLUTE.fullmatch(raw)
    if absolute is None or not absolute[1]:
        raise RefusedError(malformed("its target is neither a path nor an http URL"))
    authority, rest = absolute.groups()
    check_host(authority)
    # An absolute URL may have a query right after its authority; a path always begins with "/".
    return (rest if rest.startswith(b"/") else b"/" + rest), authority
