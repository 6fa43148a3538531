"""`sourdough status` as a person runs it, against a real control socket."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from sourdough.coordinator.control import Ok, Status
from sourdough.coordinator.control_server import ControlServer
from sourdough.coordinator.process import ProcessIdentity
from sourdough.coordinator.server_file import ServerFile
from sourdough.observe.status import CoordinatorStatus, Snapshot

SNAPSHOT = Snapshot(
    version="0.1.0",
    name="chat-app",
    url="http://127.0.0.1:8787",
    storage=".sourdough",
    durability="disk",
    sync_seconds=None,
    coordinator=CoordinatorStatus(pid=1, since=0.0, mode="serve"),
    gateways=(),
    hosts=(),
    standby=None,
    table_version=1,
    objects_known=3,
)


async def sourdough(*words: str, cwd: Path) -> tuple[int, str, str]:
    """Run the command in a process of its own; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sourdough_cli", *words,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def storage(tmp_path):
    """A storage folder whose server answers with SNAPSHOT."""
    folder = tmp_path / ".sourdough"
    folder.mkdir()

    async def handle(request):
        assert request == Status()
        return Ok.of(SNAPSHOT)

    with tempfile.TemporaryDirectory(prefix="sd-") as sockets:
        server = ControlServer(Path(sockets) / "control.sock", handle, version="0.1.0")
        await server.start()
        server_file(server.path).write(folder)
        yield folder
        await server.close()


def server_file(control: Path, start_time: str | None = None) -> ServerFile:
    me = ProcessIdentity.of(os.getpid())
    return ServerFile(
        pid=me.pid,
        start_time=start_time or me.start_time,
        version="0.1.0",
        url="http://127.0.0.1:8787",
        control=str(control),
        mode="serve",
    )


async def test_a_running_server_is_shown(storage):
    """The socket is found through server.json, and the snapshot is printed."""
    code, out, err = await sourdough("status", cwd=storage.parent)
    assert (code, err) == (0, "")
    assert out.startswith("chat-app   running   http://127.0.0.1:8787\n")


async def test_json_is_the_snapshot(storage):
    """Programs get the snapshot as it is, wherever they run."""
    code, out, _ = await sourdough("status", "--json", "--storage", str(storage), cwd=Path("/"))
    assert code == 0
    assert msgspec.convert(json.loads(out), Snapshot) == SNAPSHOT


async def test_a_server_that_takes_no_commands_yet_is_not_called_dead(storage):
    """Between its start and its socket a server is starting, which is no `not running`."""
    server_file(storage / "nowhere.sock").write(storage)
    code, out, err = await sourdough("status", cwd=storage.parent)
    assert (code, out) == (1, "")
    assert f"pid {os.getpid()} takes no commands" in err


async def test_no_server_is_exit_code_1(tmp_path):
    """A script learns it from the code, and from `null`."""
    code, out, err = await sourdough("status", cwd=tmp_path)
    assert (code, err) == (1, "")
    assert out.startswith("not running   storage .sourdough\n")
    assert await sourdough("status", "--json", cwd=tmp_path) == (1, "null\n", "")


async def test_a_dead_server_is_not_running(tmp_path):
    """What a crash left in the folder does not look like a server."""
    folder = tmp_path / ".sourdough"
    folder.mkdir()
    server_file(folder / "gone.sock", start_time="1@another-boot").write(folder)
    code, out, _ = await sourdough("status", cwd=tmp_path)
    assert code == 1
    assert f"pid {os.getpid()}, did not end in order" in out


async def test_a_newer_server_file_is_told_and_exits_with_4(tmp_path):
    """A folder of a newer version is an error of storage, not a server that is down."""
    folder = tmp_path / ".sourdough"
    folder.mkdir()
    (folder / "server.json").write_text('{"format": 2}')
    code, out, err = await sourdough("status", cwd=tmp_path)
    assert (code, out) == (4, "")
    assert "newer Sourdough" in err
