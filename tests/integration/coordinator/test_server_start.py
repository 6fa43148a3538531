"""A server that does not serve yet, or never will: its screen draws and takes keys meanwhile."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sourdough.config.model import Config, Project
from sourdough.coordinator.options import ServerOptions
from sourdough.coordinator.server import Server
from sourdough.errors import StartError


def made(tmp_path, *, port=0):
    options = ServerOptions(
        project=Project(config=Config(name="app"), root=tmp_path),
        mode="dev",
        host="127.0.0.1",
        port=port,
        gateways=1,
        hosts=1,
        standby=False,
        drain_timeout=1.0,
        storage=tmp_path / ".sourdough",
    )
    return Server(options, on_record=lambda _: None)


async def test_a_server_without_processes_has_a_picture(tmp_path):
    """Before the start, and when the port is taken, the snapshot has no processes."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = made(tmp_path, port=taken.getsockname()[1])
        assert server.snapshot().hosts == ()
        with pytest.raises(StartError, match="cannot listen"):
            await server.run()
        assert server.snapshot().name == "app"


async def test_a_key_pressed_before_the_start_ends_it(tmp_path):
    """A stop while the folder is taken and recovered ends the server before it has processes."""
    server = made(tmp_path)
    running = asyncio.ensure_future(server.run())
    await asyncio.sleep(0)
    server.reload()
    server.stop()
    assert await running == 0
    assert server.snapshot().hosts == ()
