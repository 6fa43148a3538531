"""Where the answers of reading commands come from: the running server, or the folder itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from sourdough.coordinator.inspection import Inspection, Removed, RemovedClass
from sourdough.coordinator.listing import Listing
from sourdough_cli.place import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sourdough.coordinator.control import Inspect, List, Remove, RemoveClass
    from sourdough.coordinator.control_client import ControlClient
    from sourdough_cli.place import Place


class Source(Protocol):
    """Answers what `ls`, `inspect` and `rm` ask. Raises SourdoughError as each of them documents."""

    def list(self, request: List) -> Listing: ...

    def inspect(self, request: Inspect) -> Inspection: ...

    def remove(self, request: Remove) -> Removed: ...

    def remove_class(self, request: RemoveClass) -> RemovedClass: ...


class ServerSource:
    """Asks the running server."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    def list(self, request: List) -> Listing:
        return self._client.ask(request, Listing)

    def inspect(self, request: Inspect) -> Inspection:
        return self._client.ask(request, Inspection)

    def remove(self, request: Remove) -> Removed:
        return self._client.ask(request, Removed)

    def remove_class(self, request: RemoveClass) -> RemovedClass:
        return self._client.ask(request, RemovedClass)


@contextmanager
def open_source(place: Place) -> Iterator[Source]:
    """Yield the source for a folder; without a server its lock is held meanwhile (S10).

    Raises FolderInUseError when something else than a server works in the folder.
    """
    from sourdough_cli.main import installed_version

    client = connect(place, installed_version())
    if client is not None:
        with client:
            yield ServerSource(client)
        return
    from sourdough.coordinator.offline import open_offline

    with open_offline(place.storage, place.project) as source:
        yield source
