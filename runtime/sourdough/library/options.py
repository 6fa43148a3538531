"""The keyword options of the library: the keys of sourdough.toml, checked by the same rules."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sourdough.config.fault import ConfigFaults
from sourdough.config.model import Project
from sourdough.config.parse import examine, located
from sourdough.config.rules import problems
from sourdough.coordinator.embedded import enlarged
from sourdough.coordinator.folder import plan_folder
from sourdough.coordinator.options import ServerOptions
from sourdough.errors import StorageError
from sourdough.storage.register_file import read_register

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sourdough.config.model import ClassRef, Config
    from sourdough.config.problem import Problem
    from sourdough.coordinator.control import WantedClass
    from sourdough.storage.layout import Layout

LIBRARY = "library"
"""The mode of a server that a program runs."""
DEFAULT_NAME = "app"
"""The application's name where neither the program nor the storage folder has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a coordinator was made with, checked; the classes come later. storage: absolute."""

    what: str
    config: Config
    storage: Path

    def project(self, classes: Iterable[WantedClass]) -> Project:
        """Return the project of these classes. Raises ConfigFaults."""
        places = [str(Path(entry).resolve()) for entry in sys.path]
        root = Path(places[0]) if places and Path(places[0]).is_dir() else Path.cwd()
        project = Project(config=self.config, root=root, path=tuple(places), origin=self.what)
        project = enlarged(project, classes)
        check(project.config, self.what)
        return project

    def server(self, classes: Iterable[WantedClass]) -> ServerOptions:
        """Return what a server of these classes is started with. Raises ConfigFaults."""
        settings = self.config.serve
        return ServerOptions(
            project=self.project(classes),
            mode=LIBRARY,
            host=settings.host,
            port=settings.port,
            gateways=0,
            hosts=self.config.host_count,
            standby=settings.standby,
            drain_timeout=settings.drain_timeout,
            storage=self.storage,
            memory=False,
        )

    def address(self, classes: Iterable[WantedClass], ref: ClassRef) -> tuple[str, str]:
        """Return what the ids of a class are made with: application and storage name.

        Raises ConfigFaults for classes that do not fit the folder, StorageError.
        """
        layout = self.layout(classes)
        return layout.application, layout.storage_name(ref.class_name)

    def layout(self, classes: Iterable[WantedClass]) -> Layout:
        """Return the folder as these classes and the migrations would make it; raises as `address`."""
        return plan_folder(self.project(classes), self.storage)


def read_options(what: str, storage_dir: Path, document: dict[str, Any]) -> Options:
    """Check options that are written as a configuration file would have them.

    what: the call that they were given to. Raises ConfigFaults, and StorageError for a storage
    folder whose own record of the application's name cannot be read.
    """
    storage = Path(storage_dir).absolute()
    if document.get("name") is None:
        document["name"] = _recorded_name(storage)
    config, found = examine(document)
    _refuse(what, found)
    return Options(what=what, config=config, storage=storage)


def check(config: Config, what: str) -> None:
    """Apply the rules between the fields again, once there are classes. Raises ConfigFaults."""
    _refuse(what, list(problems(config)))


def _refuse(what: str, found: list[Problem]) -> None:
    faults = located((each for each in found if not each.unbound), None, file=what)
    if faults:
        raise ConfigFaults(what, faults)


def _recorded_name(storage: Path) -> str:
    """Return the name that the folder's ids are made with: a program need not know it."""
    try:
        register = read_register(storage)
    except OSError as error:
        raise StorageError(
            f"the storage folder cannot be read: {error.strerror}", place=str(storage)
        ) from error
    return DEFAULT_NAME if register is None else register.application
