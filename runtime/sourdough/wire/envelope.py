"""A control message as it travels: a u32 length and MessagePack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sourdough.errors import WireError

if TYPE_CHECKING:
    from sourdough.wire.messages import Message

_LENGTH_BYTES = 4
# A heartbeat is 1 KB, an inspection of an object at the most a few MB.
_MAX_MESSAGE = 64 * 1024 * 1024

_encoder = msgspec.msgpack.Encoder()


def encode(message: Message) -> bytes:
    """Return a message as it travels."""
    data = _encoder.encode(message)
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


class MessageReader:
    """Cuts a stream of bytes into messages of one direction."""

    def __init__(self, types: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(types)
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[Any]:
        """Return the messages that are complete with `data`. Raises WireError."""
        self._buffer += data
        messages: list[Any] = []
        while len(self._buffer) >= _LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
            if length > _MAX_MESSAGE:
                raise WireError(f"a control message of {length} bytes is above the limit")
            end = _LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            try:
                messages.append(self._decoder.decode(self._buffer[_LENGTH_BYTES:end]))
            except msgspec.MsgspecError as error:
                raise WireError(f"a control message cannot be read: {error}") from error
            del self._buffer[:end]
        return messages
