"""The payloads of HEAD frames: MessagePack arrays, packed and read in C.

    request: the fields of `RequestHead`, in their order
    answer:  [header block, body, note]

A key is the namespace and the id side by side: under it a host finds the object. The header block
stays raw until somebody asks for a header.
"""

from __future__ import annotations

import msgspec

from sourdough.errors import WireError
from sourdough.ids import ID_BYTES
from sourdough.wire.frames import MAX_PAYLOAD

SECURE = 1
"""Flag of a request: the client spoke https to a trusted proxy."""
READS = 2
"""Flag of a call: a property is read, nothing is called."""
MAX_CHAIN_BYTES = 16 * 1024

_pack = msgspec.msgpack.Encoder().encode


class Kind:
    """What an event is. Plain numbers, as in `frames.Type`."""

    FETCH = 1  # an HTTP request to an object
    ENTRY = 2  # an HTTP request to the entrypoint
    CALL = 3  # a method call
    SOCKET = 4  # something happened on a hibernating WebSocket (`wire.sockets.SocketEvent`)


# `gc=False`: no field can be part of a cycle.
class RequestHead(msgspec.Struct, array_like=True, gc=False):
    """What opens a stream: who is meant and what is asked."""

    kind: int
    key: bytes
    """Storage name of the class, then the 32 bytes of the id; empty for the entrypoint."""
    name: bytes | None
    method: bytes
    target: bytes = b""
    client: bytes = b""
    headers: bytes = b""
    body: bytes = b""
    flags: int = 0
    number: int = 0
    version: int = 0
    """Of the table when its root began."""
    epoch: int = 0
    """Of the owner it is meant for."""
    mount: int = 0
    """Bytes of the target that the route's pattern took before its final `/*`."""
    socket: int = 0
    """The client wants a WebSocket: the capability to accept it (invariant W1); 0: it does not."""
    chain: bytes = b""
    """The calls that led to it, as `objects.chain` packs them; empty where no section waits."""

    @property
    def namespace(self) -> str:
        """The storage name of the object's class."""
        return self.key[:-ID_BYTES].decode()

    @property
    def id(self) -> bytes:
        return self.key[-ID_BYTES:]

    def encode(self) -> bytes:
        """Return the payload of the HEAD frame, body inside.

        Raises ValueError for what cannot travel: the peer would drop the link for it, with
        everybody else's requests.
        """
        payload = _pack(self)
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"the request's head is too long to be sent: {len(payload)} bytes")
        return payload

    @staticmethod
    def decode(payload: bytes) -> RequestHead:
        """Read a payload. Raises WireError for nonsense."""
        try:
            return _unpack_request(payload)
        except msgspec.MsgspecError as error:
            raise WireError(f"a request head cannot be read: {error}") from error


_unpack_request = msgspec.msgpack.Decoder(RequestHead).decode
_unpack_answer = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes]).decode


def encode_answer(block: bytes, body: bytes, note: bytes = b"") -> bytes:
    """Return the payload of an answer's HEAD frame. Raises ValueError for headers too long."""
    payload = _pack((block, body, note))
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"the response's headers are too long to be sent: {len(block)} bytes")
    return payload


def decode_answer(payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (header block, body, note). Raises WireError for nonsense."""
    try:
        return _unpack_answer(payload)
    except msgspec.MsgspecError as error:
        raise WireError(f"an answer head cannot be read: {error}") from error
