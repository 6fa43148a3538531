"""Nothing stays behind: no process of a reload, no folder of a server that was killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.system.client import Client
from tests.system.conftest import NO_STANDBY
from tests.system.editing import edit, save
from tests.system.server import RunningServer, wait_until

THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"


@pytest.fixture
def counters(project):
    return project("counters", NO_STANDBY)


def run_folder(project: Path) -> Path:
    """Return the temporary folder of the project's server."""
    server = json.loads((project / ".sourdough" / "server.json").read_bytes())
    return Path(server["control"]).parent


def test_a_thread_of_the_user_keeps_no_old_host(counters):
    """After a reload the old hosts end, although the interpreter waits for their threads."""
    edit(counters / "counters.py", "import asyncio\n", f"import asyncio\n{THREAD}")
    with RunningServer(counters, "dev", "--hosts", "1") as server:
        old = set(server.children("host"))
        save(counters, 1)
        server.wait_for_line(lambda line: "reloaded counters.py" in line)
        assert wait_until(lambda: not old & set(server.children("host")), 20)


def test_the_folder_of_a_killed_server_is_removed_by_the_next(counters):
    """Its sockets lie in the system's temporary folder, which nobody else would tidy."""
    with RunningServer(counters, "serve", "--hosts", "1") as server:
        folder = run_folder(counters)
        server.signal(signal.SIGKILL)
        server.wait()
        assert not server.left_after(10)
        assert folder.exists()
    with RunningServer(counters, "serve", "--hosts", "0"):
        assert run_folder(counters) != folder
        assert not folder.exists()


def test_hosts_are_replaced_although_the_temporary_folder_was_tidied(counters):
    """A new host makes the folder again, so the seat is taken."""
    with RunningServer(counters, "serve") as server, Client(server.url) as client:
        shutil.rmtree(run_folder(counters))
        for pid in server.children("host"):
            os.kill(pid, signal.SIGKILL)
        server.wait_for_event("host.recovered", host=1)
        server.wait_for_event("host.recovered", host=2)
        assert client.post("/direct/a/increment").json() == {"value": 1}
