"""The lifespan of an ASGI app: one task that starts it up, waits, and shuts it down.

    startup -> running -> shutdown
        \\--> unsupported: the app ended, or raised without saying that its startup failed

An app need not know of lifespans; one that says that its startup failed has failed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sourdough.apps.answer import AppError
from sourdough.apps.scope import VERSIONS

if TYPE_CHECKING:
    from sourdough.apps.asgi import AsgiApp, Message

log = logging.getLogger("sourdough.apps")

# What an app gets to shut down; what an object holds is handed over behind it.
SHUTDOWN_SECONDS = 5.0
# What an app that said that its startup failed gets to raise the reason.
_REASON_SECONDS = 1.0


class Lifespan:
    """The lifespan of one app for one instance."""

    __slots__ = ("_app", "_shutdown", "_started", "_stopped", "_task", "state")

    def __init__(self, app: AsgiApp, state: dict[str, Any]) -> None:
        """state: `scope["state"]`, to which the app may add; each request gets a copy."""
        self._app = app
        self.state = state
        loop = asyncio.get_running_loop()
        self._started: asyncio.Future[str | None] = loop.create_future()
        self._stopped: asyncio.Future[str | None] = loop.create_future()
        self._shutdown: asyncio.Event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Start the app up. Raises what it raised, or AppError with what it said."""
        scope = {"type": "lifespan", "asgi": VERSIONS, "state": self.state}
        # Not by the loop: its factory would take the task for work that keeps an object in memory.
        self._task = asyncio.Task(self._run(scope), loop=asyncio.get_running_loop())
        waited: list[asyncio.Future[Any]] = [self._task, self._started]
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if not self._started.done():
            self._unsupported(self._task)
            return
        failure = self._started.result()
        if failure is not None:
            raise await self._reason(self._task, failure)

    def _unsupported(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            log.debug("an app does not take a lifespan", exc_info=task.exception())

    @staticmethod
    async def _reason(task: asyncio.Task[None], failure: str) -> BaseException:
        await asyncio.wait([task], timeout=_REASON_SECONDS)
        if task.done() and not task.cancelled():
            error = task.exception()
            if isinstance(error, Exception):
                return error
        task.cancel()
        last = failure.strip().rpartition("\n")[2]
        return AppError(last or "the app's startup failed")

    async def shutdown(self) -> None:
        """Shut the app down, within a time; what goes wrong there is logged and not raised."""
        task, self._task = self._task, None
        if task is None:
            return
        self._shutdown.set()
        done, _ = await asyncio.wait([task], timeout=SHUTDOWN_SECONDS)
        if not done:
            task.cancel()
            log.error("an app did not shut down within %g s", SHUTDOWN_SECONDS)
        elif not task.cancelled() and task.exception() is not None:
            log.error("the shutdown of an app failed", exc_info=task.exception())
        elif self._stopped.done() and self._stopped.result() is not None:
            log.error("the shutdown of an app failed: %s", self._stopped.result())

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self._app(scope, self._receive, self._send)
        except (SystemExit, KeyboardInterrupt) as error:
            # In a task of its own it would end the loop, and the host with it.
            raise AppError(f"{type(error).__name__} in the lifespan of an app") from error

    async def _receive(self) -> Message:
        if not self._started.done():
            return {"type": "lifespan.startup"}
        await self._shutdown.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        step, _, result = kind.removeprefix("lifespan.").partition(".")
        future = {"startup": self._started, "shutdown": self._stopped}.get(step)
        if future is None or future.done() or result not in {"complete", "failed"}:
            raise AppError(f"the app sent {kind!r} where it has no place")
        future.set_result(None if result == "complete" else message.get("message", ""))
