"""A coordinator as long as it lasts, as a program sees it: its own, or that of another process.

Ruling      this process has the folder's lock and runs the server (`library.ruling`)
Following   another process has; this one is attached over the control socket
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from sourdough.coordinator.control import WantedClass


class Reign(Protocol):
    """What a program can do with its coordinator."""

    ended: asyncio.Future[None]
    """Done when the coordinator is gone, with the reason where there is one."""

    async def register(self, classes: Sequence[WantedClass]) -> None:
        """Have the hosts run these classes too. Raises SourdoughError when they cannot."""

    def detach(self) -> None:
        """Let go of it without waiting; it has asked for that."""

    async def leave(self) -> None:
        """End it, as far as it is ours."""
