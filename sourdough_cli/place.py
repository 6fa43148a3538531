"""Where a reading command looks: the storage folder, and the server that may be running on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.coordinator.control_client import DEADLINE_SECONDS, ControlClient
from sourdough.coordinator.server_file import read_server_file
from sourdough.errors import ConfigError, SourdoughError

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.config.model import Project

DEFAULT_STORAGE = ".sourdough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A storage folder, and the project it belongs to where that could be read."""

    storage: Path
    project: Project | None = None

    @property
    def shown(self) -> str:
        """The folder as a person would write it from here."""
        from pathlib import Path

        here = Path.cwd()
        inside = self.storage.is_absolute() and self.storage.is_relative_to(here)
        return str(self.storage.relative_to(here) if inside else self.storage)


def find_place(config: Path | None, storage: Path | None) -> Place:
    """Return where to look: --storage, else what the configuration says, else .sourdough.

    A configuration that is broken must not hide what is stored, so its faults are ignored here.
    Raises ConfigError when the configuration that was asked for is not there.
    """
    project, root = _project(config)
    if storage is not None:
        return Place(storage=storage, project=project)
    if project is not None:
        return Place(storage=project.storage_path, project=project)
    return Place(storage=root / DEFAULT_STORAGE)


def _project(config: Path | None) -> tuple[Project | None, Path]:
    from pathlib import Path

    from sourdough.config.load import find, load

    try:
        file = find(config)
    except ConfigError:
        if config is not None:
            raise
        return None, Path()
    try:
        return load(file), file.parent
    except ConfigError:
        return None, file.parent


def connect(
    place: Place, version: str, *, seconds: float = DEADLINE_SECONDS
) -> ControlClient | None:
    """Return a connection to the server of a folder; None when none is running.

    seconds: for the whole life of the connection. Raises SourdoughError when one runs and does not take commands.
    """
    server = read_server_file(place.storage)
    if server is None or not server.coordinator.alive:
        return None
    client = ControlClient.connect(server.control, version=version, seconds=seconds)
    if client is None and server.coordinator.alive:
        raise SourdoughError(
            f"The server with pid {server.pid} takes no commands: it is starting or stopping.",
            place=server.control,
            hint="Try again in a moment.",
        )
    return client
