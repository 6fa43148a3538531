"""`ClusterCoordinator`: Durable Objects in any asyncio program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sourdough.errors import SourdoughError
from sourdough.host.guard import refuse_in_host
from sourdough.ids import IdFactory, ObjectId
from sourdough.library.caller import ClassCaller
from sourdough.library.classes import ClassBook
from sourdough.library.membership import Membership
from sourdough.library.options import read_options
from sourdough.library.output import Output
from sourdough.objects.calls.namespace import DurableObjectNamespace
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from sourdough.config.model import Durability
    from sourdough.library.options import Options
    from sourdough.objects.calls.stub import RemoteStub
    from sourdough.observe.records import AnyRecord

T = TypeVar("T", bound=DurableObject)


class ClusterCoordinator:
    """The hosts of a storage folder, used from this program.

        async with ClusterCoordinator(host_count=2, storage_dir="data") as coordinator:
            print(await coordinator.get("a", Counter).increment())

    Of several processes that use one folder the first starts the hosts, the others attach to it;
    when it ends, another takes over. Leaving the block lets running calls end, for `drain_timeout`
    seconds, and ends the hosts.
    """

    def __init__(
        self,
        *,
        host_count: int = 2,
        storage_dir: str | os.PathLike[str] = ".sourdough",
        durable_objects: Mapping[str, type[DurableObject]] | None = None,
        name: str | None = None,
        vars: Mapping[str, Any] | None = None,  # noqa: A002 (the key of sourdough.toml)
        durability: Durability = "disk",
        standby: bool = False,
        drain_timeout: float = 30.0,
        limits: Mapping[str, Any] | None = None,
        migrations: Sequence[Mapping[str, Any]] = (),
        on_record: Callable[[AnyRecord], None] | None = None,
    ) -> None:
        """Start nothing yet. The options are the keys of sourdough.toml.

        host_count: processes that run the objects; 0 runs them in this one. durable_objects: the
        classes under their names in `env`; others are added when they are used first, as
        `ChatRoom` under CHAT_ROOM. name: of the application, from which ids are derived; the one
        that the folder was made with where none is given. migrations: the history of the classes,
        as `[[migrations]]` have it. on_record: gets what happens, instead of the log and the
        standard streams. Raises ConfigFaults.
        """
        options = read_options(
            "ClusterCoordinator",
            Path(storage_dir),
            {
                "name": name,
                "host_count": host_count,
                "vars": dict(vars or {}),
                "storage": {"durability": durability},
                "serve": {"standby": standby, "drain_timeout": drain_timeout},
                "limits": dict(limits or {}),
                "migrations": [dict(each) for each in migrations],
            },
        )
        self._settle(options, durable_objects or {}, on_record or Output())

    @classmethod
    def of(
        cls,
        options: Options,
        durable_objects: Mapping[str, type[DurableObject]],
        on_record: Callable[[AnyRecord], None],
    ) -> Self:
        """Return a coordinator of options that are checked already; for `serve`."""
        self = cls.__new__(cls)
        self._settle(options, durable_objects, on_record)
        return self

    def _settle(
        self,
        options: Options,
        durable_objects: Mapping[str, type[DurableObject]],
        on_record: Callable[[AnyRecord], None],
    ) -> None:
        self._options = options
        self._book = ClassBook(
            durable_objects, what=options.what, in_place=options.config.host_count == 0
        )
        options.project(self._book.wanted)
        self._on_record = on_record
        self._membership: Membership | None = None
        self._namespaces: dict[str, DurableObjectNamespace[Any]] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the hosts, or attach to the process that has; `async with` does it.

        Without any known class that waits for the first call. Raises SourdoughError: StorageError,
        FolderInUseError, StartError for code that does not load in hosts, or in a host.
        """
        refuse_in_host("ClusterCoordinator")
        await self.run()

    async def run(
        self, *, url: str = "", entrypoint: type[WorkerEntrypoint] | None = None
    ) -> Membership:
        """Start; for `serve`, which listens under a URL and has an entrypoint."""
        if self._membership is not None:
            raise SourdoughError("This ClusterCoordinator has been started already.")
        membership = self._membership = Membership(
            self._options, self._book, url=url, entrypoint=entrypoint, on_record=self._on_record
        )
        try:
            if len(self._book):
                await membership.join()
        except BaseException:
            await self.close()
            raise
        return membership

    async def close(self) -> None:
        """Let running calls end, then end the hosts; those of another process live on."""
        membership, self._membership = self._membership, None
        if membership is not None:
            await membership.close()

    def get(self, id_or_name: ObjectId | str, cls: type[DurableObject]) -> RemoteStub:
        """Return a stub of an object: `await stub.method()`, `await stub.fetch(request)`.

        Sends nothing, and may be called before the start. Raises TypeError for what is neither an
        id nor a name, ConfigFaults for a class that hosts cannot import.
        """
        namespace = self.namespace(cls)
        if isinstance(id_or_name, ObjectId):
            return namespace.get(id_or_name)
        return namespace.get_by_name(id_or_name)

    def namespace(self, cls: type[T]) -> DurableObjectNamespace[T]:
        """Return all objects of a class, as `env` has them; for ids without a name."""
        known = self._book.add(cls)
        found = self._namespaces.get(known.binding)
        if found is None:
            try:
                application, storage_name = self._options.address(self._book.wanted, known.ref)
            except SourdoughError:
                self._book.forget(known)
                raise
            found = self._namespaces[known.binding] = DurableObjectNamespace(
                known.binding,
                storage_name,
                IdFactory(application, storage_name),
                ClassCaller(self._present, known),
            )
        return found

    def _present(self) -> Membership:
        if self._membership is None:
            raise SourdoughError(
                "This ClusterCoordinator is not running.", hint="use it inside of `async with`"
            )
        return self._membership
