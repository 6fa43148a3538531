"""What two sides of a call say to each other about what one has passed to the other by reference.

They travel on the stream of that call, as pieces of its two bodies: a u32 length and msgpack. Each
side numbers what it passes from 1 on; a number belongs to one call and one direction. `reference`
in a message is always a number of the side that passed the thing.

    holder --Invoke--> owner          a method, a property, the function itself
    owner --Returned | Raised--> holder
    holder --Cancel--> owner          nobody waits for that invocation any more
    holder --Pull--> owner            so many more bytes of an iterator's items may come
    owner --Item ... Ended | Raised--> holder
    holder --Release--> owner         it is not held any more, as far as it has come

The answer of the call itself is `Returned` or `Raised` for the invocation 0.
"""

from __future__ import annotations

import msgspec

from sourdough.errors import WireError

_LENGTH_BYTES = 4
# A value has at most 32 MiB (semantics 2.6).
_MAX_MESSAGE = 33 * 1024 * 1024

ANSWER = 0
"""The invocation that the stream itself is."""


class Spoken(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Root of these messages."""


class Invoke(Spoken, frozen=True, array_like=True, tag=1):
    """Call a method of a reference, or read a property of it; no path: call the thing itself."""

    number: int
    reference: int
    path: str
    reads: bool
    arguments: bytes
    chain: bytes = b""


class Returned(Spoken, frozen=True, array_like=True, tag=2):
    """The result of an invocation."""

    number: int
    value: bytes


class Raised(Spoken, frozen=True, array_like=True, tag=3):
    """The error of an invocation."""

    number: int
    error: bytes


class Cancel(Spoken, frozen=True, array_like=True, tag=4):
    """Whoever waited for an invocation was cancelled."""

    number: int


class Release(Spoken, frozen=True, array_like=True, tag=5):
    """A reference is not held any more. times: how often it had come by then; it may be on its way
    once more, and is the owner's to keep until that was released as well.
    """

    reference: int
    times: int = 1


class Pull(Spoken, frozen=True, array_like=True, tag=6):
    """The holder of an iterator takes items of `amount` more bytes."""

    reference: int
    amount: int


class Item(Spoken, frozen=True, array_like=True, tag=7):
    """The next item of an iterator."""

    reference: int
    value: bytes


class Ended(Spoken, frozen=True, array_like=True, tag=8):
    """An iterator has no more items, or raised `error`; the reference is gone."""

    reference: int
    error: bytes = b""


Message = Invoke | Returned | Raised | Cancel | Release | Pull | Item | Ended

_decoder = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Return the bytes of one message."""
    payload = msgspec.msgpack.encode(message)
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


class MessageReader:
    """Cuts a body into messages, however it is split."""

    __slots__ = ("_missing", "_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._missing = _LENGTH_BYTES

    def receive(self, data: bytes) -> list[Message]:
        """Return the messages that are complete with `data`. Raises WireError for no message."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._missing:
            return []  # a large message is put together once, not at each of its pieces
        data = b"".join(self._pieces)
        messages: list[Message] = []
        position = 0
        self._missing = _LENGTH_BYTES
        while len(data) - position >= _LENGTH_BYTES:
            start = position + _LENGTH_BYTES
            length = int.from_bytes(data[position:start], "big")
            if length > _MAX_MESSAGE:
                raise WireError(f"a message about references has {length} bytes")
            if len(data) - start < length:
                self._missing = _LENGTH_BYTES + length
                break
            messages.append(_decode(data[start : start + length]))
            position = start + length
        self._pieces = [data[position:]] if position < len(data) else []
        self._size = len(data) - position
        return messages


def _decode(payload: bytes) -> Message:
    try:
        message: Message = _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise WireError(f"a message about references cannot be read: {error}") from error
    return message
