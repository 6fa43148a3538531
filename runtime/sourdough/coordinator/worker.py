"""One running child, host or gateway, as the supervisor keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sourdough.coordinator.figures import Figures
from sourdough.observe.status import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.coordinator.child import Child
    from sourdough.wire.messages import LoadFailed, Message


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """A child from its start to its end. role: "host", "gateway", or "client" for a process that
    was not started here, uses the hosts and owns nothing. index: the number of a gateway, else 0.
    """

    role: str
    serial: int
    index: int
    generation: int
    since: float
    """When it was started: wall clock, and monotonic."""
    since_monotonic: float
    path: str = ""
    """Where its links connect to."""
    gateway: int = 0
    """The number of the gateway that runs in it; 0: none, or it is not ready."""
    ledger: Path | None = None
    """What a gateway knows of its WebSockets, for its successor."""
    breadcrumb: Path | None = None
    child: Child | None = None
    state: State = State.STARTING
    figures: Figures = field(default_factory=Figures)
    silence: float = 0.0
    """Seconds without a heartbeat, counted over ticks that the coordinator itself kept (P6)."""
    asked: bool = False
    """Whether its end was asked for."""
    hung: bool = False
    """Whether it was ended because it did not answer."""
    blameless: bool = False
    """Whether its end was nobody's fault who ran in it: the disk failed."""
    load_failed: LoadFailed | None = None
    close: Callable[[], None] = lambda: None
    """Gives up what the coordinator holds for it: its listening socket and its files."""

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child is not None else None

    @property
    def is_host(self) -> bool:
        return self.role == "host"

    @property
    def is_client(self) -> bool:
        return self.role == "client"

    def send(self, message: Message) -> None:
        if self.child is not None:
            self.child.send(message)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
