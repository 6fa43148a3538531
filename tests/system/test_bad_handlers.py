"""User code that fails in every way it can: its caller is told, and everybody else is served."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import threading

import pytest

from tests.system.client import Answer, Client
from tests.system.server import RunningServer

# What would betray a stack trace to a client.
_TRACE = re.compile(rb"Traceback|File \"|\.py")


@pytest.fixture(scope="module")
def faults(shared_project):
    return shared_project("faults")


@pytest.fixture(scope="module")
def server(faults):
    """One server for the tests of this module that leave its processes alone."""
    with RunningServer(faults, "serve", "--hosts", "2") as running:
        yield running


@pytest.fixture(scope="module")
def mortal(shared_project):
    """One server for the tests that end its hosts; each of them looks at those that it has ended."""
    with RunningServer(shared_project("faults"), "serve", "--hosts", "2") as running:
        yield running


@pytest.fixture
def client(server):
    with Client(server.url) as connected:
        yield connected


def _is_bare(answer: Answer) -> None:
    """A 500 without a stack trace, and with the id that the log knows it by."""
    assert answer.status == 500
    assert not _TRACE.search(answer.body), answer.body
    assert answer.json()["request_id"]


@pytest.mark.parametrize("path", ["/faulty/a/raise", "/raise", "/call/a/fail"])
def test_a_handler_that_raises_is_a_bare_500(server, client, path):
    """`serve` shows a client no stack trace; the log has type, text and place."""
    answer = client.get(path)
    _is_bare(answer)
    line = server.wait_for_event("request", path=path)
    assert line["status"] == 500
    assert re.match(r"(ValueError|KeyError): ", line["error"])
    assert line["error_at"].partition(":")[0] in {"faulty.py", "app.py"}


@pytest.mark.parametrize("path", ["/faulty/a/wrong", "/wrong"])
def test_a_handler_that_returns_the_wrong_type_is_told_so(server, client, path):
    """500, and the log says what was returned instead of a Response."""
    _is_bare(client.get(path))
    assert "returned dict, not a Response" in server.wait_for_event("request", path=path)["error"]


def test_a_handler_that_never_returns_is_a_504(server, client):
    """limits.request_timeout answers for it, while others of the same object are served."""
    answers = []

    def ask() -> None:
        with Client(server.url) as other:
            answers.append(other.get("/faulty/never/never"))

    waiting = threading.Thread(target=ask)
    waiting.start()
    for _ in range(20):
        assert client.get("/faulty/never/ok").status == 200
    waiting.join(10)
    assert [each.status for each in answers] == [504]


def test_sys_exit_in_a_handler_is_a_500_and_nothing_more(client):
    """A handler cannot end the host with an exception: the process goes on."""
    before = client.get("/faulty/a/ok").json()["pid"]
    _is_bare(client.get("/faulty/a/exit"))
    assert client.get("/faulty/a/ok").json()["pid"] == before


def test_recursion_without_end_is_a_500(client):
    """RecursionError stays in its request."""
    before = client.get("/faulty/a/ok").json()["pid"]
    _is_bare(client.get("/faulty/a/recurse"))
    assert client.get("/faulty/a/ok").json()["pid"] == before


def test_a_body_that_fails_half_way_never_ends_properly(client):
    """D3: an answer that was cut short has no final chunk."""
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        client.get("/faulty/a/partial")
    assert client.get("/faulty/a/ok").status == 200


def test_an_object_that_cannot_be_made_fails_alone(faults, server, client):
    """A constructor that raises fails its own requests; the next one tries again."""
    broken = faults / "f1.broken"
    broken.touch()
    _is_bare(client.get("/fragile/f1"))
    _is_bare(client.get("/fragile/f1"))
    assert client.get("/fragile/f2").status == 200
    broken.unlink()
    assert client.get("/fragile/f1").body == b"made\n"


def test_dev_shows_the_traceback_to_the_client(project):
    """In `dev` the JSON of a 500 holds exception and traceback."""
    with RunningServer(project("faults"), "dev", "--hosts", "1") as dev, Client(dev.url) as client:
        answer = client.get("/faulty/a/raise")
        assert answer.status == 500
        told = answer.json()
        assert told["exception"] == "ValueError: negative step"
        assert 'raise ValueError("negative step")' in told["traceback"]


def test_a_handler_that_ends_the_process_crashes_its_host_only(mortal):
    """os._exit: the caller gets 503, the seat is taken again, the data is there."""
    with Client(mortal.url) as client:
        assert client.get("/faulty/crashed/write").json() == {"value": 1}
        host = client.get("/faulty/crashed/ok").json()["pid"]
        answer = client.get("/faulty/crashed/crash")
        assert answer.status == 503
        assert answer.headers["retry-after"]
        crashed = mortal.wait_for_event("host.crashed", pid=host)
        assert crashed["reason"] == "exit code 9"
        assert "Faulty" in crashed["running"]
        assert client.get("/faulty/crashed/write").json() == {"value": 2}


def test_a_forked_child_that_outlives_its_host_hides_nothing(mortal):
    """P3: the death is the kernel's word; a grandchild that holds copies of sockets hides nothing."""
    with Client(mortal.url) as client:
        told = client.get("/faulty/forked/fork").json()
        client.get("/faulty/forked/write")
        os.kill(told["pid"], 9)
        crashed = mortal.wait_for_event("host.crashed", pid=told["pid"])
        # The kernel said so, not a heartbeat that was missed.
        assert "SIGKILL" in crashed["reason"]
        assert told["pid"] not in {each["pid"] for each in mortal.events("host.stuck")}
        assert client.get("/faulty/forked/write").json() == {"value": 2}
        assert told["child"] in mortal.pids()
        os.kill(told["child"], 9)


