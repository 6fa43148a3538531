"""What must hold of `[[migrations]]` and `[exports]` whatever a storage folder holds. Pure.

The history is played through once: each step has to fit what the steps before it left, and what
is left at the end has to be bound. So a mistyped class is found before any data is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.config.nearest import suggest
from sourdough.config.problem import BLANK, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.config.lifecycle import Export, Migration
    from sourdough.config.model import Config
    from sourdough.config.positions import KeyPath


def lifecycle_problems(config: Config) -> Iterator[Problem]:
    """Yield every violation of a rule."""
    yield from _tags(config)
    play = _Play(config)
    for index, migration in enumerate(config.migrations):
        yield from play.step(("migrations", index), migration)
    yield from play.end()
    for name, export in config.exports.items():
        yield from _export(config, name, export, play.mentioned)


def _tags(config: Config) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, migration in enumerate(config.migrations):
        if migration.tag in first and migration.tag != BLANK:
            yield Problem(
                path=("migrations", index, "tag"),
                message=f'the tag "{migration.tag}" is that of migrations[{first[migration.tag]}]',
                hint="give each migration a tag of its own",
            )
        first.setdefault(migration.tag, index)


class _Play:
    """The classes while the history goes by."""

    def __init__(self, config: Config) -> None:
        self._bound = [binding.class_name for binding in config.bindings]
        self._live: dict[str, KeyPath] = {}
        """Class -> the key that made it live."""
        self._gone: dict[str, str] = {}
        """Class -> what became of it."""
        self.mentioned: set[str] = set()

    def step(self, at: KeyPath, migration: Migration) -> Iterator[Problem]:
        """Play one migration: what ends goes first, so that its name is free."""
        for index, name in enumerate(migration.deleted_classes):
            path = (*at, "deleted_classes", index)
            yield from self._leave(path, name, f'deleted in "{migration.tag}"')
        renames = list(enumerate(migration.renamed_classes))
        for index, each in renames:
            path = (*at, "renamed_classes", index, "from")
            yield from self._leave(path, each.from_, f"{each.to} now", restores=True)
        for index, each in renames:
            yield from self._enter((*at, "renamed_classes", index, "to"), each.to)
        for key, names in (
            ("new_classes", migration.new_classes),
            ("new_sqlite_classes", migration.new_sqlite_classes),
        ):
            for index, name in enumerate(names):
                yield from self._enter((*at, key, index), name)

    def _leave(
        self, path: KeyPath, name: str, became: str, *, restores: bool = False
    ) -> Iterator[Problem]:
        if name == BLANK:
            return
        self.mentioned.add(name)
        before = self._gone.get(name)
        # A class that was deleted is brought back by renaming it: its objects are still there.
        if before is not None and not (restores and before.startswith("deleted")):
            yield Problem(path=path, message=f"there is no class {name} any more: it is {before}")
        self._live.pop(name, None)
        self._gone[name] = became

    def _enter(self, path: KeyPath, name: str) -> Iterator[Problem]:
        if name == BLANK:
            return
        self.mentioned.add(name)
        if name in self._live:
            yield Problem(path=path, message=f"there is a class {name} already")
        self._live[name] = path
        self._gone.pop(name, None)

    def end(self) -> Iterator[Problem]:
        """Compare what is left with the bindings."""
        if BLANK in self._bound:
            return
        for name, path in self._live.items():
            if name not in self._bound:
                yield Problem(
                    path=path,
                    message=f"no binding has the class {name}",
                    hint=suggest(name, self._bound, otherwise="bound are"),
                    unbound=True,
                )
        for index, name in enumerate(self._bound):
            if name in self._gone:
                yield Problem(
                    path=("durable_objects", "bindings", index, "class_name"),
                    message=f"the class {name} is {self._gone[name]}, by [[migrations]]",
                    hint="bind the class that takes its place, or remove the binding",
                )


def _export(config: Config, name: str, export: Export, migrated: set[str]) -> Iterator[Problem]:
    path: KeyPath = ("exports", name)
    bound = [binding.class_name for binding in config.bindings]
    if name in migrated:
        yield Problem(path=path, message=f"[[migrations]] speak of {name}; keep one of the two")
    if (export.state == "renamed") != (export.renamed_to is not None):
        yield Problem(path=path, message='renamed_to and state = "renamed" belong together')
    if BLANK in bound:
        return
    if export.state == "created" and name not in bound:
        hint = suggest(name, bound, otherwise="bound are")
        yield Problem(path=path, message=f"no binding has the class {name}", hint=hint)
    if export.state in {"renamed", "deleted"} and name in bound:
        yield Problem(
            path=(*path, "state"),
            message=f"the class {name} is bound, and cannot be {export.state}",
            hint="bind the class that takes its place, or remove the binding",
        )
    target = export.renamed_to
    if export.state == "renamed" and target and target not in bound:
        hint = suggest(target, bound, otherwise="bound are")
        yield Problem(
            path=(*path, "renamed_to"), message=f"no binding has the class {target}", hint=hint
        )
