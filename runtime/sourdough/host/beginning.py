"""A host begins: its app, where it has one, is up before anybody hears that it is ready."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from sourdough.objects.failure import describe, start_at_user
from sourdough.wire.messages import LoadFailed, Message, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sourdough.host.entrypoint import Entrypoint

# As for code that does not import: the server does not start with it.
_EXIT_LOAD_FAILED = 3


def begin(
    entrypoint: Entrypoint | None,
    *,
    pid: int,
    tell: Callable[[Message], None],
    spawn: Callable[[Coroutine[Any, Any, None]], object],
    on_exit: Callable[[int], None],
) -> None:
    """Say that events may come: at once, or when the entrypoint's app has started up."""
    if entrypoint is None or not entrypoint.has_startup:
        tell(Ready(pid=pid))
        return

    async def starting() -> None:
        try:
            await entrypoint.startup()
        except Exception as error:  # noqa: BLE001 (told to the coordinator)
            start_at_user(error)
            what, place = describe(error)
            text = "".join(traceback.format_exception(error))
            hint = "the startup of the entrypoint's app failed"
            tell(LoadFailed(error=what, place=place, hint=hint, traceback=text))
            on_exit(_EXIT_LOAD_FAILED)
        else:
            tell(Ready(pid=pid))

    spawn(starting())
