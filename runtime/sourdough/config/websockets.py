"""`[websockets]`: what clients may do with WebSockets, each key with its bounds and default."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sourdough.config.table import LONGEST, Table

_MIB = 1 << 20


class WebSockets(Table, frozen=True, kw_only=True):
    """What clients may do with WebSockets. Beyond a limit the socket is closed, with a code."""

    compression: Annotated[
        bool,
        Meta(
            description="Compress messages (permessage-deflate) for clients that offer it. "
            "Costs time and memory for each message."
        ),
    ] = False
    origins: Annotated[
        tuple[str, ...],
        Meta(
            description="Origins whose pages may open a WebSocket; others get 403. "
            "Empty: all may, and clients without an Origin too.",
            examples=[["https://chat.example"]],
        ),
    ] = ()
    message_bytes: Annotated[
        int,
        Meta(description="A message of a client; more closes with 1009.", ge=1, le=128 * _MIB),
    ] = 32 * _MIB
    buffer_bytes: Annotated[
        int,
        Meta(
            description="What may wait to be read by one client; more closes with 1013.",
            ge=64 * 1024,
            le=1 << 40,
        ),
    ] = 16 * _MIB
    idle_timeout: Annotated[
        float,
        Meta(
            description="Seconds without a byte from a client until it gets a ping; it is dropped "
            "when nothing comes for 20 more.",
            gt=0,
            le=LONGEST,
        ),
    ] = 60.0
    parked_bytes: Annotated[
        int,
        Meta(
            description="Messages of one gateway's clients that may wait for their objects; more "
            "closes with 1013.",
            ge=64 * 1024,
            le=1 << 40,
        ),
    ] = 64 * _MIB
