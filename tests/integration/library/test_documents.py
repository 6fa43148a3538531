"""The programs in docs/library.md and in the README run, and do what stands beside them."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
from pathlib import Path

import httpx2
import pytest

from sourdough import ClusterCoordinator, serve
from tests.integration.library.conftest import running

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```python (?:program|project)=(\S+)\n((?:.*\n)*?)```$", re.MULTILINE)
DOCUMENT = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A folder with the programs of the documents."""
    for document in (ROOT / "README.md", ROOT / "docs" / "library.md"):
        for name, text in BLOCK.findall(document.read_text(encoding="utf-8")):
            (tmp_path / name).write_text(text)
    return tmp_path


async def test_the_scripts_count_on(folder):
    """What they print is what the text says; both count in the same objects."""
    printed = []
    for program in ("quick.py", "quick.py", "script.py"):
        async with running(program, cwd=folder) as started:
            out, error = await started.process.communicate()
        assert (started.process.returncode, error) == (0, b"")
        printed.append(out.decode().strip())
    assert printed == ["1 10", "11 20", "21"]


async def test_the_application_runs_under_uvicorn(folder):
    """The documented requests, to the mounted route and to the application's own."""
    port = _free_port()
    arguments = ("-m", "uvicorn", "--port", port, "--log-level", "warning", "web:app")
    async with (
        running(*arguments, cwd=folder) as program,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        await _answers(client, "/openapi.json")
        answer = await client.post("/chat/?id=lobby", content=b"hello")
        assert answer.json() == ["hello"]
        assert (await client.get("/count/lobby")).json() == 1
        assert (await client.get("/chat/")).status_code == 400
        program.process.send_signal(15)
        await program.process.communicate()


async def test_the_server_serves(folder):
    """On the port that stands there; here it is another."""
    port = _free_port()
    script = folder / "server.py"
    script.write_text(script.read_text().replace("port=3000", f"port={port}"))
    async with (
        running(script, cwd=folder) as program,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        assert f":{port} (objects in 2 hosts)" in (await program.process.stdout.readline()).decode()
        assert [(await client.get("/a")).text for _ in range(2)] == ["a: 1\n", "a: 2\n"]
        program.process.send_signal(15)
        _, error = await program.process.communicate()
    assert (program.process.returncode, error) == (0, b"")


def test_the_table_has_every_option():
    """By its name, in the order of the signatures."""
    options = list(inspect.signature(ClusterCoordinator).parameters)
    rows = re.findall(r"^\| (`.*?)(?: \(.*?)? \| ", DOCUMENT, re.MULTILINE)
    assert re.findall(r"`(\w+)`", "".join(rows[:-1])) == options
    more = set(inspect.signature(serve).parameters) - {"fetch", *options}
    assert set(re.findall(r"`(\w+)`", rows[-1])) == more


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def _answers(client, target):
    async with asyncio.timeout(15):
        while True:
            try:
                await client.get(target)
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
            else:
                return
