"""What the processes of hosts and gateways have in common: how they are started and how they end.

A child is started with inherited descriptors only: one end of its control channel, one listening
socket, and the folder lock, which it holds and never touches (invariant P4). The first message on
the channel is `Setup`.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import resource
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.transport.channel import SocketChannel
from sourdough.transport.lifeline import tie_to_parent
from sourdough.wire.messages import Message, Setup, ToChild

if TYPE_CHECKING:
    from collections.abc import Callable

# What an orphan may use to flush; the kernel's alarm follows (transport.lifeline).
ORPHAN_SECONDS = 0.8


# What terminals and service managers send to all of us.
_DEAF_TO = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptors:
    """What a child inherits."""

    control: int
    listen: int
    lock: int
    """The folder lock: held by being open, free when the last process of the server is gone."""
    parent: int

    @property
    def all(self) -> tuple[int, int, int]:
        return self.control, self.listen, self.lock


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as the system lets it have; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft  # macOS says "unlimited" and means a smaller number
    return hard


def settle(inherited: Descriptors) -> None:
    """Make this process a child of its coordinator; done before any user code is imported.

    Signals of the terminal and of service managers go to whole groups; it is the coordinator that
    answers them, by draining its children (invariant P7).
    """
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    for number in _DEAF_TO:
        # Not SIG_IGN: programs that user code starts would inherit it, and never be terminated.
        signal.signal(number, lambda _number, _frame: None)
    tie_to_parent(inherited.parent)
    faulthandler.enable()
    # The coordinator asks a process that no longer answers for its stacks before it ends it.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    raise_descriptor_limit()
    # A core dump of a host takes seconds, in which its parent cannot reap it (invariant P10).
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for descriptor in inherited.all:
        os.set_inheritable(descriptor, False)
    os.register_at_fork(after_in_child=lambda: _let_go_in_fork(inherited))


def _let_go_in_fork(inherited: Descriptors) -> None:
    """A process that user code forks is none of ours.

    It keeps neither our sockets open nor the folder locked (invariants P3, P4), and signals end it.
    """
    for descriptor in inherited.all:
        try:
            os.close(descriptor)
        except OSError:  # it was closed in the parent as well
            continue
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_DFL)


class ControlledProcess:
    """A child's control channel: waits for `Setup`, then hands messages to `receive`."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.orphaned = False
        self.receive: Callable[[Message], None] | None = None
        self._early: list[Message] = []
        self._setup: asyncio.Future[Setup] = asyncio.get_running_loop().create_future()
        self.channel: SocketChannel

    async def open(self, descriptor: int) -> Setup:
        """Open the channel; return the coordinator's first message."""
        sock = socket.socket(fileno=descriptor)
        self.channel = await SocketChannel.open(sock, ToChild, self._receive, self._closed)
        return await self._setup

    def listen(self, receive: Callable[[Message], None]) -> None:
        """From now on messages go to `receive`, those that came early first."""
        self.receive = receive
        for message in self._early:
            receive(message)
        self._early.clear()

    def _receive(self, message: Message) -> None:
        if isinstance(message, Setup) and not self._setup.done():
            self._setup.set_result(message)
        elif self.receive is None:
            self._early.append(message)
        else:
            self.receive(message)

    def _closed(self) -> None:
        self.orphaned = True
        self.ended.set()
        if not self._setup.done():
            self._setup.cancel()


async def connect_unix(path: str, factory: Callable[[], asyncio.Protocol]) -> object:
    """Connect a protocol to a Unix socket: `transport.peers.Connect` between processes."""
    return await asyncio.get_running_loop().create_unix_connection(factory, path)
