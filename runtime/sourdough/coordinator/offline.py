"""What `ls`, `inspect` and `rm` do where no server runs: they look at the disk itself.

The folder's lock is held all the while (invariants P4, S10). The objects' files are the truth
here; the catalogue only helps to find near names, and forgets what is deleted.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from sourdough.coordinator.answers import ended_namespaces
from sourdough.coordinator.class_removal import count_all, find_ended, remove_all
from sourdough.coordinator.inspection import Inspection, Life, Removed, RemovedClass
from sourdough.coordinator.listing import ListedObject, page_of, parse_cursor
from sourdough.coordinator.lock import FolderLock
from sourdough.coordinator.objectkey import ObjectKey
from sourdough.coordinator.reference import (
    Namespace,
    Reference,
    choose,
    find_namespace,
    parse,
    unknown,
)
from sourdough.errors import StorageError
from sourdough.placement import slot_of
from sourdough.storage.journal.damage import forgive
from sourdough.storage.journal.recovery import settle
from sourdough.storage.layout import SUFFIX, Layout
from sourdough.storage.offline import inspect, read_name, scan
from sourdough.storage.removal import facets_on_disk, remove_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sourdough.config.model import Project
    from sourdough.coordinator.control import Inspect, List, Remove, RemoveClass
    from sourdough.coordinator.listing import Listing
    from sourdough.coordinator.reference import Wanted

_MATCHES = 20
_SLOT_DIGITS = 3


@contextmanager
def open_offline(storage: Path, project: Project | None) -> Iterator[OfflineFolder]:
    """Yield a storage folder that nobody else works in; `project` tells the bindings.

    Raises StorageError for what is no storage folder, FolderInUseError for one in use.
    """
    layout = Layout.existing(storage)
    with FolderLock.acquire(storage):
        settle(storage)
        yield OfflineFolder(layout, namespaces_on_disk(layout, project))


def namespaces_on_disk(layout: Layout, project: Project | None) -> list[Namespace]:
    """Return the namespaces of a folder, each under its binding where the project has one."""
    bindings: dict[str, list[str]] = {}
    for binding in project.config.bindings if project else ():
        bindings.setdefault(binding.class_name, []).append(binding.name)
    bound = [
        Namespace(
            binding=binding,
            class_name=class_name,
            storage_name=storage_name,
            application=layout.application,
        )
        for class_name, storage_name in layout.storage_names.items()
        for binding in bindings.get(class_name, [])
    ]
    return bound + ended_namespaces(layout, bound)


class OfflineFolder:
    """A storage folder under our lock. Its methods are those of the control socket."""

    def __init__(self, layout: Layout, namespaces: Sequence[Namespace]) -> None:
        self._layout = layout
        self._namespaces = namespaces

    def list(self, request: List) -> Listing:
        """Return a page. Raises SourdoughError for an unknown namespace or a wrong `after`."""
        spaces = self._spaces(request.namespace)
        after = parse_cursor(request.after)
        found: list[tuple[ObjectKey, Path]] = []
        total = 0
        for storage_name in sorted(spaces):
            for raw, path in scan(self._layout.root, storage_name):
                total += 1
                key = ObjectKey(storage_name, raw.hex())
                if len(found) <= request.limit and (after is None or key > after):
                    found.append((key, path))
        listed = [self._listed(spaces[key.storage_name], key, path) for key, path in found]
        return page_of(listed, limit=request.limit, total=total)

    def inspect(self, request: Inspect) -> Inspection:
        """Return what an object's file holds. Raises SourdoughError when there is none."""
        found = self._resolve(request.reference)
        raw = bytes.fromhex(found.id)
        path = self._layout.path(found.storage_name, raw)
        report = inspect(path, entry_limit=request.limit)
        space = self._spaces(found.storage_name)[found.storage_name]
        return Inspection(
            binding=space.binding,
            class_name=space.class_name,
            storage_name=found.storage_name,
            id=found.id,
            name=report.name,
            slot=slot_of(raw),
            life=Life.NOT_RUNNING,
            report=report,
        )

    def remove(self, request: Remove) -> Removed:
        """Delete an object. Raises SourdoughError when there is none, StorageError on failure."""
        found = self._resolve(request.reference)
        path = self._layout.path(found.storage_name, bytes.fromhex(found.id))
        name = _name_of(path)
        facets = facets_on_disk(path)
        size = remove_whole(path)
        for each in (path, *facets):
            forgive(self._layout.root, each)
        # Last: an entry without a file is forgotten by the next start, a file is not.
        _forget(self._layout.root, ObjectKey(found.storage_name, found.id))
        return Removed(storage_name=found.storage_name, id=found.id, name=name, size=size)

    def remove_class(self, request: RemoveClass) -> RemovedClass:
        """Delete the objects of a class, also of one that is bound: nobody uses them now.

        Raises SourdoughError when there is no such class, StorageError on failure.
        """
        namespace = find_ended(request.name, self._namespaces)
        if not request.confirmed:
            return count_all(self._layout.root, namespace)
        removed = remove_all(self._layout.root, namespace)
        if namespace.binding is None:
            # The catalogue is brought in step by the next start.
            self._layout.without(namespace.storage_name)
        return removed

    def _spaces(self, word: str | None) -> dict[str, Namespace]:
        """Return the namespaces a word means by their storage names, bound ones first."""
        if word is None:
            return {each.storage_name: each for each in reversed(self._namespaces)}
        space = find_namespace(word, self._namespaces)
        return {space.storage_name: space}

    def _listed(self, space: Namespace, key: ObjectKey, path: Path) -> ListedObject:
        return ListedObject(
            binding=space.binding,
            class_name=space.class_name,
            storage_name=key.storage_name,
            id=key.id,
            name=_name_of(path),
        )

    def _resolve(self, text: str) -> Reference:
        wanted = parse(text, self._namespaces)
        found = [each for each in wanted.named if self._exists(each)]
        if wanted.prefix is not None:
            found += self._with_prefix(wanted.prefix)
        chosen = choose(wanted, found)
        if chosen is None:
            spaces = [wanted.namespace.storage_name] if wanted.namespace else self._spaces(None)
            total = sum(1 for each in spaces for _ in scan(self._layout.root, each))
            raise unknown(wanted, nearest=_nearest(self._layout.root, wanted), total=total)
        return chosen

    def _exists(self, reference: Reference) -> bool:
        return self._layout.path(reference.storage_name, bytes.fromhex(reference.id)).exists()

    def _with_prefix(self, prefix: str) -> Iterator[Reference]:
        for storage_name in self._spaces(None):
            folder = self._layout.root / storage_name / prefix[:_SLOT_DIGITS]
            objects = (
                each for each in folder.glob(f"{prefix}*{SUFFIX}") if each.name.count(".") == 1
            )
            for path in islice(objects, _MATCHES):
                digits = path.name.removesuffix(SUFFIX)
                yield Reference(storage_name=storage_name, id=digits, name=_name_of(path))


