"""Projects for the system tests: copies, so that a test may change what it likes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_PROJECTS = Path(__file__).parent / "projects"

# One process less to start, where a test has nothing to do with a host that takes over at once.
NO_STANDBY = "[serve]\nstandby = false\n"


def make_project(name: str, folder: Path, config: str = "") -> Path:
    """Copy a project; `config` is TOML that is added to its sourdough.toml."""
    project = Path(shutil.copytree(_PROJECTS / name, folder / name))
    file = project / "sourdough.toml"
    file.write_text(f"{file.read_text()}\n{config}")
    return project


@pytest.fixture
def project(tmp_path):
    """Make a project: `project("counters", config="[limits]...")`."""

    def make(name: str, config: str = "") -> Path:
        return make_project(name, tmp_path, config)

    return make


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory):
    """The same for a server that all tests of a module share."""

    def make(name: str, config: str = "") -> Path:
        return make_project(name, tmp_path_factory.mktemp("shared"), config)

    return make
