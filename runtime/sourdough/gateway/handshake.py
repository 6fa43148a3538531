"""The request for a WebSocket on its way to a host, and the answer on its way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.edge import Failure
from sourdough.gateway.edge.exchange import SWITCHING
from sourdough.gateway.forward import Forward
from sourdough.wire.frames import END

if TYPE_CHECKING:
    from sourdough.gateway.edge import Exchange
    from sourdough.gateway.gateway import Gateway
    from sourdough.gateway.router import Destination
    from sourdough.gateway.sockets.socket import Socket
    from sourdough.gateway.sockets.sockets import Sockets
    from sourdough.wire.frames import ResetCode


class Handshake(Forward):
    """A request like any other until it is answered with 101; implements `sockets.socket.Request`."""

    __slots__ = ("_answer", "_socket", "_sockets")

    def __init__(
        self, gateway: Gateway, exchange: Exchange, destination: Destination, sockets: Sockets
    ) -> None:
        super().__init__(gateway, exchange, destination)
        self._sockets = sockets
        self._socket: Socket = sockets.ask(exchange, self)
        self._answer = b""

    # --- from the host

    def on_head(self, flags: int, status: int, payload: bytes) -> None:
        if status == SWITCHING:
            self._answer = payload
            self.close()
            self._gateway.answered(self._exchange.number)
            if not self._socket.answered():
                self._sockets.wait_for_bind(self._socket)
        else:
            self._socket.refused()
            super().on_head(flags, status, payload)

    def on_failed(self, code: ResetCode, sentence: str) -> None:
        self._socket.refused()
        super().on_failed(code, sentence)

    # --- from the edge

    def cancel(self) -> None:
        super().cancel()
        self._socket.refused()

    def timed_out(self, seconds: float) -> None:
        self._socket.refused()
        super().timed_out(seconds)

    # --- socket.Request

    def proceed(self) -> None:
        """Send the client the 101 that has come."""
        answer, self._answer = self._answer, b""
        super().on_head(END, SWITCHING, answer)

    def give_up(self, sentence: str) -> None:
        """Send the client an error instead."""
        super().cancel()
        self._exchange.on_fail(Failure(500, "bad_upgrade", f"The handshake failed: {sentence}."))
        self._socket.refused()
