"""What an object begins beside its events (semantics 3.6 - 3.11, 4.1.1), and clients that leave."""

from __future__ import annotations

import http.client
import socket
import struct
from urllib.parse import urlsplit

import pytest

from tests.conformance.world import Thing, failure, result

IDLE_SECONDS = 10
LONG = 20 * IDLE_SECONDS


def instances_after(world, worker, seconds) -> int:
    world.advance(seconds)
    return worker.call("constructions")


@pytest.mark.parametrize("what", ["task", "group", "grandchild", "gather", "outgoing_call"])
def test_work_under_way_keeps_an_object(world, what):
    """semantics 3.6, 3.8, 3.10b, trap 37: the idle time begins when the last of it has ended."""
    worker = world.new("WORKER")
    worker.call("begins", what)
    assert instances_after(world, worker, LONG) == 1
    if what == "outgoing_call":
        Thing(world, "WORKER", f"{worker.name}-other").call("opens")
        world.until(lambda: worker.call("noted"), ["called"])
    else:
        worker.call("opens")
    assert instances_after(world, worker, IDLE_SECONDS / 2) == 1
    assert instances_after(world, worker, IDLE_SECONDS + 0.1) == 2


def test_a_timer_keeps_an_object(world):
    """semantics 3.6, 3.10b: until it rings or is cancelled."""
    worker = world.new("WORKER")
    worker.call("begins", "timer")
    assert instances_after(world, worker, LONG) == 1
    worker.call("ends_timer")
    assert instances_after(world, worker, IDLE_SECONDS + 0.1) == 2
    assert worker.call("noted") == []


def test_fields_keep_nothing(world):
    """semantics 3.5, 3.6: memory is not work; what should stay is written down."""
    worker = world.new("WORKER")
    worker.call("begins", "fields")
    assert instances_after(world, worker, IDLE_SECONDS + 0.1) == 2


def test_a_task_in_a_context_of_its_own_outlives_its_object(world):
    """semantics 3.10b: it is nobody's, and is said to be by its context."""
    worker = world.new("WORKER")
    worker.call("begins", "others_task")
    assert instances_after(world, worker, IDLE_SECONDS + 0.1) == 2
    worker.call("notes_down", "end")
    world.until(lambda: worker.call("noted"), ["begun", "end", "ended"])


def test_nothing_outlives_abort(world):
    """semantics 3.11, trap 13: nothing runs that was begun before, nothing new begins."""
    worker = world.new("WORKER")
    seen = worker.fails("aborts_amid_work")
    assert [seen.text, seen.durable_object_reset] == ["enough", True]
    closed = "Durable Object storage is no longer accessible."
    expected = [f"the handler: {closed}", f"call: {closed}", "caught"]
    world.until(lambda: worker.call("noted"), expected)
    # The next instance takes as long as what should not run would.
    assert worker.call("sleeps_beside_a_section")[:3] == expected
    assert worker.call("noted")[3:5] == ["inside: timer", "inside: answered"]
    assert len(worker.call("noted")) == len(expected) + 5
    assert worker.call("entries") == {}
    assert Thing(world, "WORKER", f"{worker.name}-other").call("noted") == []


def test_a_timer_may_abort(world):
    """semantics 3.11: every caller in flight is told."""
    seen = world.new("WORKER").fails("aborts_in_a_timer")
    assert [seen.text, seen.durable_object_reset] == ["by a timer", True]


def test_answers_timers_and_sleeps_wait_for_a_section(world):
    """semantics 4.1.1, 4.3.1: what was begun outside of it comes in after it."""
    seen = world.new("WORKER").call("sleeps_beside_a_section")
    assert seen[:2] == ["inside: timer", "inside: answered"]
    assert set(seen[2:]) == {"outside: slept", "outside: answered", "outside: timer"}


def test_a_queue_takes_so_many_bytes(world):
    """semantics 2 texts, 10.14: what is too much is refused at once, with its own sentence."""
    worker, witness = world.new("WORKER"), world.new("WORKER")
    held = world.begin(worker, "holds", witness.name)
    world.until(lambda: witness.call("noted"), ["held"])
    refused = world.failure("overfills", worker.name)
    assert refused.text == "Durable Object is overloaded. Too much data queued."
    assert [refused.overloaded, refused.retryable] == [True, False]
    world.advance(31)
    assert failure(held.result(10)).durable_object_reset


def test_a_queue_lets_nobody_wait_for_too_long(world):
    """semantics 2 texts, 10.14: whenever the call arrived, it does not wait for all the sections."""
    worker, witness = world.new("WORKER"), world.new("WORKER")
    sections = 8
    held = world.begin(worker, "holds_on", witness.name, sections)
    world.until(lambda: "begun 0" in witness.call("noted"), True)
    waiting = world.begin(worker, "noted")
    for number in range(sections):  # each has 30 s of its own
        world.until(lambda n=number: f"begun {n}" in witness.call("noted"), True)
        if not waiting.done():
            world.advance(20)
        witness.call("notes_down", f"end {number}")
    seen = failure(waiting.result(10))
    assert seen.text == "Durable Object is overloaded. Requests queued for too long."
    assert seen.overloaded
    assert result(held.result(10)) is None
    assert worker.call("constructions") == 1


class Leaving:
    """A client that leaves in the middle of a request."""

    def __init__(self, world, worker, action) -> None:
        address = urlsplit(world._server.url)
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        self._connection.request("GET", f"/worker/{worker.name}/{action}")

    def reads(self, size: int) -> bytes:
        return self._connection.getresponse().read(size)

    def leaves(self) -> None:
        """Cut the connection: one that is closed politely may still be read from."""
        assert self._connection.sock is not None
        at_once = struct.pack("ii", 1, 0)
        self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self._connection.close()


def test_an_object_sees_its_client_leave_and_works_on(world):
    """semantics 3.10, trap 12, invariant D7: nothing is cancelled; `request.signal` says it."""
    worker = world.new("WORKER")
    client = Leaving(world, worker, "waits")
    world.until(lambda: worker.call("noted"), ["began"])
    client.leaves()
    world.until(lambda: worker.call("noted"), ["began", "left: True", "worked on"])
    assert worker.call("entries") == {"after": "the client"}


def test_a_streamed_body_is_closed_when_its_client_leaves(world):
    """semantics 3.10, invariant D7: the body ends, the object does not."""
    worker = world.new("WORKER")
    client = Leaving(world, worker, "streams")
    assert client.reads(4) == b"more"
    client.leaves()
    world.until(lambda: worker.call("noted"), ["closed"])
    assert worker.call("constructions") == 1


def test_a_client_that_waits_has_not_left(world):
    """semantics 3.10: also when it has sent everything."""
    worker = world.new("WORKER")
    assert worker.request("GET", "looks").json() is False
