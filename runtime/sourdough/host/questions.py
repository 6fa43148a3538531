"""Answers what the coordinator asks about an object: its report, its name, its removal.

An object that does not live is looked at without an instance: its database is opened, read and
given up within one turn of the loop, so no event can come in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sourdough.errors import DurableObjectError, SourdoughError
from sourdough.ids import ObjectId
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.registry import ObjectClass
from sourdough.observe.sockets import SocketsReport, report_sockets
from sourdough.storage.engine import Durability
from sourdough.storage.inspection import ObjectReport, report
from sourdough.wire.messages import Answer, Ask, Forgotten, Named

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.objects.registry import Registry
    from sourdough.storage.database import Database
    from sourdough.transport.channel import Channel


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "inspect"."""

    live: bool
    name: str | None
    report: ObjectReport | None
    sockets: SocketsReport


class Questions:
    """Answers `Ask`."""

    def __init__(
        self,
        registry: Registry,
        open_database: Callable[[ObjectClass, ObjectId], Database],
        channel: Channel,
        holds: Callable[[bytes], bool],
    ) -> None:
        """holds: whether the host holds the slot of a key; another one may have the file open."""
        self._holds = holds
        self._registry = registry
        self._open_database = open_database
        self._channel = channel

    def ask(self, question: Ask) -> None:
        """Answer a question; an error is an answer too."""
        key = question.namespace.encode() + question.id
        if not self._holds(key):
            self._channel.send(Answer(number=question.number, moved=True))
            return
        closing = self._registry.closing(key)
        if closing is not None:
            # One database, one connection: the evicted instance has not let go of it (S3).
            closing.add_done_callback(lambda _: self.ask(question))
            return
        try:
            result = self._answer(question)
        except SourdoughError as error:
            self._channel.send(Answer(number=question.number, error=error.message))
        except Exception as error:  # noqa: BLE001 (told to the one who asked; the host goes on)
            text = f"{type(error).__name__}: {error}"
            self._channel.send(Answer(number=question.number, error=text))
        else:
            self._channel.send(Answer(number=question.number, result=result))

    def _answer(self, question: Ask) -> bytes:
        cls = self._registry.class_of(question.namespace)
        if cls is None:
            if question.what == "name":
                raise SourdoughError(f"no class is bound to {question.namespace}")
            cls = _ended(question.namespace)
        key = question.namespace.encode() + question.id
        if question.what == "remove":
            return msgspec.msgpack.encode(self._remove(key, cls, question.id))
        container = self._registry.get(key)
        if container is not None:
            return self._look(container.database, question, container.state.id.name, live=True)
        database = self._open_database(cls, ObjectId(question.id))
        try:
            return self._look(database, question, None, live=False)
        finally:
            database.abandon()

    def _look(self, database: Database, question: Ask, name: str | None, *, live: bool) -> bytes:
        if question.what == "name":
            if not database.exists:
                return msgspec.msgpack.encode(Named())
            alarm = database.alarm.stored()
            return msgspec.msgpack.encode(Named(name=database.meta.name, alarm=alarm))
        found = None
        if database.exists:
            connection = database.connection()
            found = report(connection, database.path, entry_limit=question.limit)
            name = found.name or name
        sockets = self._registry.sockets.find(question.namespace.encode() + question.id)
        held = () if sockets is None else tuple(sockets.held.values())
        if name is None and held and held[0].name is not None:
            name = held[0].name.decode("utf-8", "replace")
        told = report_sockets(each.tags for each in held if not each.closing)
        return msgspec.msgpack.encode(Looked(live=live, name=name, report=found, sockets=told))

    def _remove(self, key: bytes, cls: ObjectClass, raw: bytes) -> int:
        """Delete an object; return how many bytes that freed."""
        container = self._registry.get(key)
        if container is not None:
            container.reset(
                DurableObjectError("Durable Object was deleted.", durable_object_reset=True)
            )
        self._registry.sockets.close_all(key)
        freed = self._open_database(cls, ObjectId(raw)).remove()
        self._channel.send(Forgotten(objects=((cls.storage_name, raw),)))
        return freed


def _ended(storage_name: str) -> ObjectClass:
    """Return a class that is not bound any more, for its objects to be looked at and deleted."""
    return ObjectClass(
        name=storage_name,
        storage_name=storage_name,
        type=DurableObject,
        env=None,
        durability=Durability.DISK,
    )
