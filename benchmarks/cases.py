"""Which operations are measured, at how many connections, over how many objects."""

from __future__ import annotations

from dataclasses import dataclass

from contenders import JOURNAL, UVICORN, WAL, WORKERD


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one request does."""

    key: str
    label: str
    path: str
    """`%d` becomes the number of the object."""
    bare_path: str
    """What bare uvicorn is asked beside it."""
    writes: bool
    who: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """An operation under one load."""

    operation: Operation
    connections: int
    objects: int
    quick: bool = False
    """It is in `--quick` too."""

    @property
    def name(self) -> str:
        objects = "one object" if self.objects == 1 else f"{self.objects:,} objects"
        connections = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        return f"{self.operation.label}, {connections}, {objects}"


_READING = (UVICORN, JOURNAL, WORKERD)
_WRITING = (UVICORN, JOURNAL, WAL, WORKERD)

NOOP = Operation(
    key="noop", label="no-op call", path="/noop/o%d", bare_path="/", writes=False, who=_READING
)
MEMORY = Operation(
    key="memory", label="in-memory counter", path="/memory/o%d", bare_path="/memory/o%d",
    writes=False, who=_READING,
)  # fmt: skip
COUNTER = Operation(
    key="counter", label="durable increment", path="/counter/o%d", bare_path="/",
    writes=True, who=_WRITING,
)  # fmt: skip
ROWS = Operation(
    key="rows", label="durable SQL insert", path="/rows/o%d", bare_path="/",
    writes=True, who=_WRITING,
)  # fmt: skip

OPERATIONS = (NOOP, MEMORY, COUNTER, ROWS)

CASES = (
    Case(NOOP, 1, 100),
    Case(NOOP, 32, 1),
    Case(NOOP, 32, 100, quick=True),
    Case(NOOP, 256, 100),
    Case(MEMORY, 32, 1),
    Case(MEMORY, 32, 100, quick=True),
    Case(MEMORY, 256, 100),
    Case(COUNTER, 1, 100, quick=True),
    Case(COUNTER, 32, 1, quick=True),
    Case(COUNTER, 32, 100, quick=True),
    Case(COUNTER, 256, 100),
    Case(ROWS, 1, 100),
    Case(ROWS, 32, 1),
    Case(ROWS, 32, 100, quick=True),
    Case(ROWS, 256, 100),
    # Last, because making and waking so many takes longest: they get the rounds that are left.
    Case(COUNTER, 32, 10_000),
    Case(COUNTER, 256, 10_000),
)

WHOLE = tuple(
    Case(operation, connections, objects)
    for objects in (1, 100, 10_000)
    for operation in OPERATIONS
    for connections in (1, 32, 256)
)
"""Every operation under every load; those of 10,000 objects last."""
