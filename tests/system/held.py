"""A request that runs in a host for as long as a test wants."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.client import Answer, Client
from tests.system.server import wait_until

if TYPE_CHECKING:
    from tests.system.server import RunningServer


class HeldRequest:
    """A request to a counter that has begun to run, and goes on after `let_go`.

    path: "/direct/NAME/held" over the object's route, "/via/NAME/held" through the entrypoint,
    "/chain/NAME/OTHER/DEPTH" for one whose first call is held.
    """

    def __init__(self, server: RunningServer, path: str = "/direct/a/held") -> None:
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self._url = server.url
        self._door = server.project / f"door{path.replace('/', '-')}"
        self._path = f"{path}?door={self._door}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert wait_until(Path(f"{self._door}.begun").exists, 10), self.error

    def _run(self) -> None:
        try:
            with Client(self._url, timeout=30) as client:
                self.answer = client.get(self._path)
        except Exception as error:  # noqa: BLE001 (handed to the test)
            self.error = error

    def let_go(self) -> None:
        self._door.touch()

    def join(self) -> Answer | None:
        """Wait for the end; return the answer if there was one."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.answer
