"""What a save of the user's files leads to: a reload, with a changed configuration where it is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sourdough.config.load import load
from sourdough.errors import ConfigError, StorageError
from sourdough.observe.records import ReloadFailed, Warned
from sourdough.storage.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.clock import Clock
    from sourdough.config.model import Config
    from sourdough.coordinator.options import ServerOptions
    from sourdough.coordinator.reload import Reload
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.observe.records import Record


class Saves:
    """Takes the names of saved files; `adopt` gives the server a changed configuration."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        reload: Reload,
        clock: Clock,
        record: Callable[[Record], None],
        adopt: Callable[[ServerOptions, Layout], None],
    ) -> None:
        self._supervisor = supervisor
        self._reload = reload
        self._clock = clock
        self._record = record
        self._adopt = adopt

    def take(self, files: Sequence[str]) -> None:
        """Files were saved (relative to the project); none: somebody asked for a reload."""
        if self._supervisor.stopping:
            return
        file = self._supervisor.application.options.project.file
        if file is not None and file.name in files and not self._read_config(files):
            return
        self._reload.begin(files)

    def _read_config(self, files: Sequence[str]) -> bool:
        """Take a changed configuration; return False when it has faults."""
        application = self._supervisor.application
        options = application.options
        project = options.project
        assert project.file is not None
        try:
            changed = load(project.file)
            bindings = changed.config.bindings
            classes = [binding.class_name for binding in bindings]
            layout = Layout.open(options.storage, changed.config.name, classes)
        except (ConfigError, StorageError) as error:
            self._record(
                ReloadFailed(
                    ts=self._clock.now(), files=tuple(files), error=error.message, place=error.place
                )
            )
            return False
        self._tell_fixed(project.config, changed.config)
        application.options = replace(options, project=changed)
        application.storage_names = layout.storage_names
        self._adopt(application.options, layout)
        self._supervisor.configure_gateways()
        return True

    def _tell_fixed(self, old: Config, new: Config) -> None:
        """Say what of the configuration takes effect with the next start only."""
        if (old.name, old.host_count, old.storage, old.dev) == (
            new.name, new.host_count, new.storage, new.dev,
        ):  # fmt: skip
            return
        self._record(
            Warned(
                ts=self._clock.now(),
                text="name, hostCount, [storage] and [dev] take effect at the next start",
                hint="stop the server and start it again",
            )
        )
