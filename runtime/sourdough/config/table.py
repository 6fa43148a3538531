"""What the tables of the model have in common."""

from __future__ import annotations

from msgspec import Struct

# A day: longer waits are mistakes (milliseconds taken for seconds), and no timer needs them.
LONGEST = 86_400
# More of anything than fits into memory; keeps every number within 64 bits.
MOST = 1_000_000_000


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that accepts its fields and nothing else."""
