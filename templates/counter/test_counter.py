"""The counter counts and remembers. Runs the real server on a copy of this folder: `pytest`."""

import json
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent
START_SECONDS = 30


@pytest.fixture
def project(tmp_path):
    """A copy of the project, with a storage folder of its own."""
    left_out = shutil.ignore_patterns(".sourdough", "__pycache__", ".*_cache", ".venv", ".git")
    return shutil.copytree(PROJECT, tmp_path / "project", ignore=left_out)


@contextmanager
def running(project):
    """Run `sourdough dev` on a free port; yield its URL."""
    command = [sys.executable, "-m", "sourdough_cli", "dev", "--port", "0"]
    with subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        deadline = threading.Timer(START_SECONDS, server.kill)
        deadline.start()
        try:
            yield url_of(server)
        finally:
            deadline.cancel()
            server.terminate()


def url_of(server):
    """Read the server's first lines up to the one with its URL."""
    seen = []
    for line in server.stdout:
        seen.append(line)
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip("/")
    pytest.fail("the server did not start:\n" + "".join(seen))


def call(url, method="GET", body=None):
    """Return the status and the JSON of an answer."""
    request = urllib.request.Request(url, method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_counts_and_remembers(project):
    """Each name counts for itself, and a restart forgets nothing."""
    with running(project) as url:
        assert call(f"{url}/counter/a") == (200, {"name": "a", "value": 0})
        assert call(f"{url}/counter/a/increment", "POST") == (200, {"name": "a", "value": 1})
        assert call(f"{url}/counter/a/increment", "POST", b'{"by": 4}')[1]["value"] == 5
        assert call(f"{url}/counter/b")[1]["value"] == 0
    with running(project) as url:
        assert call(f"{url}/counter/a") == (200, {"name": "a", "value": 5})


def test_malformed_steps_change_nothing(project):
    """A body that is not {"by": n} is answered with 400 and a sentence."""
    with running(project) as url:
        for body in (b"{", b"[1]", b'{"by": "2"}', b'{"by": 1.5}', b'{"by": true}', b"\xff"):
            status, answer = call(f"{url}/counter/a/increment", "POST", body)
            assert status == 400
            assert answer["error"].endswith(".")
        assert call(f"{url}/counter/a")[1]["value"] == 0


def test_the_page_is_there(project):
    """The entrypoint answers what no route takes."""
    with running(project) as url, urllib.request.urlopen(f"{url}/", timeout=10) as answer:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "Increment" in answer.read().decode()
