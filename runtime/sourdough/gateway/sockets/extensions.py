"""Extensions of WebSocket (RFC 7692): permessage-deflate, with nothing kept between two messages.

A context kept for each direction of each socket would cost some 300 KB of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake, NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension

if TYPE_CHECKING:
    from websockets.extensions import Extension

_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    compress_settings={"memLevel": 5},
)


def negotiate(offers: bytes) -> tuple[str, list[Extension]]:
    """Return what the answer lists and what it means; ("", []) for offers without anything known."""
    if not offers:
        return "", []
    try:
        offered = parse_extension(offers.decode("latin-1"))
    except InvalidHandshake:
        return "", []
    for name, parameters in offered:
        if name != _DEFLATE.name:
            continue
        try:
            agreed, extension = _DEFLATE.process_request_params(parameters, [])
        except NegotiationError:
            continue
        return build_extension([(name, agreed)]), [extension]
    return "", []
