"""A command's end of the control socket: a plain blocking socket with one deadline.

Commands answer within 200 ms, so nothing here imports an event loop.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sourdough.coordinator.control import (
    LENGTH_BYTES,
    MAX_REPLY_BYTES,
    PROTOCOL,
    ControlError,
    Failed,
    Hello,
    Ok,
    body_length,
    decode_from_server,
    encode,
)
from sourdough.errors import SourdoughError, WireError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sourdough.coordinator.control import Reply, Request

DEADLINE_SECONDS = 10.0

Answer = TypeVar("Answer")


class ControlClient:
    """A connection to a running server, greeted. Made by `connect`; close it, or use `with`."""

    def __init__(self, connection: socket.socket, path: str, deadline: float) -> None:
        self._socket = connection
        self._path = path
        self._deadline = deadline

    @classmethod
    def connect(
        cls, path: str, *, version: str, seconds: float = DEADLINE_SECONDS
    ) -> ControlClient | None:
        """Connect and greet; None when no server listens on the path.

        seconds: for the whole life of the client. Raises ControlError when the server is of
        another protocol, SourdoughError when it does not answer in time or breaks off.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client = cls(connection, path, time.monotonic() + seconds)
        try:
            connection.settimeout(seconds)
            connection.connect(path)
            client._greet(version)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except OSError as error:
            connection.close()
            raise SourdoughError(
                f"The control socket {path} cannot be opened: {error.strerror or error}."
            ) from error
        except BaseException:
            connection.close()
            raise
        return client

    def ask(self, request: Request, answer: type[Answer]) -> Answer:
        """Send a request and return its answer. Raises as `connect` does."""
        reply = self._exchange(request)
        if isinstance(reply, Hello):
            raise self._broken("greeted twice")
        try:
            return msgspec.msgpack.decode(_payload(reply), type=answer)
        except msgspec.MsgspecError as error:
            raise self._broken(f"sent another answer than this version knows ({error})") from error

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _greet(self, version: str) -> None:
        reply = self._exchange(Hello(protocol=PROTOCOL, version=version))
        if not isinstance(reply, Hello):
            _payload(reply)
            raise self._broken("did not greet")

    def _exchange(self, message: Hello | Request) -> Hello | Reply:
        try:
            self._wait_no_longer_than_allowed()
            self._socket.sendall(encode(message))
            length = body_length(self._read(LENGTH_BYTES), MAX_REPLY_BYTES)
            return decode_from_server(self._read(length))
        except TimeoutError as error:
            raise self._broken("did not answer in time") from error
        except (OSError, EOFError) as error:
            raise self._broken("broke off the conversation") from error
        except WireError as error:
            raise self._broken(f"is not understood ({error.message})") from error

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait_no_longer_than_allowed()
            chunk = self._socket.recv(min(size - len(data), 1 << 20))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _wait_no_longer_than_allowed(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _broken(self, what: str) -> SourdoughError:
        return SourdoughError(
            f"The server behind {self._path} {what}.",
            hint="`sourdough status` shows whether it is well.",
        )


def _payload(reply: Reply) -> msgspec.Raw:
    match reply:
        case Ok(payload=payload):
            return payload
        case Failed():
            raise ControlError(reply)