def test_a_forked_child_that_outlives_the_server_leaves_the_folder_free(project):
    """P4: the lock is the server's; a process that user code forked keeps no copy of it."""
    faults = project("faults")
    with RunningServer(faults, "serve", "--hosts", "1") as server, Client(server.url) as client:
        child = client.get("/faulty/a/fork").json()["child"]
        assert server.stop() == 0
        assert list(server.pids()) == [child]
        with (
            RunningServer(faults, "serve", "--hosts", "0") as again,
            Client(again.url) as other,
        ):
            assert other.get("/faulty/a/write").json() == {"value": 1}
        # It is deaf to nothing, unlike the host it came from.
        os.kill(child, signal.SIGTERM)
        assert not server.left_after(10)


def test_programs_that_user_code_starts_can_be_terminated(client):
    """P7: hosts are deaf to SIGTERM, but what they start is not."""
    assert client.get("/faulty/a/program").json() == {"code": -signal.SIGTERM}


def test_programs_can_be_terminated_where_all_is_one_process(project):
    """The same with `hostCount = 0`, where the process is deaf to nothing."""
    faults = project("faults")
    with RunningServer(faults, "serve", "--hosts", "0") as server, Client(server.url) as client:
        assert client.get("/faulty/a/program").json() == {"code": -signal.SIGTERM}


@pytest.mark.parametrize("action", ["spin", "stuck"])
def test_a_host_that_no_longer_answers_is_killed_by_name(mortal, action):
    """Design 6, P6: limits.hang_timeout; the line names the object, the log has the stacks."""
    seen = len(mortal.lines())
    with Client(mortal.url) as client:
        host = client.get(f"/faulty/{action}/ok").json()["pid"]
        with socket.create_connection(("127.0.0.1", mortal.port)) as stuck:
            stuck.sendall(f"GET /faulty/{action}/{action} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            said = mortal.wait_for_event("host.stuck", 20, after=seen)
            assert (said["pid"], said["running"]) == (host, f"Faulty:{action}")
            mortal.wait_for_event("host.crashed", pid=host)
            stuck.settimeout(20)
            assert stuck.recv(100).startswith(b"HTTP/1.1 50")
        if action == "spin":
            mortal.wait_for_line(lambda line: "faulty.py" in line and "do_spin" in line, after=seen)
        assert client.get(f"/faulty/{action}/ok").status == 200
    assert [each["pid"] for each in mortal.events("host.stuck")].count(host) == 1


def test_hosts_stuck_in_c_die_with_their_coordinator(project):
    """P5: a host that holds the interpreter's lock for 30 s is gone long before."""
    with (
        RunningServer(project("faults"), "serve", "--hosts", "1") as server,
        socket.create_connection(("127.0.0.1", server.port)) as stuck,
    ):
        stuck.sendall(b"GET /faulty/a/stuck HTTP/1.1\r\nhost: x\r\n\r\n")
        server.wait_for_event("stdout", text="asleep in C")
        server.signal(9)
        server.wait()
        assert not server.left_after(10)
