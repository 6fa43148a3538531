"""A session over a stream: messages about references as pieces of the call's two bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.wire.references import ANSWER, Message, MessageReader, Raised, Returned, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.calls.session import Session
    from sourdough.transport.stream import Stream


class Talk:
    """One side's end of it; the stream's owner hands on what arrives."""

    __slots__ = ("_on_answer", "_reader", "_stream", "session")

    def __init__(
        self,
        stream: Stream,
        session: Session,
        on_answer: Callable[[Returned | Raised], None] | None = None,
    ) -> None:
        """on_answer: takes the answer of the call itself, on the side that waits for it."""
        self._stream = stream
        self._on_answer = on_answer
        self._reader = MessageReader()
        self.session = session
        session.attach(self.post)

    def post(self, message: Message) -> None:
        """Send a message. What it may take is bounded by those who send: see `objects.calls.session`."""
        self._stream.send_body(encode(message), end=False)

    def receive(self, chunk: bytes) -> None:
        """Take a piece of the body. Raises WireError for what is no message."""
        self._stream.consumed(len(chunk))
        for message in self._reader.receive(chunk):
            if isinstance(message, Returned | Raised) and message.number == ANSWER:
                if self._on_answer is not None:
                    self._on_answer(message)
            else:
                self.session.receive(message)
