"""The one thing all screens have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.observe.banner import Banner
    from sourdough.observe.records import AnyRecord
    from sourdough.observe.status import Snapshot


class Screen(Protocol):
    """Shows a server to whoever watches it. No method blocks on the terminal."""

    def start(self, snapshot: Callable[[], Snapshot]) -> None:
        """Begin to draw; `snapshot` is called from another thread, a few times a second."""
        ...

    def banner(self, banner: Banner) -> None:
        """Show what the server says about itself, once it serves."""
        ...

    def record(self, record: AnyRecord) -> None:
        """Show a record, in order; from any thread."""
        ...

    def stop(self) -> None:
        """Draw what is left, give the terminal back as it was, and end. May be called again."""
        ...
