"""Deletes every object of a class that has ended: `sourdough rm --class`.

The one step that deletes what a migration left behind (semantics 9). A class whose objects may live
in a host is refused: while a server runs it has to be unbound.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sourdough.coordinator.inspection import RemovedClass
from sourdough.errors import SourdoughError
from sourdough.storage.offline import scan
from sourdough.storage.removal import remove_object
from sourdough.wire.messages import Forgotten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sourdough.coordinator.control import RemoveClass
    from sourdough.coordinator.reference import Namespace
    from sourdough.storage.layout import Layout


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


def remove_all(root: Path, namespace: Namespace, *, confirmed: bool) -> RemovedClass:
    """Delete the objects of a namespace, or only count them. Raises StorageError."""
    objects, size = 0, 0
    for _, path in list(scan(root, namespace.storage_name)):
        size += remove_object(path) if confirmed else path.stat().st_size
        objects += 1
    if confirmed:
        _remove_folders(root / namespace.storage_name)
    return RemovedClass(
        class_name=namespace.class_name,
        storage_name=namespace.storage_name,
        binding=namespace.binding,
        objects=objects,
        size=size,
        done=confirmed,
    )


class ClassRemoval:
    """The removal of classes beside a running server."""

    def __init__(
        self,
        *,
        namespaces: Callable[[], Sequence[Namespace]],
        layout: Callable[[], Layout],
        settled: Callable[[], bool],
        journaled: Callable[[], bool],
        removed: Callable[[Layout, Forgotten], None],
    ) -> None:
        """settled: no host of earlier code runs, which may still have such objects.

        journaled: commits are in a journal, from which a recovery would bring files back.

        removed: told of the layout without the class, and of the objects that are gone.
        """
        self._namespaces = namespaces
        self._layout = layout
        self._settled = settled
        self._journaled = journaled
        self._removed = removed

    async def remove(self, request: RemoveClass) -> RemovedClass:
        """Answer the command. Raises SourdoughError for a class that is bound or not there."""
        namespace = find_ended(request.name, self._namespaces())
        if namespace.binding is not None:
            raise SourdoughError(
                f"The class {namespace.class_name} is bound as {namespace.binding}.",
                hint="Remove the binding, or stop the server, before its objects are deleted.",
            )
        if not self._settled():
            raise SourdoughError(
                "Changed code is being loaded, and earlier code may still use the objects.",
                hint="Try again in a moment.",
            )
        if request.confirmed and self._journaled():
            raise SourdoughError(
                "The journal of this server may still hold writes of these objects.",
                hint="Stop the server, and run the command again.",
            )
        layout, name = self._layout(), namespace.storage_name
        gone = tuple((name, raw) for raw, _ in scan(layout.root, name))
        removed = await asyncio.to_thread(
            remove_all, layout.root, namespace, confirmed=request.confirmed
        )
        if request.confirmed:
            self._removed(self._layout().without(name), Forgotten(objects=gone))
        return removed


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
