"""The two commands of the readme do what it says, on a machine with nothing but Python and pip."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from threading import Timer

import pytest

ROOT = Path(__file__).parents[2]
RUN, TEST = re.findall(
    r"^    (python3 -m venv .*)$", (ROOT / "README.md").read_text(), re.MULTILINE
)
NOT_COPIED = (".git", ".venv", ".sourdough", ".hypothesis", "__pycache__", ".*_cache")
MADE = "counter"  # the folder that the first command makes


@pytest.fixture
def checkout(tmp_path):
    """A copy of the tree, as a clone would be."""
    without = shutil.ignore_patterns(*NOT_COPIED)
    copy = Path(shutil.copytree(ROOT, tmp_path / "checkout", ignore=without))
    shutil.rmtree(copy / MADE, ignore_errors=True)
    return copy


@pytest.fixture
def bare(tmp_path):
    """An environment whose python3 is the one below this one, with an empty home."""
    programs = tmp_path / "bin"
    programs.mkdir()
    base = Path(sys._base_executable)
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{base}" "$@"\n')
    (programs / "python3").chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV", "COV"))
    }
    home = {"HOME": str(tmp_path), "PATH": f"{programs}:/usr/bin:/bin"}
    return {**kept, **home, "PYTHONUNBUFFERED": "1"}


def call(url: str, method: str) -> dict[str, object]:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
        return json.load(answer)


@pytest.mark.timeout(200)
def test_the_first_command_runs_the_counter(checkout, bare):
    """It installs, makes the project and serves it; Ctrl-C ends all of it, and it can run again."""
    for value in (1, 2):
        server = subprocess.Popen(
            ["bash", "-c", f"{RUN} --port 0"],
            cwd=checkout,
            env=bare,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        deadline = Timer(90, os.killpg, (server.pid, signal.SIGKILL))
        deadline.start()
        try:
            url = serving(server)
            assert call(f"{url}/counter/a/increment", "POST") == {"name": "a", "value": value}
            os.killpg(server.pid, signal.SIGINT)
            rest = server.stdout.read()
            server.wait()
        finally:
            deadline.cancel()
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
            server.stdout.close()
            server.wait()
        assert "everything acknowledged is on disk" in rest


def serving(server: subprocess.Popen[str]) -> str:
    """Read up to the line that says that it serves; return the URL."""
    seen = []
    for line in server.stdout:
        seen.append(line)
        found = re.search(r"serving (http://\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError("the server did not start:\n" + "".join(seen))


def test_the_second_command_is_what_ci_runs():
    """Word for word; a green CI is a green README."""
    assert f"  {TEST}\n" in (ROOT / ".ci" / "run").read_text()
    assert TEST.endswith("-m pytest -q")
