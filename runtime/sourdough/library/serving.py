"""`serve`: a server in one call, whose gateway and coordinator are the caller's own process."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from sourdough.coordinator.listening import listen, url_of
from sourdough.host.guard import refuse_in_host
from sourdough.library.cluster import ClusterCoordinator
from sourdough.library.frontdoor import FrontDoor
from sourdough.library.options import read_options
from sourdough.library.output import Output
from sourdough.objects.durable_object import WorkerEntrypoint
from sourdough.transport.process import raise_descriptor_limit

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from sourdough.config.model import Durability
    from sourdough.http import Request
    from sourdough.library.options import Options
    from sourdough.objects.durable_object import DurableObject
    from sourdough.observe.records import AnyRecord

    Fetch = Callable[[Request, Any, Any], Any]
    """(request, env, ctx) -> Response, or an awaitable of one."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(
    fetch: Fetch,
    *,
    durable_objects: Mapping[str, type[DurableObject]],
    host_count: int = 2,
    host: str = "127.0.0.1",
    port: int = 3000,
    storage_dir: str | os.PathLike[str] = ".sourdough",
    name: str | None = None,
    vars: Mapping[str, Any] | None = None,  # noqa: A002 (the key of sourdough.toml)
    durability: Durability = "disk",
    standby: bool = True,
    drain_timeout: float = 30.0,
    trusted_proxies: Sequence[str] = (),
    limits: Mapping[str, Any] | None = None,
    migrations: Sequence[Mapping[str, Any]] = (),
    websockets: Mapping[str, Any] | None = None,
    on_record: Callable[[AnyRecord], None] | None = None,
) -> None:
    """Serve HTTP until SIGINT, SIGTERM or SIGHUP; a second one ends at once.

        if __name__ == "__main__":
            serve(fetch, durable_objects={"CHAT": ChatRoom}, host_count=2, port=3000)

    fetch: `async def fetch(request, env, ctx) -> Response`, run in this process; `env.CHAT` has the
    objects of ChatRoom, `ctx.wait_until` takes work that outlives the answer. port: 0 takes a free
    one; where it listens is printed. The other options are those of ClusterCoordinator. Raises
    ConfigFaults, StartError, StorageError, FolderInUseError.
    """
    refuse_in_host("serve()")
    options = read_options(
        "serve",
        Path(storage_dir),
        {
            "name": name,
            "host_count": host_count,
            "vars": dict(vars or {}),
            "storage": {"durability": durability},
            "serve": {
                "host": host,
                "port": port,
                "standby": standby,
                "drain_timeout": drain_timeout,
                "trusted_proxies": list(trusted_proxies),
            },
            "limits": dict(limits or {}),
            "migrations": [dict(each) for each in migrations],
            "websockets": dict(websockets or {}),
        },
    )
    coordinator = ClusterCoordinator.of(options, durable_objects, on_record or Output())
    serving = _serve(options, coordinator, _entrypoint(fetch), on_record or Output())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serving)
        except asyncio.CancelledError:
            sys.exit(1)  # the second signal: what was in flight is cut short


async def _serve(
    options: Options,
    coordinator: ClusterCoordinator,
    entrypoint: type[WorkerEntrypoint],
    on_record: Callable[[AnyRecord], None],
) -> None:
    settings = options.config.serve
    stop = _Stop()
    # First, so that a port that is taken is told before any host is started.
    listening = listen(settings.host, settings.port)
    try:
        url = url_of(settings.host, listening)
        membership = await coordinator.run(url=url, entrypoint=entrypoint)
        door = FrontDoor(
            options.config,
            membership.member,
            listening,
            descriptors=raise_descriptor_limit() // 2,
            on_record=on_record,
        )
        await door.open()
        hosts = options.config.host_count
        where = "this process" if not hosts else "1 host" if hosts == 1 else f"{hosts} hosts"
        print(f"Listening on {url} (objects in {where}). Ctrl-C stops.", flush=True)  # noqa: T201
        try:
            await stop.wait()
            await door.drain(settings.drain_timeout)
        finally:
            await coordinator.close()
            await door.close()
    finally:
        listening.close()
        stop.restore()


def _entrypoint(fetch: Fetch) -> type[WorkerEntrypoint]:
    class Entrypoint(WorkerEntrypoint):
        """Calls the program's own function."""

        def fetch(self, request: Request) -> Any:
            return fetch(request, self.env, self.ctx)

    return Entrypoint


class _Stop:
    """The signals that end a server, while it is one."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        self._taken: tuple[signal.Signals, ...] = ()
        if threading.current_thread() is threading.main_thread():
            self._taken = _SIGNALS
        for number in self._taken:
            self._loop.add_signal_handler(number, self._ask)

    async def wait(self) -> None:
        """Return at the first signal."""
        await self._asked.wait()

    def restore(self) -> None:
        """Take no more signals."""
        for number in self._taken:
            self._loop.remove_signal_handler(number)

    def _ask(self) -> None:
        if self._asked.is_set() and self._main is not None:
            self._main.cancel()
        self._asked.set()
