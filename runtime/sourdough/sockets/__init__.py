"""WebSockets as user code sees them, whatever carries them."""

from __future__ import annotations

from sourdough.sockets.automatic import WebSocketRequestResponsePair
from sourdough.sockets.events import CloseEvent, ErrorEvent, MessageEvent
from sourdough.sockets.pair import WebSocketPair
from sourdough.sockets.relayed import RelayedWebSocket
from sourdough.sockets.websocket import WebSocket

__all__ = [
    "CloseEvent",
    "ErrorEvent",
    "MessageEvent",
    "RelayedWebSocket",
    "WebSocket",
    "WebSocketPair",
    "WebSocketRequestResponsePair",
]
