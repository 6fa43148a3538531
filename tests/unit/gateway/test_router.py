"""From a path to the object it is for, as a gateway sees it."""

from __future__ import annotations

import pytest

from sourdough.config.model import Binding, Config, DurableObjects, Route
from sourdough.gateway.edge import Failure
from sourdough.gateway.router import Router
from sourdough.ids import IdFactory
from sourdough.placement import slot_of
from sourdough.transport.outgoing import ENTRY
from sourdough.wire.heads import Kind

ROUTES = (
    Route(pattern="/counter/{name}/*", binding="COUNTER", id="{name}"),
    Route(pattern="/by-id/{id}", binding="COUNTER", id_hex="{id}"),
    Route(pattern="/room", binding="ROOM", id="header:x-room"),
    Route(pattern="/query", binding="ROOM", id="?room"),
)


def router(*, main: str | None = None) -> Router:
    bindings = (
        Binding(name="COUNTER", class_name="Counter", module="counter"),
        Binding(name="ROOM", class_name="Room", module="room"),
    )
    config = Config(
        name="app", main=main, durable_objects=DurableObjects(bindings=bindings), routes=ROUTES
    )
    names = {"Counter": "Counter", "Room": "old_room"}
    return Router(config, application="app", storage_names=names)


def locate(path: bytes, query: bytes = b"", headers: bytes = b"", **options):
    return router(**options).locate(path, query, lambda: headers)


def test_a_path_leads_to_the_object_of_its_name():
    """Key, name, class and slot are those of the id."""
    found = locate(b"/counter/a/increment")
    raw = IdFactory("app", "Counter").from_name("a").raw
    assert found.key == b"Counter" + raw
    assert found.name == b"a"
    assert (found.kind, found.class_name, found.label) == (Kind.FETCH, "Counter", "a")
    assert found.slot == slot_of(raw)


def test_the_recorded_storage_name_counts():
    """A renamed class keeps its objects (invariant S14)."""
    found = locate(b"/room", headers=b"X-Room: lobby\r\n")
    assert found.key == b"old_room" + IdFactory("app", "old_room").from_name("lobby").raw
    assert locate(b"/query", b"room=lobby").key == found.key


def test_a_written_id_leads_to_its_object():
    """Its name is not known to the gateway."""
    made = IdFactory("app", "Counter").from_name("a")
    found = locate(f"/by-id/{made}".encode())
    assert found.key == b"Counter" + made.raw
    assert found.name is None
    assert found.label == str(made)[:12]


def test_an_id_of_another_namespace_is_a_bad_request():
    """The id does not verify."""
    foreign = IdFactory("app", "old_room").from_name("a")
    found = locate(f"/by-id/{foreign}".encode())
    assert isinstance(found, Failure)
    assert found.status == 400


@pytest.mark.parametrize("path", [b"/by-id/abc", b"/room", b"/query", b"/counter/%ff/x"])
def test_a_request_that_names_no_object_is_a_bad_request(path):
    """The pattern wins, and says what is missing."""
    found = locate(path)
    assert isinstance(found, Failure)
    assert found.status == 400


def test_other_paths_go_to_the_entrypoint():
    """Without one they are not found."""
    found = locate(b"/elsewhere", main="app")
    assert (found.kind, found.slot, found.label) == (Kind.ENTRY, ENTRY, None)
    missing = locate(b"/elsewhere")
    assert isinstance(missing, Failure)
    assert missing.status == 404


def test_a_name_too_long_to_be_kept_still_leads_somewhere():
    """Above 1024 bytes the object does not learn it (1.12)."""
    name = "n" * 1025
    found = locate(f"/counter/{name}/x".encode())
    assert found.name is None
    assert found.key == b"Counter" + IdFactory("app", "Counter").from_name(name).raw
