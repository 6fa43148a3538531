"""A gateway's file of hibernating sockets, for the next gateway of its number (invariant W4).

Sockets end with the process that holds them; their objects must hear of it. The file outlives
processes, not the loss of power: then the hosts are gone too, so nothing is synced. What changes in
one turn of the loop is one write. Mostly obsolete, the file is written anew beside itself and put
in its own place.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.gateway.sockets.ledger_records import (
    Attached,
    Bound,
    Gone,
    Noted,
    encode,
    encode_all,
    read,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from sourdough.gateway.sockets.ledger_records import Record
    from sourdough.wire.sockets import Held, Settings

log = logging.getLogger("sourdough.gateway")

_OBSOLETE_BYTES = 1024 * 1024


class Ledger:
    """The file, or nothing, where there is no successor that could read it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        path: str | None,
        live: Callable[[], Iterable[Record]],
    ) -> None:
        """live: returns what a new file would say."""
        self._loop = loop
        self._path = Path(path) if path is not None else None
        self._live = live
        self._file = -1
        self._size = 0
        self._base = 0
        self._pending: list[bytes] = []
        self._damaged = False

    def open(self) -> Noted:
        """Return what the last gateway has left; what is noted from now on goes behind it."""
        if self._path is None:
            return Noted()
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            log.warning("the WebSockets of the last gateway are not known: %s", error)
            data = b""
        # A damaged tail would hide what is written behind it, so the file is made anew.
        self._damaged = True
        return read(data)

    def bind(self, held: Held) -> None:
        """A socket hibernates; or more is known of it."""
        self._note(Bound(held))

    def attach(self, socket: int, attachment: bytes | None) -> None:
        """A socket's attachment is another now."""
        self._note(Attached(socket, attachment))

    def gone(self, socket: int) -> None:
        """A socket's end needs to be told to nobody."""
        self._note(Gone(socket))

    def settings(self, settings: Settings) -> None:
        """An object has set something for its sockets."""
        self._note(settings)

    def _note(self, record: Record) -> None:
        if self._path is None:
            return
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending.append(encode(record))

    def flush(self) -> None:
        """Write what was noted in this turn of the loop."""
        pending, self._pending = self._pending, []
        if not pending or self._damaged:
            return  # while it is damaged, `tend` writes all of it
        data = b"".join(pending)
        try:
            self._damaged = os.write(self._file, data) < len(data)
        except OSError as error:
            self._fail(error)
        self._size += len(data)

    def tend(self) -> None:
        """Write the file anew if that is needed; called once a second, and at the start."""
        if self._path is None:
            return
        if self._damaged or self._size > 2 * self._base + _OBSOLETE_BYTES:
            self._rewrite(self._path)

    def _rewrite(self, path: Path) -> None:
        beside = path.with_name(f"{path.name}.new")
        data = encode_all(self._live())
        try:
            beside.write_bytes(data)
            beside.replace(path)
            self.close()
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            self._fail(error)
            return
        self._pending = []  # part of what is live
        self._damaged = False
        self._size = self._base = len(data)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _fail(self, error: OSError) -> None:
        if not self._damaged:
            log.warning("WebSockets cannot be noted for the next gateway: %s", error)
        self._damaged = True
