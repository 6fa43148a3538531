"""A request or a call that a stub of this host has sent to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.errors import DurableObjectError
from sourdough.host.incoming import ERROR, OK
from sourdough.host.order import Order, OrderedCall
from sourdough.host.talk import Talk
from sourdough.host.upload import Upload
from sourdough.http import BodyError, BodyReader
from sourdough.placement import slot_of_key
from sourdough.wire.frames import END, ResetCode
from sourdough.wire.heads import Kind, RequestHead, decode_answer
from sourdough.wire.references import Raised, Returned

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sourdough.host.calls import Calls
    from sourdough.http.body import BodySource
    from sourdough.objects.calls.session import Session
    from sourdough.objects.event import Event


class Answered:
    """An answer as it came: status, header block, body (whole or still arriving).

    cancel: tells the other host that nobody wants the rest of the body.
    """

    __slots__ = ("block", "body", "cancel", "status")

    def __init__(
        self,
        status: int,
        block: bytes,
        body: bytes | BodyReader,
        cancel: Callable[[], None],
    ) -> None:
        self.status = status
        self.block = block
        self.body = body
        self.cancel = cancel


class RemoteCall(OrderedCall):
    """An event sent to another host by a stub of this one."""

    __slots__ = ("_body", "_caller", "_calls", "_head", "_order", "_talk", "_upload", "answer")

    def __init__(
        self,
        head: RequestHead,
        answer: asyncio.Future[Answered | None],
        order: Order,
        *,
        body: BodySource | None,
        calls: Calls,
        caller: Event | None,
        session: Session | None,
    ) -> None:
        """caller: the event that calls. session: of what it lends with the arguments."""
        super().__init__(slot_of_key(head.key), body is not None, head.version)
        self._head = head
        self._order = order
        self.answer = answer
        self._upload = None if body is None else Upload(self, body, self._body_failed)
        self._body: BodyReader | None = None
        self._calls = calls
        self._caller = caller
        self._talk = None if session is None else Talk(self, session, self._answered)

    def depart(self) -> None:
        """Go, when it is this call's turn among those of its stub (invariant D4)."""
        self._order.send(self)

    def on_reset(self, code: int, sentence: str) -> None:
        if code == ResetCode.NOT_OWNER:
            self._order.refused(self)
        else:
            super().on_reset(code, sentence)

    def on_lost(self, delivered: bool) -> None:
        if not delivered and self._order.broken is not None:
            self.broken(self._order.broken)  # what was sent before it is lost
        else:
            super().on_lost(delivered)

    def cancel(self) -> None:
        super().cancel()
        self._order.answered(self)
        self._end_session("the call was cancelled")

    def encode(self) -> bytes:
        self._head.version, self._head.epoch = self.version, self.epoch
        return self._head.encode()

    def on_granted(self, amount: int) -> None:
        if self._upload is not None:
            self._upload.start()

    def on_writable(self) -> None:
        if self._upload is not None:
            self._upload.writable()

    def close(self) -> None:
        super().close()
        if self._upload is not None:
            self._upload.stop()

    def on_head(self, flags: int, status: int, payload: bytes) -> None:
        block, body, _ = decode_answer(payload)
        self._order.answered(self)
        if self.answer.done():  # the caller was cancelled
            self.reset(ResetCode.CANCELLED)
        elif flags & END:
            self.close()
            self.answer.set_result(Answered(status, block, body, self.cancel))
        else:
            self._body = BodyReader(self.consumed)
            self.answer.set_result(Answered(status, block, self._body, self.cancel))

    def on_body(self, chunk: bytes, end: bool) -> None:
        if self._body is None and self._head.kind == Kind.CALL:
            self.talking().receive(chunk)
            return
        if self._body is not None:
            self._body.feed(chunk, end)
        if end:
            self.close()

    def _body_failed(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def on_failed(self, code: ResetCode, sentence: str) -> None:
        error = call_error(code, sentence)
        error.durable_object_id = self._head.id.hex()  # type: ignore[attr-defined]
        if isinstance(error, DurableObjectError) and error.retryable:
            self._order.break_(error)
        self._order.answered(self)
        if self._upload is not None:
            self._upload.stop()
        if self._body is not None:
            self._body.fail(sentence)
        elif not self.answer.done():
            self.answer.set_exception(error)
        self._end_session(error)

    def broken(self, error: BaseException) -> None:
        """The stub is broken; this was not delivered, and will not be (semantics 2.11)."""
        super().cancel()
        if self._upload is not None:
            self._upload.stop()
        if not self.answer.done():
            self.answer.set_exception(error)
        self._end_session(error)

    def became_local(self) -> None:
        """The object's seat is now ours: the caller goes on inside this process."""
        self._order.answered(self)
        if not self.answer.done():
            self.answer.set_result(None)

    # --- a session

    def talking(self) -> Talk:
        """Return its session on the stream, made when it is first needed."""
        if self._talk is None:
            self._talk = Talk(self, self._calls.session(self._caller), self._answered)
        return self._talk

    def _answered(self, message: Returned | Raised) -> None:
        self._order.answered(self)
        if self.answer.done():
            return
        if isinstance(message, Returned):
            self.answer.set_result(Answered(OK, b"", message.value, self.cancel))
        else:
            self.answer.set_result(Answered(ERROR, b"", message.error, self.cancel))

    def taken(self) -> None:
        """The caller has decoded the answer: the stream stays for as long as anything is held."""
        if self._talk is None:
            return
        if self.link is None:
            self._end_session("the call has ended")
        else:
            self._talk.session.on_idle = self._let_go
            self._talk.session.settle()

    def _let_go(self) -> None:
        self.reset(ResetCode.CANCELLED)
        self._end_session("nothing was held any more")

    def _end_session(self, why: str | BaseException) -> None:
        if self._talk is not None:
            error = why if isinstance(why, BaseException) else DurableObjectError(why)
            self._talk.session.end(error)


def call_error(code: ResetCode, sentence: str) -> Exception:
    """Return what a caller is told of an event that got no answer."""
    if code == ResetCode.OVERLOADED:
        return DurableObjectError(sentence, overloaded=True)
    if code == ResetCode.FAILED:
        return BodyError(sentence)
    return DurableObjectError(f"Network connection lost. ({sentence})", retryable=True)
