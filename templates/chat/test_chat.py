"""People chat and nobody is thrown out. Runs the real server on a copy of this folder: `pytest`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PROJECT = Path(__file__).parent
START_SECONDS = 30
COMMAND = [sys.executable, "-m", "sourdough_cli"]


@pytest.fixture
def project(tmp_path):
    """A copy of the project, with a storage folder of its own."""
    left_out = shutil.ignore_patterns(".sourdough", "__pycache__", ".*_cache", ".venv", ".git")
    return shutil.copytree(PROJECT, tmp_path / "project", ignore=left_out)


@contextmanager
def running(project):
    """Run `sourdough dev` on a free port; yield its URL."""
    with subprocess.Popen(
        [*COMMAND, "dev", "--port", "0"],
        cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as server:  # fmt: skip
        deadline = threading.Timer(START_SECONDS, server.kill)
        deadline.start()
        try:
            url = url_of(server)
            # Read and forget what else it prints, so that it never waits for us.
            threading.Thread(target=server.stdout.read, daemon=True).start()
            yield url
        finally:
            deadline.cancel()
            server.terminate()
            server.wait()


def url_of(server):
    """Read the server's first lines up to the one with its URL."""
    seen = []
    for line in server.stdout:
        seen.append(line)
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip("/")
    pytest.fail("the server did not start:\n" + "".join(seen))


def join(url, name, room="lobby"):
    """Connect to a room."""
    return connect(f"ws{url.removeprefix('http')}/room/{room}/ws?name={name}")


def say(ws, text, id):
    ws.send(json.dumps({"say": text, "id": id}))


def hear(ws, what, seconds=10):
    """Read up to the next message of a kind; return what it tells."""
    while True:
        told = json.loads(ws.recv(timeout=seconds))
        if what in told:
            return told[what]


def kill_hosts(project):
    """End every process that runs our code, without a warning."""
    status = subprocess.check_output([*COMMAND, "status", "--json"], cwd=project)
    for host in json.loads(status)["hosts"]:
        os.kill(host["pid"], signal.SIGKILL)


def test_what_is_said_is_heard_and_kept(project):
    """All in the room hear it, those next door do not, who comes later reads it."""
    with running(project) as url:
        with join(url, "Ada") as ada, join(url, "Bob") as bob, join(url, "Eve", "den") as eve:
            say(ada, "hello", "1")
            for each in ada, bob:
                message = hear(each, "message")
                assert (message["name"], message["text"]) == ("Ada", "hello")
            assert hear(eve, "messages") == []
    with running(project) as url, join(url, "Cat") as cat:
        assert [message["text"] for message in hear(cat, "messages")] == ["hello"]


def test_everybody_sees_who_is_there(project):
    """Coming, renaming and leaving."""
    with running(project) as url, join(url, "Ada") as ada:
        assert hear(ada, "people") == ["Ada"]
        with join(url, "Bob") as bob:
            assert hear(ada, "people") == ["Ada", "Bob"]
            bob.send(json.dumps({"name": " Robert  the Bruce "}))
            assert hear(ada, "people") == ["Ada", "Robert the Bruce"]
        assert hear(ada, "people") == ["Ada"]


def test_a_host_that_dies_throws_nobody_out(project):
    """The same connections go on, and names are as they were."""
    with running(project) as url, join(url, "Ada") as ada, join(url, "Bob") as bob:
        say(ada, "before", "1")
        assert hear(bob, "message")["text"] == "before"
        kill_hosts(project)
        # One that was on its way into a dead host is not delivered again: the page says it again.
        ids = set()
        while "2" not in ids:
            say(bob, "after", "2")
            with suppress(TimeoutError):
                message = hear(ada, "message", seconds=2)
                ids.add(message["id"])
        assert (message["name"], message["text"]) == ("Bob", "after")


def test_a_message_is_said_once(project):
    """The page may send again what it is not sure about."""
    with running(project) as url, join(url, "Ada") as ada:
        say(ada, "hello", "1")
        say(ada, "hello", "1")
        assert hear(ada, "message") == hear(ada, "message")
        with join(url, "Bob") as bob:
            assert len(hear(bob, "messages")) == 1


def test_nonsense_is_refused(project):
    """Who sends it is thrown out, with a reason."""
    with running(project) as url:
        for nonsense in ("{", "[]", '{"say": 1, "id": "1"}', '{"say": " ", "id": "1"}', b"\xff"):
            with join(url, "Eve") as eve:
                eve.send(nonsense)
                with pytest.raises(ConnectionClosed, match="no message of this chat"):
                    hear(eve, "message")


def test_the_page_is_there(project):
    """The entrypoint answers what no route takes, and nothing from elsewhere may run in it."""
    with running(project) as url:
        for path in ("/", "/r/lobby", "/chat.js", "/chat.css"):
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                assert "default-src 'self'" in answer.headers["content-security-policy"]
                assert answer.read()
