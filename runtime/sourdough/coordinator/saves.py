"""What a save of the user's files leads to: a reload, with a changed configuration where it is one.

A changed configuration waits for the code that belongs to it: gateways and the storage folder learn
of it at the hand-over, when that code is loaded. Code that does not load leaves everything as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sourdough.config.fault import ConfigFaults
from sourdough.config.load import load
from sourdough.coordinator.folder import plan_folder, records_of
from sourdough.coordinator.launcher import Application
from sourdough.errors import ConfigError, SourdoughError, StorageError
from sourdough.observe.records import ReloadFailed, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sourdough.clock import Clock
    from sourdough.config.model import Config, Project
    from sourdough.coordinator.options import ServerOptions
    from sourdough.coordinator.reload import Reload
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.observe.records import Record
    from sourdough.storage.layout import Layout

_FIXED = {"name": "name", "host_count": "hostCount", "storage": "[storage]", "dev": "[dev]"}
"""What a server keeps for its life, and how people know it; everything else a reload brings."""


class Saves:
    """Takes the names of saved files; `adopted` tells the server of a changed configuration."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        reload: Reload,
        clock: Clock,
        record: Callable[[Record], None],
        adopted: Callable[[ServerOptions, Layout], None],
    ) -> None:
        self._supervisor = supervisor
        self._reload = reload
        self._clock = clock
        self._record = record
        self._adopted = adopted
        self._coming: Layout | None = None
        self._unread = False
        """Whether the file has faults: a save of the code may be what corrects them."""
        reload.adopt = self.adopt

    def take(self, files: Sequence[str]) -> None:
        """Files were saved (relative to the project); none: somebody asked for a reload."""
        if self._supervisor.stopping:
            return
        file = self._supervisor.application.options.project.file
        if file is not None and (file.name in files or self._unread):
            self._unread = not self._read_config(file, files)
            if self._unread:
                return
        self._reload.begin(files)

    def change(self, project: Project) -> None:
        """Serve a configuration that is in no file. Raises ConfigError, StorageError."""
        self._expect(project)
        self._reload.begin([])

    def give_up(self) -> None:
        """The code of a changed configuration does not load: hosts go on with what is served."""
        self._coming = self._supervisor.application.coming = None

    def adopt(self) -> bool:
        """Serve the configuration that the loaded code belongs to; return whether it is another.

        Raises StorageError when a change of the classes cannot be written down.
        """
        layout, application = self._coming, self._supervisor.application
        if layout is None:
            return False
        layout.commit()
        self._coming = None
        application.adopt()
        self._adopted(application.options, layout)
        for record in records_of(layout, self._clock):
            self._record(record)
        return True

    def _read_config(self, file: Path, files: Sequence[str]) -> bool:
        """Read a changed configuration; return False when it has faults."""
        former = self._supervisor.application.for_hosts.options.project.config
        try:
            changed = load(file)
            self._expect(changed)
        except (ConfigError, StorageError) as error:
            serving = bool(self._supervisor.seats.taken())
            self._record(_not_read(error, files, self._clock.now(), serving=serving))
            return False
        self._tell_fixed(former, changed.config)
        return True

    def _expect(self, changed: Project) -> None:
        application = self._supervisor.application
        options = application.options
        layout = plan_folder(changed, options.storage)
        application.coming = Application(
            replace(options, project=changed),
            application=application.application,
            storage_names=layout.storage_names,
        )
        self._coming = layout

    def _tell_fixed(self, old: Config, new: Config) -> None:
        """Say what of the configuration takes effect with the next start only."""
        changed = [told for key, told in _FIXED.items() if getattr(old, key) != getattr(new, key)]
        if not changed:
            return
        *most, last = changed
        told = f"{', '.join(most)} and {last} take" if most else f"{last} takes"
        self._record(
            Warned(
                ts=self._clock.now(),
                text=f"{told} effect at the next start",
                hint="stop the server and start it again",
            )
        )


def _not_read(
    error: SourdoughError, files: Sequence[str], now: float, *, serving: bool
) -> ReloadFailed:
    """Tell the first fault at its place; a line has room for one."""
    text, place = error.message, error.place
    if isinstance(error, ConfigFaults):
        first, *others = error.faults
        text = f"{first.field}: {first.text}" if first.field else first.text
        text += f" (and {len(others)} more; `sourdough check` shows all)" if others else ""
        place = first.place
    return ReloadFailed(ts=now, files=tuple(files), error=text, serving=serving, place=place)
