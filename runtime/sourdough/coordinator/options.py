"""What a server is started with, after command line and configuration have been put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.config.model import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """One server. mode: "dev", "serve" or "library"; hosts: 0 runs everything in this process;
    drain_timeout: seconds; memory: `storage` is temporary and nothing is synced.
    """

    project: Project
    mode: str
    host: str
    port: int
    gateways: int
    hosts: int
    standby: bool
    drain_timeout: float
    storage: Path
    memory: bool = False

    @property
    def reloads(self) -> bool:
        return self.mode == "dev"

    @property
    def seats(self) -> int:
        return max(1, self.hosts)

    @property
    def inline(self) -> bool:
        return self.hosts == 0
