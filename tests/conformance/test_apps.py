"""An ASGI app inside an object, and long bodies both ways, seen by a client."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

MEGABYTES = 64
# What a process may grow by while 64 MB pass through it; buffers of streams are 256 KiB each.
GROWTH = 24 * 1024 * 1024


@pytest.fixture
def studio(world):
    return world.new("STUDIO")


@pytest.fixture
def connection(world):
    """A connection of its own, for answers that are read bit by bit."""
    made = http.client.HTTPConnection(urlsplit(world.server.url).netloc, timeout=20)
    yield made
    made.close()


def path(studio, rest):
    return f"/studio/{studio.name}/{rest}"


def test_an_app_answers_for_its_object(studio):
    """semantics 2.1: its routes begin below the object's; state, storage, name are the object's."""
    for value in (1, 2):
        answer = studio.request("POST", "count")
        expected = {"value": value, "name": studio.name, "started": True}
        assert (answer.status, answer.json()) == (200, expected)


def test_an_app_knows_where_it_is_mounted(studio):
    """semantics 2.1: `root_path` is what the route's pattern took; the URLs it makes lead back to it."""
    root = f"/studio/{studio.name}"
    assert studio.request("GET", "where").json() == {"root": root, "url": f"{root}/where"}
    assert studio.request("GET", "nothing").status == 404


def test_an_error_of_an_app_tells_the_client_nothing(studio):
    """semantics 2.14: the general sentence with the request's id, as of any handler."""
    answer = studio.request("GET", "broken")
    assert answer.status == 500
    assert answer.json()["error"] == "the handler raised an error"
    assert b"secret" not in answer.body


def test_background_tasks_of_an_app_run(studio):
    """semantics 3.10: behind the answer."""
    assert studio.request("GET", "later").json() == "now"
    until(lambda: studio.request("GET", "kept").json() == "done")


def test_each_event_of_a_stream_leaves_at_once(studio, connection):
    """semantics 4.2.1: the first is there while the app waits before the second."""
    connection.request("GET", path(studio, "events"))
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [answer.readline(), answer.readline()] == [b"data: first\n", b"\n"]
    assert studio.request("POST", "open").status == 200
    assert answer.read() == b"data: second\n\n"


def test_a_client_that_leaves_ends_its_stream(studio, connection):
    """semantics 3.10: the app's generator is closed; nobody has to send first."""
    connection.request("GET", path(studio, "events"))
    answer = connection.getresponse()
    assert answer.readline() == b"data: first\n"
    answer.close()
    connection.close()
    until(lambda: studio.request("GET", "left").json())


def test_long_bodies_pass_with_flat_memory(world, studio, connection):
    """semantics 2.6: 64 MB up and down; no process keeps more than a small part of them."""
    studio.request("POST", "upload", bytes(1024 * 1024))
    studio.request("GET", "download?mb=1")
    before = resident(world)
    peak = dict(before)
    piece = bytes(1024 * 1024)

    def pieces():
        for _ in range(MEGABYTES):
            grow(peak)
            yield piece

    length = {"content-length": str(MEGABYTES * len(piece))}
    connection.request("POST", path(studio, "upload"), pieces(), length)
    assert connection.getresponse().read() == str(MEGABYTES * len(piece)).encode()
    connection.request("GET", path(studio, f"download?mb={MEGABYTES}"))
    answer, size = connection.getresponse(), 0
    while chunk := answer.read(len(piece)):
        size += len(chunk)
        grow(peak)
    assert size == MEGABYTES * len(piece)
    assert {
        pid: peak[pid] - before[pid] for pid in before if peak[pid] - before[pid] > GROWTH
    } == {}


def test_a_reader_that_is_slow_slows_the_writer(world, studio, connection):
    """semantics 2.6: a body that nobody reads is not collected: the app waits, so does memory."""
    studio.request("GET", "download?mb=1")
    before = resident(world)
    connection.request("GET", path(studio, "download?mb=1024"))
    answer = connection.getresponse()
    assert answer.read(1024)
    peak = dict(before)
    for _ in range(20):
        grow(peak)
        time.sleep(0.01)
    answer.close()
    assert {
        pid: peak[pid] - before[pid] for pid in before if peak[pid] - before[pid] > GROWTH
    } == {}


def resident(world) -> dict[int, int]:
    """Return the resident bytes of each process of the server."""
    return {pid: bytes_of(pid) for pid in world.server.pids()}


def bytes_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def grow(peak: dict[int, int]) -> None:
    """Note the bytes of now, where they are more."""
    for pid, most in peak.items():
        peak[pid] = max(most, bytes_of(pid))


def until(condition, seconds: float = 10.0) -> None:
    """Ask until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
