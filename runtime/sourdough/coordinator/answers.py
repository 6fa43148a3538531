"""Answers the commands that come over the control socket: status, ls, inspect, rm, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sourdough.coordinator.control import (
    Advance,
    Attach,
    Inspect,
    Lift,
    List,
    Moved,
    Ok,
    Register,
    Remove,
    RemoveClass,
    Reply,
    Request,
    Run,
    Status,
    Stop,
    Trigger,
    WantedClass,
)
from sourdough.coordinator.inspection import Inspection, Life, Ran, Removed
from sourdough.coordinator.listing import ListedObject, page_of, parse_cursor
from sourdough.coordinator.objectkey import ObjectKey
from sourdough.coordinator.reference import (
    Namespace,
    Reference,
    Wanted,
    address,
    choose,
    find_namespace,
    in_full,
    parse,
    unknown,
)  # fmt: skip
from sourdough.errors import SourdoughError
from sourdough.observe.sockets import SocketsReport  # noqa: TC001 (msgspec reads it)
from sourdough.placement import slot_of
from sourdough.storage.inspection import ObjectReport  # noqa: TC001 (msgspec reads it)
from sourdough.wire.messages import Answered, Errand

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sourdough.config.model import Config
    from sourdough.coordinator.catalogue import KnownObject
    from sourdough.coordinator.ledger import Ledger
    from sourdough.observe.status import QuarantinedStatus, Snapshot
    from sourdough.storage.layout import Layout


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a host answers to "inspect"."""

    live: bool
    name: str | None
    report: ObjectReport | None
    sockets: SocketsReport


def namespaces_of(config: Config, layout: Layout) -> list[Namespace]:
    """Return the bound namespaces first, then those that are only in the storage folder."""
    bound = [
        Namespace(
            binding=binding.name,
            class_name=binding.class_name,
            storage_name=layout.storage_names[binding.class_name],
            application=layout.application,
        )
        for binding in config.bindings
    ]
    return bound + ended_namespaces(layout, bound)


def ended_namespaces(layout: Layout, bound: Sequence[Namespace]) -> list[Namespace]:
    """Return the namespaces of a folder that are not bound, or were deleted."""
    known = {each.storage_name for each in bound}
    deleted = [(each.class_name, each.storage) for each in layout.register.deleted]
    return [
        Namespace(
            binding=None,
            class_name=class_name,
            storage_name=storage_name,
            application=layout.application,
        )
        for class_name, storage_name in (*layout.storage_names.items(), *deleted)
        if storage_name not in known
    ]


