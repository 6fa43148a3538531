"""The payloads of HEAD frames: one packed struct, then the variable parts side by side.

    request: number u64, version u32, epoch u32, kind u8, flags u8, mount u16, lengths, then
             namespace, id (32 bytes for objects, none for the entrypoint), name, method, target,
             client, header block, body
    answer:  header block length u32, note length u16, then note, header block, body

namespace + id stand side by side because that slice is the key under which a host finds the
object. The header block stays raw until somebody asks for a header.
"""

from __future__ import annotations

import struct

from sourdough.errors import WireError
from sourdough.ids import ID_BYTES
from sourdough.wire.frames import MAX_PAYLOAD

_REQUEST = struct.Struct("!QIIBBHBBHHHI")
_ANSWER = struct.Struct("!IH")
_NO_NAME = 0xFFFF

SECURE = 1
"""Flag of a request: the client spoke https to a trusted proxy."""
READS = 2
"""Flag of a call: a property is read, nothing is called."""
CHAIN = 4
"""Flag of what a stub sends: behind the target stand a zero byte and the chain of calls."""

MAX_CHAIN_BYTES = 16 * 1024


class Kind:
    """What an event is. Plain numbers, as in `frames.Type`."""

    FETCH = 1  # an HTTP request to an object
    ENTRY = 2  # an HTTP request to the entrypoint
    CALL = 3  # a method call


class Address:
    """Who is meant, ready to be packed: made once for an object that is called often."""

    __slots__ = ("key", "name", "name_length", "namespace_length", "packed")

    def __init__(self, key: bytes, name: bytes | None) -> None:
        self.key = key
        self.name = name
        self.namespace_length = len(key) - ID_BYTES if key else 0
        self.name_length = _NO_NAME if name is None else len(name)
        self.packed = key + (name or b"")


def encode_request(
    fixed: tuple[int, int, int, int, int, int],
    address: Address,
    method: bytes,
    target: bytes,
    client: bytes,
    headers: bytes,
    body: bytes,
) -> bytes:
    """Return the payload of a request's HEAD frame.

    fixed: number, table version, epoch, kind, flags, mount. Raises ValueError for what cannot travel:
    the peer would drop the link for it, with everybody else's requests.
    """
    try:
        lengths = _REQUEST.pack(
            *fixed, address.namespace_length, len(client), address.name_length, len(method),
            len(target), len(headers),
        )  # fmt: skip
    except struct.error as error:
        raise ValueError("a part of the request is too long to be sent") from error
    payload = b"".join((lengths, address.packed, method, target, client, headers, body))
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"the request's head is too long to be sent: {len(payload)} bytes")
    return payload


class RequestHead:
    """What opens a stream: who is meant and what is asked."""

    __slots__ = (
        "body", "client", "epoch", "flags", "headers", "key", "kind", "method", "mount", "name",
        "number", "target", "version",
    )  # fmt: skip

    def __init__(
        self,
        *,
        kind: int,
        key: bytes,
        name: bytes | None,
        method: bytes,
        target: bytes = b"",
        client: bytes = b"",
        headers: bytes = b"",
        body: bytes = b"",
        flags: int = 0,
        number: int = 0,
        version: int = 0,
        epoch: int = 0,
        mount: int = 0,
    ) -> None:
        self.mount = mount
        """Bytes of the target that the route's pattern took before its final `/*`."""
        self.kind = kind
        self.key = key
        self.name = name
        self.method = method
        self.target = target
        self.client = client
        self.headers = headers
        self.body = body
        self.flags = flags
        self.number = number
        self.version = version
        self.epoch = epoch

    @property
    def namespace(self) -> str:
        """The storage name of the object's class."""
        return self.key[:-ID_BYTES].decode()

    @property
    def id(self) -> bytes:
        return self.key[-ID_BYTES:]

    def encode(self) -> bytes:
        """Return the payload of the HEAD frame, body inside."""
        return encode_request(
            (self.number, self.version, self.epoch, self.kind, self.flags, self.mount),
            Address(self.key, self.name),
            self.method,
            self.target,
            self.client,
            self.headers,
            self.body,
        )

    @classmethod
    def decode(cls, payload: bytes) -> RequestHead:
        """Read a payload. Raises WireError when it is cut short."""
        try:
            (
                number, version, epoch, kind, flags, mount, namespace, client, name, method, target,
                headers,
            ) = _REQUEST.unpack_from(payload)  # fmt: skip
        except struct.error as error:
            raise WireError("a request head is cut short") from error
        self = cls.__new__(cls)
        self.number, self.version, self.epoch = number, version, epoch
        self.kind, self.flags, self.mount = kind, flags, mount
        start = _REQUEST.size
        end = start if kind == Kind.ENTRY else start + namespace + ID_BYTES
        self.key = payload[start:end]
        if name == _NO_NAME:
            self.name = None
        else:
            self.name = payload[end : end + name]
            end += name
        start, end = end, end + method
        self.method = payload[start:end]
        start, end = end, end + target
        self.target = payload[start:end]
        start, end = end, end + client
        self.client = payload[start:end]
        start, end = end, end + headers
        self.headers = payload[start:end]
        if end > len(payload):
            raise WireError("a request head is cut short")
        self.body = payload[end:]
        return self


def encode_answer(block: bytes, body: bytes, note: bytes = b"") -> bytes:
    """Return the payload of an answer's HEAD frame. Raises ValueError for headers too long."""
    payload = _ANSWER.pack(len(block), len(note)) + note + block + body
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"the response's headers are too long to be sent: {len(block)} bytes")
    return payload


def decode_answer(payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (header block, body, note). Raises WireError when it is cut short."""
    if len(payload) < 6:
        raise WireError("an answer head is cut short")
    block, note = _ANSWER.unpack_from(payload)
    start = 6 + note
    end = start + block
    if end > len(payload):
        raise WireError("an answer head is cut short")
    return payload[start:end], payload[end:], payload[6:start]
