"""Which class keeps its objects where, and how a new configuration changes that. Pure.

Ids are keyed by application and storage name (invariant S14), so a class that is renamed keeps its
objects by keeping its storage name, and nothing on the disk moves. No step of a plan deletes
anything: a deleted class is set aside under its storage name, until `sourdough rm --class`.

Migrations that were applied are remembered in words and in order. The configuration has to begin
with exactly these; what follows them is new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sourdough.config.nearest import suggest
from sourdough.config.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sourdough.config.lifecycle import Export, Lifecycle, Migration
    from sourdough.config.positions import KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A class that has ended, and where its objects still are."""

    class_name: str
    storage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A migration that was applied, as `Migration.changes` said it."""

    tag: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What a storage folder knows of its classes."""

    application: str
    """The name that ids are keyed by: the one recorded first."""
    namespaces: Mapping[str, str]
    """Class name -> storage name."""
    deleted: tuple[Deleted, ...] = ()
    applied: tuple[Applied, ...] = ()

    @property
    def storages(self) -> list[str]:
        """Every storage name, each once."""
        deleted = (each.storage for each in self.deleted)
        return list(dict.fromkeys([*self.namespaces.values(), *deleted]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a person should know about the classes. unbound: a class has no binding."""

    text: str
    hint: str | None = None
    unbound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What opening a folder does to its register. told: what changes; warnings: what is odd."""

    register: Register
    told: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()


class RefusedMigrationError(Exception):
    """A migration does not fit the storage folder; nothing was changed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def plan(
    register: Register | None,
    *,
    application: str,
    classes: Sequence[str],
    lifecycle: Lifecycle,
    occupied: Callable[[str], bool],
) -> Plan:
    """Decide what a configuration does to a register; None is that of a new folder.

    classes: those that are bound. occupied: whether there are objects under a storage name.
    Raises RefusedMigrationError for a history that was changed, and for a step that does not fit
    the data: better no start than a start that hides objects.
    """
    known = register or Register(application=application, namespaces={})
    planner = _Planner(known, list(classes), lifecycle, occupied)
    try:
        planner.compare_history()
    except RefusedMigrationError:
        if any(map(occupied, known.storages)):
            raise
        # Without any object there is nothing that a changed history could hide.
        known = replace(known, namespaces={}, deleted=(), applied=())
        planner = _Planner(known, list(classes), lifecycle, occupied)
    return planner.run(application)


def free_name(class_name: str, taken: Sequence[str]) -> str:
    """Return a storage name for a new class; some disks do not tell upper from lower case."""
    folded = {name.casefold() for name in taken}
    name, number = class_name, 1
    while name.casefold() in folded:
        number += 1
        name = f"{class_name}_{number}"
    return name


class _Planner:
    """One plan in the making."""

    def __init__(
        self,
        register: Register,
        classes: list[str],
        lifecycle: Lifecycle,
        occupied: Callable[[str], bool],
    ) -> None:
        self._register = register
        self._classes = classes
        self._lifecycle = lifecycle
        self._occupied = occupied
        self._namespaces = dict(register.namespaces)
        self._deleted = list(register.deleted)
        self._applied = list(register.applied)
        self._told: list[str] = []
        self._unexplained = self._find_unexplained()

    def run(self, application: str) -> Plan:
        """Return the plan."""
        migrations = self._lifecycle.migrations
        for index in range(len(self._applied), len(migrations)):
            self._apply(("migrations", index), migrations[index])
        for name, export in self._lifecycle.exports.items():
            self._export(("exports", name), name, export)
        begun = [name for name in self._classes if name not in self._namespaces]
        for name in begun:
            self._begin(name)
        register = Register(
            application=self._register.application,
            namespaces=self._namespaces,
            deleted=tuple(self._deleted),
            applied=tuple(self._applied),
        )
        return Plan(
            register=register,
            told=tuple(self._told),
            warnings=(*_other_name(register, application), *self._left_behind(begun)),
        )

    # --- the history

    def compare_history(self) -> None:
        """Raise RefusedMigrationError unless the configuration begins with what was applied."""
        migrations = self._lifecycle.migrations
        tags = [each.tag for each in migrations]
        for index, applied in enumerate(self._applied):
            if applied.tag not in tags:
                self._refuse(
                    ("migrations", index) if index < len(tags) else ("migrations",),
                    f'the migration "{applied.tag}" was applied to the storage folder, and is not '
                    "here any more",
                    f"put it back, or use another storage folder; it was: {_words(applied)}",
                )
            at = tags.index(applied.tag)
            if at != index:
                self._refuse(
                    ("migrations", at),
                    f'the migration "{applied.tag}" was applied as number {index + 1}',
                    "new migrations go behind those that were applied",
                )
            if migrations[at].changes != applied.changes:
                self._refuse(
                    ("migrations", at),
                    f'the migration "{applied.tag}" was applied, and is another now',
                    f"put it back, and add one with a tag of its own; it was: {_words(applied)}",
                )

    def _apply(self, at: KeyPath, migration: Migration) -> None:
        before = len(self._told)
        for index, name in enumerate(migration.deleted_classes):
            self._delete((*at, "deleted_classes", index), name)
        # All leave before any arrives: two classes may swap their names.
        moved = [
            (index, each, self._leave((*at, "renamed_classes", index, "from"), each.from_))
            for index, each in enumerate(migration.renamed_classes)
        ]
        for index, each, storage in moved:
            if storage is not None:
                path = (*at, "renamed_classes", index, "to")
                self._arrive(path, each.from_, each.to, storage)
        for name in migration.new:
            if name not in self._namespaces:
                self._begin(name)
        self._told[before:] = [
            f'migration "{migration.tag}": {text}' for text in self._told[before:]
        ]
        self._applied.append(Applied(tag=migration.tag, changes=migration.changes))

    def _export(self, at: KeyPath, name: str, export: Export) -> None:
        if export.state == "deleted":
            if name in self._namespaces:
                self._delete((*at, "state"), name)
        elif export.state == "renamed" and export.renamed_to is not None:
            if name in self._namespaces:
                storage = self._namespaces.pop(name)
                self._arrive((*at, "renamed_to"), name, export.renamed_to, storage)
        elif name not in self._namespaces:
            # Taking "deleted" back brings the objects back: they were only set aside.
            storage = self._restore(name) or self._begin(name)
            self._namespaces[name] = storage

    # --- steps

    def _begin(self, name: str) -> str:
        taken = [*self._namespaces.values(), *(each.storage for each in self._deleted)]
        self._namespaces[name] = free_name(name, taken)
        return self._namespaces[name]

    def _delete(self, path: KeyPath, name: str) -> None:
        storage = self._namespaces.pop(name, None)
        if storage is None:
            self._expect_known(path, name)
            return
        self._deleted.append(Deleted(class_name=name, storage=storage))
        if self._occupied(storage):
            self._told.append(
                f"the class {name} is deleted; its objects stay on the disk until "
                f"`sourdough rm --class {name}`"
            )

    def _leave(self, path: KeyPath, name: str) -> str | None:
        """Take a class out; return its storage name, None for one that was never here."""
        storage = self._namespaces.pop(name, None) or self._restore(name)
        if storage is None:
            self._expect_known(path, name)
        return storage

    def _restore(self, name: str) -> str | None:
        """Take back the class of this name that was deleted last."""
        for each in reversed(self._deleted):
            if each.class_name == name and self._occupied(each.storage):
                self._deleted.remove(each)
                self._told.append(f"the objects of the deleted class {name} are back")
                return each.storage
        return None

    def _arrive(self, path: KeyPath, old: str, new: str, storage: str) -> None:
        displaced = self._namespaces.get(new)
        if displaced is not None and displaced != storage:
            if self._occupied(displaced):
                self._refuse(
                    path,
                    f"the class {new} has objects of its own, which would be hidden by those of "
                    f"{old}",
                    f"`sourdough rm --class {new}` deletes them, with the server stopped",
                )
            self._deleted.append(Deleted(class_name=new, storage=displaced))
        self._namespaces[new] = storage
        if self._occupied(storage) and old != new:
            self._told.append(f"the class {old} is {new} now, with the objects it had")

    # --- doubts

    def _find_unexplained(self) -> list[str]:
        """Return classes with objects that nothing in the configuration speaks of."""
        named = {*self._classes, *self._lifecycle.exports}
        for migration in self._lifecycle.migrations:
            named.update(migration.deleted_classes, migration.new)
            named.update(each.from_ for each in migration.renamed_classes)
        return [
            name for name, storage in self._register.namespaces.items()
            if name not in named and self._occupied(storage)
        ]  # fmt: skip

    def _expect_known(self, path: KeyPath, name: str) -> None:
        """A step about a class without objects: nothing to do, unless another one was meant."""
        if self._unexplained:
            self._refuse(
                path,
                f"no class {name} has objects here",
                suggest(name, self._unexplained, otherwise="not bound, with objects:"),
            )

    def _left_behind(self, begun: list[str]) -> list[Notice]:
        """Warn of objects that nobody can reach."""
        bound = {self._namespaces[name] for name in self._classes}
        fresh = [name for name in begun if name in self._classes]
        return [
            _unreachable(name, fresh)
            for name, storage in self._namespaces.items()
            if name not in self._classes and storage not in bound and self._occupied(storage)
        ]

    @staticmethod
    def _refuse(path: KeyPath, message: str, hint: str) -> None:
        raise RefusedMigrationError(Problem(path=path, message=message, hint=hint))


def _unreachable(name: str, fresh: list[str]) -> Notice:
    new_name = fresh[0] if len(fresh) == 1 else "NewName"
    return Notice(
        text=f"no binding has the class {name}, whose objects are still on the disk",
        hint=f'if it has another name now: renamed_classes = [{{ from = "{name}", to = '
        f'"{new_name}" }}] in [[migrations]]; to delete them: `sourdough rm --class {name}`',
        unbound=True,
    )


def _other_name(register: Register, application: str) -> list[Notice]:
    if register.application == application:
        return []
    recorded = register.application
    return [
        Notice(
            text=f"the application is called {application!r} now, its data was stored under"
            f" {recorded!r}; ids are still made with {recorded!r}",
            hint=f'set name = "{recorded}" again, or use another storage folder to start empty',
        )
    ]


def _words(applied: Applied) -> str:
    return ", ".join(applied.changes) or "nothing"
