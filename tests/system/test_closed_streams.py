"""A server whose standard streams were closed by whoever started it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys

import pytest

from tests.system.client import Client
from tests.system.conftest import NO_STANDBY
from tests.system.server import wait_until


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_server_without_standard_streams_serves(project, closed):
    """No socket takes the place of a stream, where output would go into it."""
    counters = project("counters", NO_STANDBY)
    words = [sys.executable, "-m", "sourdough_cli", "serve", "--port", "0", "--hosts", "1"]
    file = counters / ".sourdough" / "server.json"
    server = subprocess.Popen(
        ["sh", "-c", f"exec {shlex.join(words)} {closed}"],
        cwd=counters, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_until(lambda: file.exists() or server.poll() is not None, 20)
        assert server.poll() is None
        with Client(json.loads(file.read_bytes())["url"]) as client:
            assert client.post("/direct/a/increment").json() == {"value": 1}
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(20)
    assert code == 0
