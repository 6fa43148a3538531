"""The application of docs/websockets.md does what the text says, with real connections."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from tests.system.client import Client
from tests.system.server import RunningServer

DOCUMENT = Path(__file__).parents[3] / "docs" / "websockets.md"
BLOCK = re.compile(r"^```\w+ project=(\S+)\n((?:.*\n)*?)```$", re.MULTILINE)
FILES = dict(BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")))
CLIENTS = re.findall(r"^async def (\w+)\(url\):$", FILES["clients.py"], re.MULTILINE)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The document's project."""
    project = tmp_path_factory.mktemp("document")
    for file, text in FILES.items():
        (project / file).write_text(text)
    return project


@pytest.fixture(scope="module")
def server(project):
    """A server that runs it."""
    with RunningServer(project, "serve", "--hosts", "0") as server:
        yield server


@pytest.fixture(scope="module")
def clients(project):
    """The module with the document's clients."""
    spec = importlib.util.spec_from_file_location("document_clients", project / "clients.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_clients_are_found():
    """The test below looks at something."""
    assert len(CLIENTS) >= 4


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_client_gets_what_it_expects(server, clients, name):
    """Its assertions hold, with connections to the server."""
    client = getattr(clients, name)
    assert inspect.iscoroutinefunction(client)
    await client(server.url.replace("http", "ws", 1))


def test_code_is_a_client_of_an_object_and_of_the_world(server):
    """Through a stub, and through `sourdough.connect`."""
    outside = server.url.replace("http", "ws", 1)
    with Client(server.url) as client:
        assert client.get("/ask").body == b"HELLO"
        assert client.get(f"/listen?url={outside}/line/b").body == b"HELLO"


def test_who_is_not_let_in_gets_the_answer(server):
    """An upgrade may be answered like any other request."""
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with Client(server.url) as client:
        answer = client.request("GET", "/private", headers=upgrade)
    assert (answer.status, answer.body) == (401, b"Who are you?\n")
