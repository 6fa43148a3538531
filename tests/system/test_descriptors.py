"""Clients and objects in one process: neither uses up the descriptors of the other (P10)."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack

from tests.system.client import Client
from tests.system.server import RunningServer

_ALLOWED = 1400


def test_many_connections_and_many_objects_share_one_process(project):
    """The clients beyond its share wait, idle objects make room, and everything is answered."""
    counters = project("counters")
    with (
        RunningServer(counters, "serve", "--hosts", "0", ready=False) as server,
        ExitStack() as held,
    ):
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (_ALLOWED, _ALLOWED))
        server.url = server.wait_for_event("server.started")["url"]
        client = held.enter_context(Client(server.url))
        assert client.post("/direct/c0/increment").status == 200
        for _ in range(1000):
            held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        for number in range(1, 400):
            answer = client.post(f"/direct/c{number}/increment")
            assert answer.json() == {"value": 1}, (number, answer.body)
