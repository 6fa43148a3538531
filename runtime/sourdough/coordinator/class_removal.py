"""Deletes every object of a class: `sourdough rm --class`.

The one step that deletes what a migration left behind (semantics 9). It takes bound classes too,
which go on empty.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.coordinator.inspection import RemovedClass
from sourdough.coordinator.objectkey import ObjectKey
from sourdough.errors import SourdoughError
from sourdough.storage.offline import scan
from sourdough.storage.removal import facets_on_disk, remove_whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from sourdough.coordinator.control import RemoveClass
    from sourdough.coordinator.reference import Namespace
    from sourdough.storage.layout import Layout

# A person waits, and a command gives up after ten seconds.
_SECONDS_AT_ONCE = 2.0
# Hosts are asked for so many at once: each deletion has a sync, for which its host waits.
_OBJECTS_AT_ONCE = 16


def find_ended(name: str, namespaces: Sequence[Namespace]) -> Namespace:
    """Return the namespace of a class, one that is not bound before one that is.

    Raises SourdoughError for none, or for several: then they are named by their storage names.
    """
    called = {each.storage_name: each for each in namespaces if each.called(name)}
    ended = [each for each in called.values() if each.binding is None]
    found = ended or list(called.values())
    exact = [each for each in found if each.storage_name == name]
    if len(found) > 1 and not exact:
        names = ", ".join(each.storage_name for each in found)
        raise SourdoughError(
            f"Several classes were called {name}.", hint=f"Their objects are in: {names}."
        )
    if not found:
        known = ", ".join(dict.fromkeys(each.class_name for each in namespaces))
        raise SourdoughError(
            f"No class is called {name}.",
            hint=f"There are: {known}." if known else "The storage folder has no class yet.",
        )
    return (exact or found)[0]


def remove_all(root: Path, namespace: Namespace) -> RemovedClass:
    """Delete the objects of a namespace that nobody uses. Raises StorageError."""
    sizes = [remove_whole(path) for _, path in list(scan(root, namespace.storage_name))]
    _remove_folders(root / namespace.storage_name)
    return removed_class(namespace, objects=len(sizes), size=sum(sizes))


def count_all(root: Path, namespace: Namespace) -> RemovedClass:
    """Say what `remove_all` would delete."""
    sizes = [_size(path) for _, path in scan(root, namespace.storage_name)]
    return removed_class(namespace, objects=len(sizes), size=sum(sizes), done=False)


def removed_class(
    namespace: Namespace,
    *,
    objects: int,
    size: int,
    next: str | None = None,  # noqa: A002 (the name of a listing's)
    done: bool = True,
) -> RemovedClass:
    """Return the answer to the command."""
    return RemovedClass(
        class_name=namespace.class_name,
        storage_name=namespace.storage_name,
        binding=namespace.binding,
        objects=objects,
        size=size,
        done=done,
        next=next,
    )


class ClassRemoval:
    """The removal of classes beside a running server: each object by the host that owns it.

    So an instance that lives is reset first, and the journal knows of each deletion before its file
    is gone. Objects go in the order of their ids; one request takes about two seconds and says
    where the next goes on, so none takes long, and what a crash leaves the next one deletes.
    """

    def __init__(
        self,
        *,
        namespaces: Callable[[], Sequence[Namespace]],
        layout: Callable[[], Layout],
        settled: Callable[[], bool],
        remove: Callable[[str, bytes], Awaitable[int]],
        forget: Callable[[Sequence[ObjectKey]], Awaitable[None]],
        ended: Callable[[Layout], None],
    ) -> None:
        """settled: no host of earlier code runs, which may still make such objects.

        remove: has the owner delete an object, and returns the bytes that freed. forget: takes
        objects out of the catalogue. ended: told of the layout without a class.
        """
        self._namespaces = namespaces
        self._layout = layout
        self._settled = settled
        self._remove = remove
        self._forget = forget
        self._ended = ended

    async def remove(self, request: RemoveClass) -> RemovedClass:
        """Answer the command. Raises SourdoughError for a class that is not there, and for an
        object that cannot be deleted; those before it are.
        """
        namespace = find_ended(request.name, self._namespaces())
        if not self._settled():
            raise SourdoughError(
                "Changed code is being loaded, and earlier code may still use the objects.",
                hint="Try again in a moment.",
            )
        root = self._layout().root
        if not request.confirmed:
            return await asyncio.to_thread(count_all, root, namespace)
        after = None if request.after is None else bytes.fromhex(request.after)
        ids = await asyncio.to_thread(_ids, root, namespace, after)
        removed, size = await self._remove_some(namespace.storage_name, ids)
        rest = removed < len(ids)
        if not rest and namespace.binding is None:
            await self._end(namespace.storage_name)
        return removed_class(
            namespace,
            objects=removed,
            size=size,
            next=ids[removed - 1].hex() if rest else None,
        )

    async def _remove_some(self, name: str, ids: Sequence[bytes]) -> tuple[int, int]:
        """Delete the first of these objects; return how many, and the bytes that freed."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SECONDS_AT_ONCE
        removed, size = 0, 0
        while removed < len(ids):
            some = ids[removed : removed + _OBJECTS_AT_ONCE]
            size += sum(await asyncio.gather(*(self._remove(name, raw) for raw in some)))
            await self._forget([ObjectKey(name, raw.hex()) for raw in some])
            removed += len(some)
            if loop.time() >= until:
                break
        return removed, size

    async def _end(self, name: str) -> None:
        """Forget a class that has no objects any more, unless a reload has bound it meanwhile."""
        bound = {each.storage_name for each in self._namespaces() if each.binding is not None}
        if not self._settled() or name in bound:
            return
        layout = self._layout().without(name)
        self._ended(layout)
        await asyncio.to_thread(_remove_folders, layout.root / name)


def _ids(root: Path, namespace: Namespace, after: bytes | None) -> list[bytes]:
    """Return the ids of all objects behind one, in order."""
    found = (raw for raw, _ in scan(root, namespace.storage_name))
    return [raw for raw in found if after is None or raw > after]


def _size(path: Path) -> int:
    """Return the bytes of an object's database, and of those of its facets."""
    size = 0
    for each in (path, *facets_on_disk(path)):
        with suppress(FileNotFoundError):  # a host has deleted it meanwhile
            size += each.stat().st_size
    return size


def _remove_folders(tree: Path) -> None:
    """Remove a tree of empty slots; a file of somebody else keeps its folder."""
    if not tree.is_dir():
        return
    for slot in tree.iterdir():
        if slot.is_dir():
            with suppress(OSError):
                slot.rmdir()
    with suppress(OSError):
        tree.rmdir()
