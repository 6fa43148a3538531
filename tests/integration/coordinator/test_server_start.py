"""A server that does not serve yet, or never will: its screen draws and takes keys meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
import threading

import pytest

from sourdough.config.model import Config, Project
from sourdough.coordinator.child import ChildProcess
from sourdough.coordinator.listening import listen
from sourdough.coordinator.options import ServerOptions
from sourdough.coordinator.server import Server
from sourdough.errors import StartError, StorageFormatError


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


async def test_a_server_that_cannot_adopt_its_alarms_ends(tmp_path):
    """What recoveries left cannot be read: the error is told, and nothing keeps the process (S11)."""
    journals = tmp_path / ".sourdough" / "journal.d"
    journals.mkdir(parents=True)
    (journals / "intents").write_bytes(b"no list of alarms")
    before = set(threading.enumerate())
    with pytest.raises(StorageFormatError, match="cannot be read") as raised:
        await made(tmp_path).run()
    assert "catalogue.sqlite" in str(raised.value.hint)
    left = {each.name for each in set(threading.enumerate()) - before}
    # Those end with the loop.
    assert all(name.startswith(("asyncio", "AnyIO")) for name in left), left


def test_a_port_that_cannot_be_had_is_told_with_what_to_do():
    """Another port helps where it is taken, another address where that is not of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=os.strerror(errno.EADDRINUSE)) as raised:
            listen("127.0.0.1", port)
    assert "`--port 0` any free one" in str(raised.value.hint)
    with pytest.raises(StartError) as raised:
        listen("192.0.2.1", 0)  # of documents (RFC 5737), never of this machine
    assert "--host" in str(raised.value.hint)


async def test_a_child_is_out_of_the_terminal_s_reach_from_its_first_instruction(tmp_path):
    """Ctrl-C goes to the whole group, also while a child still imports (invariant P7)."""
    ended = asyncio.Event()
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        (tmp_path / "lock").open("w") as lock,
    ):
        child = await ChildProcess.spawn(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            listening=listening,
            lock_fd=lock.fileno(),
            on_message=lambda _: None,
            on_output=lambda *_: None,
            on_exit=lambda _: ended.set(),
        )
        try:
            assert os.getpgid(child.pid) == child.pid
        finally:
            child.kill()
            await ended.wait()
