"""What the tables of the model have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

# A day: longer waits are mistakes (milliseconds taken for seconds), and no timer needs them.
LONGEST = 86_400
# More of anything than fits into memory; keeps every number within 64 bits.
MOST = 1_000_000_000


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that accepts its fields and nothing else."""

    refused: ClassVar[dict[str, str]] = {}
    """Keys of Cloudflare's that cannot be here, each with the reason."""


def spellings(field: FieldInfo) -> tuple[str, ...]:
    """Return the keys of a field: that of the file, and its Python name where that is a word.

    `from_` is none: it is `from`, which Python keeps for itself.
    """
    if field.name.endswith("_"):
        return (field.encode_name,)
    return tuple(dict.fromkeys((field.encode_name, field.name)))
