"""What the coordinator knows of objects: which there are, when they wake, who is kept out.

The parts are independent of each other; here they are made, and told what they share.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sourdough.coordinator.alarms import Alarms
from sourdough.coordinator.answers import namespaces_of
from sourdough.coordinator.bookkeeping import Bookkeeping
from sourdough.coordinator.class_removal import ClassRemoval
from sourdough.coordinator.crons import Crons
from sourdough.coordinator.quarantine import Quarantines
from sourdough.coordinator.questions import Questions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.catalogue import Catalogue
    from sourdough.coordinator.reference import Namespace
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker
    from sourdough.observe.breadcrumb import Crumb
    from sourdough.observe.records import Record
    from sourdough.storage.layout import Layout


class Ledger:
    """Everything about objects, beside the processes that run them."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        catalogue: Catalogue,
        layout: Layout,
        clock: Clock,
        record: Callable[[Record], None],
        settled: Callable[[], bool],
    ) -> None:
        """settled: no host of earlier code runs."""
        self.layout = layout
        """That of now: a reload may bring new classes."""
        self._supervisor = supervisor
        self.catalogue = catalogue
        self.questions = Questions(supervisor)
        self.alarms = Alarms(
            supervisor=supervisor, catalogue=catalogue, clock=clock, chance=random.random
        )
        self.bookkeeping = Bookkeeping(catalogue, lambda: self.layout, self.questions, self.alarms)
        self.quarantines = Quarantines(supervisor=supervisor, clock=clock, record=record)
        self.crons = Crons(supervisor=supervisor, catalogue=catalogue, clock=clock, record=record)
        self.class_removal = ClassRemoval(
            namespaces=self.namespaces,
            layout=lambda: self.layout,
            settled=settled,
            remove=self.questions.remove,
            forget=catalogue.remove,
            ended=self._class_ended,
        )
        supervisor.on_ready = self.quarantines.greet
        supervisor.on_crashed = self._host_ended

    def namespaces(self) -> list[Namespace]:
        """Return the namespaces that are bound, and those that are only in the folder."""
        return namespaces_of(self._supervisor.application.options.project.config, self.layout)

    def changed(self) -> None:
        """A child's state has changed."""
        self.alarms.changed()
        self.crons.changed()

    def tick(self) -> None:
        """A second has passed."""
        self.quarantines.tick()

    def _host_ended(self, worker: Worker, code: int, crumb: Crumb | None) -> None:
        self.bookkeeping.reconcile()
        self.quarantines.host_ended(worker, code, crumb)

    def _class_ended(self, layout: Layout) -> None:
        self.layout = layout