class Answers:
    """What a running server tells of itself and its objects."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        snapshot: Callable[[], Snapshot],
        stop: Callable[[], None],
        advance: Callable[[float], Awaitable[Moved]],
        register: Callable[[Sequence[WantedClass]], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._catalogue = ledger.catalogue
        self._questions = ledger.questions
        self._namespaces = ledger.namespaces
        self._snapshot = snapshot
        self._stop = stop
        self._advance = advance
        self._register = register
        self._answers: dict[type[Request], Callable[[Any], Awaitable[object]]] = {
            Status: self._status,
            List: self._list,
            Inspect: self._inspect,
            Remove: self._remove,
            RemoveClass: ledger.class_removal.remove,
            Lift: self._lift,
            Trigger: ledger.crons.trigger,
            Run: self._run,
            Stop: self._end,
            Advance: self._move_clock,
            Register: self._add_classes,
            Attach: self._add_classes,
        }

    async def answer(self, request: Request) -> Reply:
        """Answer one command. Raises SourdoughError for what cannot be answered."""
        return Ok.of(await self._answers[type(request)](request))

    async def _status(self, _request: Status) -> Snapshot:
        return self._snapshot()

    async def _end(self, _request: Stop) -> None:
        self._stop()

    async def _move_clock(self, request: Advance) -> Moved:
        return await self._advance(request.seconds)

    async def _add_classes(self, request: Register | Attach) -> None:
        await self._register(request.classes)

    async def _list(self, request: List) -> object:
        namespaces = self._namespaces()
        storage_name = None
        if request.namespace is not None:
            storage_name = find_namespace(request.namespace, namespaces).storage_name
        after = parse_cursor(request.after)
        found = await self._catalogue.page(storage_name, after, request.limit + 1)
        by_storage = {each.storage_name: each for each in reversed(namespaces)}
        return page_of(
            [_listed(each, by_storage.get(each.storage_name)) for each in found],
            limit=request.limit,
            total=await self._catalogue.count(storage_name),
        )

    async def _inspect(self, request: Inspect) -> Inspection:
        found = await self._resolve(request.reference)
        raw = bytes.fromhex(found.id)
        looked = await self._look(found, request.limit)
        seat, host = self._questions.owner(raw)
        by_storage = {each.storage_name: each for each in reversed(self._namespaces())}
        namespace = by_storage[found.storage_name]
        return Inspection(
            binding=namespace.binding,
            class_name=namespace.class_name,
            storage_name=found.storage_name,
            id=found.id,
            name=looked.name or found.name,
            slot=slot_of(raw),
            life=Life.LIVE if looked.live else Life.ASLEEP,
            seat=seat,
            host_pid=host.pid if host is not None else None,
            report=looked.report,
            sockets=looked.sockets,
            quarantine=self._ledger.quarantines.of((found.storage_name, raw)),
        )

    async def _look(self, found: Reference, limit: int) -> _Looked:
        raw = bytes.fromhex(found.id)
        data = await self._questions.ask("inspect", found.storage_name, raw, limit=limit)
        return msgspec.msgpack.decode(data, type=_Looked)

    async def _run(self, request: Run) -> Ran:
        found = address(request.reference, self._namespaces())
        errand = Errand(
            number=0,
            namespace=found.storage_name,
            id=bytes.fromhex(found.id),
            name=found.name,
            method=request.method,
            body=request.body,
            target=request.target,
            headers=request.headers,
            seconds=request.seconds,
        )
        answer = msgspec.msgpack.decode(await self._questions.run(errand), type=Answered)
        if answer.error is not None:
            raise SourdoughError(f"{request.reference} failed: {answer.error}")
        return Ran(storage_name=found.storage_name, id=found.id, name=found.name, answer=answer)

    async def _remove(self, request: Remove) -> Removed:
        found = await self._resolve(request.reference)
        raw = bytes.fromhex(found.id)
        size = await self._questions.remove(found.storage_name, raw)
        await self._catalogue.remove([ObjectKey(found.storage_name, found.id)])
        return Removed(storage_name=found.storage_name, id=found.id, name=found.name, size=size)

    async def _lift(self, request: Lift) -> QuarantinedStatus:
        quarantines = self._ledger.quarantines
        # Not by the catalogue: what has ended every host may have stored nothing yet.
        named = parse(request.reference, self._namespaces()).named
        keys = {(each.storage_name, bytes.fromhex(each.id)) for each in named}
        for status in quarantines.statuses():
            key = (status.storage_name, bytes.fromhex(status.id))
            if key in keys or status.id == request.reference:
                quarantines.lift(key)
                return status
        raise SourdoughError(
            f'"{request.reference}" is not in quarantine.',
            hint="`sourdough status` shows what is.",
        )

    async def _resolve(self, text: str) -> Reference:
        """Return the one object that a text means. Raises SourdoughError."""
        wanted = parse(text, self._namespaces())
        found: list[Reference] = []
        for named in wanted.named:
            known = await self._catalogue.get(ObjectKey(named.storage_name, named.id))
            if known is not None:
                found.append(named)
        if wanted.prefix is not None:
            found += [_reference(each) for each in
                      await self._catalogue.find_by_prefix(wanted.prefix)]  # fmt: skip
        chosen = choose(wanted, found) or await self._unwritten(wanted)
        if chosen is None:
            storage_name = wanted.namespace.storage_name if wanted.namespace else None
            nearest = await self._catalogue.nearest(wanted.name or "", storage_name)
            raise unknown(wanted, nearest=nearest, total=await self._catalogue.count(storage_name))
        return chosen

    async def _unwritten(self, wanted: Wanted) -> Reference | None:
        """Return an object that has stored nothing, but lives or has WebSockets."""
        found = []
        for each in in_full(wanted, self._namespaces()):
            looked = await self._look(each, 0)
            if looked.live or looked.report is not None or looked.sockets.open:
                found.append(each)
        return choose(wanted, found)


def _reference(known: KnownObject) -> Reference:
    return Reference(storage_name=known.storage_name, id=known.id, name=known.name)


def _listed(known: KnownObject, namespace: Namespace | None) -> ListedObject:
    return ListedObject(
        binding=namespace.binding if namespace else None,
        class_name=namespace.class_name if namespace else known.storage_name,
        storage_name=known.storage_name,
        id=known.id,
        name=known.name,
        created=known.created,
    )
