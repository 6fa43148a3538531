"""An object that ends its hosts is left alone, and its neighbours run on."""

from __future__ import annotations

import json

import pytest

from tests.integration.coordinator.shell import command
from tests.system.client import Client
from tests.system.server import RunningServer, wait_until

CODE = """\
import asyncio, ctypes, os

from sourdough import DurableObject, Response, WorkerEntrypoint


class Room(DurableObject):
    async def fetch(self, request):
        if request.path.endswith("/exit"):
            os._exit(7)
        if request.path.endswith("/segfault"):
            ctypes.string_at(0)
        if request.path.endswith("/wait"):
            await asyncio.sleep(30)
        return Response.json("well")


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            await self.env.ROOM.get_by_name("bad").fetch(request.url)
        except Exception as error:
            return Response.json([type(error).__name__, str(error), error.retry_after])
"""
CONFIG = """\
name = "app"
main = "rooms.py"
hostCount = 1
[[durable_objects.bindings]]
name = "ROOM"
class_name = "Room"
module = "rooms.py"
[[routes]]
pattern = "/room/{name}/*"
binding = "ROOM"
id = "{name}"
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "rooms.py").write_text(CODE)
    (tmp_path / "sourdough.toml").write_text(CONFIG)
    return tmp_path


def crash(client: Client, how: str) -> None:
    """Have the object end its host, which replaces it before the next request is answered."""
    lost = client.get(f"/room/bad/{how}")
    assert lost.status == 503, lost.body
    assert client.get("/room/good/well").status == 200


def test_an_object_that_ends_its_hosts_is_left_alone(project):
    """design section 6: 503 with Retry-After and the reason, an error for stubs, and a way back."""
    with RunningServer(project, "serve", ahead=0) as server, Client(server.url) as client:
        for how in ("exit", "segfault", "exit"):
            crash(client, how)
        refused = client.get("/room/bad/well")
        assert refused.status == 503
        assert 50 <= int(refused.headers["retry-after"]) <= 60
        assert "Room:bad is in quarantine" in refused.json()["error"]
        assert "exit code 7" in refused.json()["error"]
        kind, text, _ = client.get("/entrypoint").json()
        assert (kind, "Room:bad is in quarantine" in text) == ("QuarantinedError", True)
        assert client.get("/room/good/well").status == 200

        status = json.loads(command(project, "status", "--json").stdout)
        assert [each["object"] for each in status["quarantined"]] == ["Room:bad"]
        assert "Room:bad   in quarantine for" in command(project, "status").stdout

        server.advance(61)
        server.wait_for_event("quarantine.lifted")
        assert client.get("/room/bad/well").status == 200
        crash(client, "exit")  # on probation
        assert int(client.get("/room/bad/well").headers["retry-after"]) > 100

        lifted = command(project, "lift", "ROOM:bad")
        assert (lifted.returncode, "Room:bad" in lifted.stdout) == (0, True), lifted.stderr
        assert wait_until(lambda: client.get("/room/bad/well").status == 200, 10)
        assert command(project, "lift", "ROOM:bad").returncode == 1
