"""What requests and responses share: headers that are parsed when asked for, a body read once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sourdough.http.headers import Headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.http.body import BodySource


class BodyUsedError(RuntimeError):
    """The body was already read; a body can be read once."""


class Message:
    """A message with headers and a body."""

    __slots__ = ("_block", "_body", "_body_used", "_headers")

    def __init__(self, headers: Headers | None, block: bytes, body: BodySource) -> None:
        self._headers = headers
        self._block = block
        self._body = body
        self._body_used = False

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = Headers.from_block(self._block)
        return self._headers

    @property
    def headers_parsed(self) -> bool:
        """Whether somebody looked at the headers; if not, the block is as it was made."""
        return self._headers is not None

    def header_block(self) -> bytes:
        """Return the headers as they travel; parsed ones are written out again."""
        return self._block if self._headers is None else self._headers.to_block()

    @property
    def body_used(self) -> bool:
        return self._body_used

    @property
    def content_type(self) -> str:
        """The content type in lower case, "" where none is given."""
        return (self.headers.get("content-type") or "").lower()

    @property
    def complete(self) -> bool:
        """Whether the whole body is here, as bytes."""
        return isinstance(self._body, bytes)

    @property
    def buffered(self) -> int:
        """The bytes of the body that this message itself keeps: all of them, or none yet."""
        return len(self._body) if isinstance(self._body, bytes) else 0

    def take_body(self) -> BodySource:
        """Hand the body over: whole bytes, or an iterator of chunks. Raises BodyUsedError."""
        if self._body_used:
            raise BodyUsedError("the body has already been read")
        self._body_used = True
        return self._body

    def stream(self) -> AsyncIterator[bytes]:
        """Return the body in chunks as they arrive."""
        body = self.take_body()
        return _single(body) if isinstance(body, bytes) else body

    async def bytes(self) -> bytes:
        """Return the whole body. Raises BodyError when it is cut short."""
        body = self.take_body()
        if isinstance(body, bytes):
            return body
        return b"".join([chunk async for chunk in body])

    async def text(self) -> str:
        """Return the whole body as text, read as UTF-8; what is not becomes U+FFFD."""
        return (await self.bytes()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """Return the value that the body describes. Raises ValueError when it is not JSON."""
        return json.loads(await self.bytes())


async def _single(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def to_body(body: Any) -> BodySource:
    """Turn what users give as a body into what can be sent. Raises TypeError."""
    if isinstance(body, bytes):
        return body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if hasattr(body, "__aiter__"):
        return _checked(body)
    raise TypeError(
        f"a body is str, bytes, None or an async iterator of bytes, not {type(body).__name__}"
    )


async def _checked(chunks: Any) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            if isinstance(chunk, str):
                yield chunk.encode()
            elif isinstance(chunk, bytes | bytearray | memoryview):
                yield bytes(chunk)
            else:
                raise TypeError(f"a body's chunk is bytes or str, not {type(chunk).__name__}")
    finally:
        # An async generator of the user is closed with ours, so that its `finally` runs now.
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
