"""How classes came to be what they are: `[[migrations]]` and `[exports.CLASS]` (semantics 9).

Both say the same: which class is new, renamed or deleted. Migrations are a history of steps, each
applied once; exports are the state that is wanted. A class is in one of the two.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from sourdough.config.table import Table

CLASS_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)"

_NOT_TRANSFERRED = (
    "classes are not transferred between applications here; objects stay in the storage folder "
    "of the application that made them"
)

ClassName = Annotated[str, Meta(pattern=CLASS_NAME)]


class RenamedClass(Table, frozen=True, kw_only=True):
    """A class under its old and its new name."""

    from_: Annotated[str, Meta(description="The name that the class had.", pattern=CLASS_NAME)] = (
        field(name="from")
    )
    to: Annotated[
        str, Meta(description="The name that it has now: its objects go along.", pattern=CLASS_NAME)
    ]


class Migration(Table, frozen=True, kw_only=True):
    """One step of the history of the classes, applied once and never changed afterwards."""

    refused: ClassVar[dict[str, str]] = {"transferred_classes": _NOT_TRANSFERRED}

    tag: Annotated[
        str,
        Meta(
            description="The name of the step; each is given once.", min_length=1, examples=["v1"]
        ),
    ]
    new_classes: Annotated[
        tuple[ClassName, ...],
        Meta(description="Classes that begin here; a class needs this only to begin anew."),
    ] = ()
    new_sqlite_classes: Annotated[
        tuple[ClassName, ...],
        Meta(description="The same as new_classes: every object has an SQLite database."),
    ] = ()
    renamed_classes: Annotated[
        tuple[RenamedClass, ...],
        Meta(description="Classes that have another name from here on and keep their objects."),
    ] = ()
    deleted_classes: Annotated[
        tuple[ClassName, ...],
        Meta(
            description="Classes that end here. Their objects stay on the disk until "
            "`sourdough rm --class` deletes them."
        ),
    ] = ()

    @property
    def new(self) -> tuple[str, ...]:
        """The classes that begin, under either key."""
        return self.new_classes + self.new_sqlite_classes

    @property
    def changes(self) -> tuple[str, ...]:
        """The step in words, as the storage folder remembers it."""
        return (
            *(f"delete {name}" for name in self.deleted_classes),
            *(f"rename {each.from_} to {each.to}" for each in self.renamed_classes),
            *(f"new {name}" for name in self.new),
        )


class Export(Table, frozen=True, kw_only=True):
    """What has become of the class of this name: the declarative form of migrations."""

    refused: ClassVar[dict[str, str]] = {
        "transferred_to": _NOT_TRANSFERRED,
        "transfer_from": _NOT_TRANSFERRED,
    }

    type: Annotated[Literal["durable-object"], Meta(description="What the class is.")] = (
        "durable-object"
    )
    storage: Annotated[Literal["sqlite"], Meta(description="How its objects store.")] = "sqlite"
    state: Annotated[
        Literal["created", "renamed", "deleted"] | None,
        Meta(
            description="created, or nothing: it is there. renamed: it is called renamed_to now. deleted: it "
            "has ended; its objects stay on the disk until `sourdough rm --class` deletes them."
        ),
    ] = None
    renamed_to: Annotated[
        ClassName | None, Meta(description="The name that a renamed class has now.")
    ] = None


class Lifecycle(Table, frozen=True, kw_only=True):
    """Both forms together; what the storage folder is opened with."""

    migrations: tuple[Migration, ...] = ()
    exports: dict[str, Export] = field(default_factory=dict)
