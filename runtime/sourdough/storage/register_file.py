"""`namespaces.json`, the register of a storage folder as a file: format 2.

    {"format": 2, "application": "shop",
     "namespaces": {"Tally": {"storage": "Counter"}},
     "deleted": [{"class": "Session", "storage": "Session"}],
     "migrations": [{"tag": "v1", "changes": ["rename Counter to Tally", "delete Session"]}]}

Format 1 had neither deleted classes nor migrations. A newer format is refused, a damaged file is
never replaced by an empty one: ids depend on it (invariant S14).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sourdough.config.register import Applied, Deleted, Register
from sourdough.errors import StorageError, StorageFormatError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
REGISTER = "namespaces.json"


def read_register(root: Path) -> Register | None:
    """Return the register of a folder; None where it has none yet.

    Raises StorageError for a damaged file, StorageFormatError for a newer one, OSError.
    """
    path = root / REGISTER
    try:
        found = json.loads(path.read_bytes())
        version = found["format"]
        if version > FORMAT:
            raise StorageFormatError(
                f"{path} has format {version}, this version reads formats up to {FORMAT}",
                place=str(path),
                hint="upgrade Sourdough",
            )
        return _decoded(found)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{REGISTER} is damaged: {error}",
            place=str(path),
            hint="restore it from a backup: ids depend on it",
        ) from error


def encode_register(register: Register) -> bytes:
    """Return the file's content."""
    content = {
        "format": FORMAT,
        "application": register.application,
        "namespaces": {name: {"storage": storage} for name, storage in register.namespaces.items()},
        "deleted": [
            {"class": each.class_name, "storage": each.storage} for each in register.deleted
        ],
        "migrations": [
            {"tag": each.tag, "changes": list(each.changes)} for each in register.applied
        ],
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def _decoded(found: dict[str, Any]) -> Register:
    return Register(
        application=found["application"],
        namespaces={name: entry["storage"] for name, entry in found["namespaces"].items()},
        deleted=tuple(
            Deleted(class_name=each["class"], storage=each["storage"])
            for each in found.get("deleted", [])
        ),
        applied=tuple(
            Applied(tag=each["tag"], changes=tuple(each["changes"]))
            for each in found.get("migrations", [])
        ),
    )
