"""The apps of docs/asgi.md answer as the text says, inside an object and in front of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.system.client import Client
from tests.system.server import RunningServer

DOCUMENT = Path(__file__).parents[3] / "docs" / "asgi.md"
BLOCK = re.compile(r"^```\w+ project=(\S+)\n((?:.*\n)*?)```$", re.MULTILINE)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of a server that runs the document's project."""
    project = tmp_path_factory.mktemp("document")
    for file, text in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")):
        (project / file).write_text(text)
    with RunningServer(project, "serve", "--hosts", "0") as server, Client(server.url) as client:
        yield client


def test_both_apps_reach_the_room(client):
    """FastAPI inside the room joins; Flask as the entrypoint shows who has."""
    joined = client.request("POST", "/room/lobby/join?user=ada")
    assert joined.json() == {"room": "lobby", "text": "Welcome, ada"}
    assert client.get("/rooms/lobby").json() == {"members": ["ada"]}


def test_an_object_is_relayed_by_the_entrypoint(client):
    """The page of the room's own app, through a stub that waits."""
    answer = client.get("/relayed/lobby")
    assert (answer.status, b"swagger" in answer.body) == (200, True)