def _name_of(path: Path) -> str | None:
    try:
        return read_name(path)
    except StorageError:
        # One file that cannot be read must not hide the others; `inspect` says what is wrong.
        return None


# The catalogue is opened on an event loop, which costs a command 50 ms: only where it is needed.


def _nearest(root: Path, wanted: Wanted) -> list[str]:
    import asyncio  # noqa: PLC0415 (see above)

    from sourdough.coordinator.catalogue import Catalogue  # noqa: PLC0415 (see above)
    from sourdough.coordinator.catalogue_schema import CATALOGUE_FILE  # noqa: PLC0415 (see above)

    async def ask(name: str) -> list[str]:
        catalogue = await Catalogue.open(root)
        try:
            space = wanted.namespace
            return await catalogue.nearest(name, space.storage_name if space else None)
        finally:
            await catalogue.close()

    known = (root / CATALOGUE_FILE).exists()
    return asyncio.run(ask(wanted.name)) if known and wanted.name else []


def _forget(root: Path, key: ObjectKey) -> None:
    import asyncio  # noqa: PLC0415 (see above)

    from sourdough.coordinator.catalogue import Catalogue  # noqa: PLC0415 (see above)
    from sourdough.coordinator.catalogue_schema import CATALOGUE_FILE  # noqa: PLC0415 (see above)

    async def forget() -> None:
        catalogue = await Catalogue.open(root)
        try:
            await catalogue.remove([key])
        finally:
            await catalogue.close()

    if (root / CATALOGUE_FILE).exists():
        asyncio.run(forget())
