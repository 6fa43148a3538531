"""What `call` and `fetch` share: they ask the running server, and nobody else can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.errors import SourdoughError
from sourdough_cli.place import connect

if TYPE_CHECKING:
    from sourdough.coordinator.control import Run
    from sourdough.coordinator.inspection import Ran
    from sourdough_cli.place import Place

# Beyond the time that the object gets: for the way there and back.
_MARGIN_SECONDS = 10.0


def run_errand(place: Place, request: Run) -> Ran:
    """Return what the object answered. Raises SourdoughError, also for no running server."""
    from sourdough.coordinator.control import MAX_REQUEST_BYTES, encode
    from sourdough.coordinator.inspection import Ran
    from sourdough_cli.main import installed_version

    if len(encode(request)) > MAX_REQUEST_BYTES:
        raise SourdoughError(
            f"What is sent from the command line is at most {MAX_REQUEST_BYTES // 1024} KiB.",
            hint="Send it over HTTP.",
        )
    seconds = request.seconds + _MARGIN_SECONDS
    client = connect(place, installed_version(), seconds=seconds)
    if client is None:
        raise SourdoughError(
            f"No server runs on {place.shown}.", hint="`sourdough dev` starts one."
        )
    with client:
        return client.ask(request, Ran)
