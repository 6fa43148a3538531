"""Where the databases of facets are: beside that of their object. Pure.

    <id>.sqlite          the object
    <id>.2.sqlite        its facet number 2
    <id>.2.1.sqlite      facet number 1 of that facet

So a facet's database is one like any other, in the slot of its object, with a key of its own: where
records of the journal name a storage name, they name "Counter.2.1" for it. A number is given by the
database that the facet belongs to (`facet_index.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SUFFIX = ".sqlite"
_NAME = re.compile(r"(?P<stem>[0-9a-f]+(?:\.[0-9]+)*)\.sqlite(?:\.new)?")


def facet_path(path: Path, number: int) -> Path:
    """Return the place of a facet's database; `path`: of the database that it belongs to."""
    return path.with_name(f"{path.name.removesuffix(_SUFFIX)}.{number}{_SUFFIX}")


def below(path: Path, names: Iterable[str]) -> list[Path]:
    """Return the databases of all facets below a database, those of others' facets first.

    names: what is in its folder; a database that has no name of its own yet counts as well. In this
    order they are removed, so that none is there without the one it belongs to.
    """
    begin = path.name.removesuffix(_SUFFIX) + "."
    stems = {found["stem"] for found in map(_NAME.fullmatch, names) if found is not None}
    found = [stem for stem in stems if stem.startswith(begin)]
    found.sort(key=lambda stem: (-stem.count("."), stem))
    return [path.with_name(stem + _SUFFIX) for stem in found]


def split(path: Path) -> tuple[str, str]:
    """Return the object's id in hex digits, and what a facet's numbers add to its storage name."""
    digits, dot, numbers = path.name.partition(_SUFFIX)[0].partition(".")
    return digits, dot + numbers


def join(path: Path, numbers: str) -> Path:
    """Return the place of an object's facet, the other way round; `path`: of the object."""
    return path.with_name(f"{path.name.removesuffix(_SUFFIX)}{numbers}{_SUFFIX}")
