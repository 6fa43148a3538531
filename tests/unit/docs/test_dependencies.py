"""Each dependency has its reason in the documents."""

from __future__ import annotations

import re
import tomllib

from tests.unit.docs import markdown


def test_every_dependency_has_its_reason():
    """The table of docs/architecture.md is the list of pyproject.toml."""
    project = tomllib.loads((markdown.ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[\w-]+", line).group() for line in project["dependencies"]}
    header = ("library", "for", "why this one")
    rows = markdown.table(markdown.ROOT / "docs" / "architecture.md", *header)
    assert {library for library, *_ in rows} == needed
    assert all(all(row) for row in rows)
