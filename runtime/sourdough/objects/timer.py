"""A timer that an object's code has set: it enters the object as an event does (semantics 4.1.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.container import Container


class OwnTimer:
    """What the loop calls in place of the user's callback.

    It waits while a critical section is open that it was not set in; with its instance it ends.
    """

    __slots__ = ("_args", "_callback", "_container", "handle")

    def __init__(
        self, container: Container, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._container = container
        self._callback = callback
        self._args = args
        self.handle: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if self.cancelled:  # while it waited
            return
        waiter = self._container.sections.entrance()
        if waiter is not None:
            waiter.add_done_callback(lambda _: self())
            return
        try:
            self._callback(*self._args)
        except asyncio.CancelledError:
            if not self._container.broken:  # by abort(), which has told everybody
                raise
        except (SystemExit, KeyboardInterrupt) as error:
            raise RuntimeError(f"{type(error).__name__} in a timer") from error
        finally:
            self._container.work.fired(self)

    @property
    def cancelled(self) -> bool:
        """Whether it will never call back."""
        return self._container.broken or (self.handle is not None and self.handle.cancelled())

    def cancel(self) -> None:
        if self.handle is not None:
            self.handle.cancel()

    def __repr__(self) -> str:
        return f"<timer of {self._container.label}: {self._callback!r}>"


class GatedWakeup(OwnTimer):
    """The end of an `asyncio.sleep`, in a task that counts by itself.

    It is not ended with the instance: that task is cancelled, and would hang if it went on.
    """

    __slots__ = ()

    def __call__(self) -> None:
        waiter = self._container.sections.entrance()
        if waiter is None:
            self._callback(*self._args)
        else:
            waiter.add_done_callback(lambda _: self())
