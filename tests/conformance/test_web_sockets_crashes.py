"""Sockets over the crash of a host or a gateway: W2 - W4, our part of semantics 7.17, trap 34."""

from __future__ import annotations

import os
import signal

import pytest

from tests.conformance.lines import Lines
from tests.conformance.world import running_world

DROPPED = ["close", 1006, "WebSocket disconnected without sending Close frame.", False]
RESTART = 1012
HEALTHY_SECONDS = 60
"""After which a crash no longer counts when the next comes."""


@pytest.fixture(scope="module")
def running(hosts, tmp_path_factory):
    """A server of its own, whose children die."""
    if hosts == "0":
        pytest.skip("with everything in one process a host dies with its clients")
    with running_world(tmp_path_factory.mktemp("crashes"), "serve", hosts=hosts) as world:
        yield world


@pytest.fixture
def crashing(running):
    """The server; each case finds it healthy."""
    yield running
    running.advance(HEALTHY_SECONDS)


@pytest.fixture
def lines(running):
    with Lines(running) as opened:
        yield opened


def kill(*rooms) -> set[int]:
    """End the hosts of objects as a crash does; return which."""
    pids = {room.call("pid") for room in rooms}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


def served(world, ended: set[int]) -> None:
    """Wait until every seat is taken by others than the hosts that have ended."""
    world.until(lambda: all(is_up(host, ended) for host in world.server.status()["hosts"]), True)


def is_up(host, ended: set[int]) -> bool:
    return host["state"] in {"serving", "ready"} and host["pid"] not in ended


# Each of these prepares an object, yields it, goes on when its host has been killed, yields again,
# and looks at the next instance when every seat is taken.


def stays_connected(world, lines):
    """W2, semantics 7.17: the same connection, attachment and tags; what was stored is there."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate", id="one", tag=["red"])
    assert line.value("write", 7) == 7
    yield room
    yield
    assert line.exchange("after the crash") == "after the crash"
    assert [room.call("ids", "red"), room.call("value")] == [["one"], 7]


def has_no_doubts(world, lines):
    """W3: what was handled is not in doubt; a crash between messages leaves nothing to report."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate")
    assert [line.exchange("a"), line.exchange("b")] == ["a", "b"]
    yield room
    yield
    assert line.exchange("c") == "c"
    assert room.call("told") == [["constructed"], ["message", "c"]]


def is_durable_when_it_arrives(world, lines):
    """semantics 7.14, S1: whatever dies right behind an answer."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate")
    assert [line.value("count"), line.value("count")] == [1, 2]
    yield room
    yield
    assert room.call("value", "count") == 2


def closes_in_between(world, lines):
    """semantics 7.10, trap 35, D1: once, or never if it was given to the host that was dying."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    yield room
    assert line.close(3000, "in between") == (3000, "in between")
    yield
    world.until(lambda: room.call("ids"), [])
    assert room.call("told")[1:] in ([["close", 3000, "in between", True]], [])


def is_answered_in_between(world, lines):
    """semantics 7.6: the automatic answer is the gateway's to give; it is still set then."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate")
    line.ask("auto", "ping", "pong")
    assert line.receive() == "set"
    yield room
    assert line.exchange("ping") == "pong"
    yield
    assert room.call("autos") == ["ping", "pong"]


def ends_with_its_host(world, lines):
    """W2, trap 34: an accepted one, with 1012, at once; the client need not guess."""
    room = world.new("ROOM")
    line = lines.open(room, "listen")
    assert line.exchange("x") == "x"
    yield room
    assert line.ended()[0] == RESTART
    yield
    assert room.call("told") == [["constructed"]]


def test_sockets_over_the_crash_of_their_host(crashing, lines):
    """semantics 7.17, W2, W3: what becomes of each kind, in one crash of all hosts."""
    cases = [
        case(crashing, lines)
        for case in (
            stays_connected,
            has_no_doubts,
            is_durable_when_it_arrives,
            closes_in_between,
            is_answered_in_between,
            ends_with_its_host,
        )
    ]
    ended = kill(*[next(case) for case in cases])
    for case in cases:
        next(case)
    served(crashing, ended)
    for case in cases:
        assert next(case, "all of it") == "all of it"


def test_the_message_in_doubt(crashing, lines):
    """W3, our part of semantics 7.17: the one whose handler had not come to rest is reported, once,
    and not replayed; the next goes on."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    assert line.exchange("before") == "before"
    line.ask("die")
    line.send("behind it")
    assert line.receive() == "behind it"
    doubt = ["one", True, '!["die"]']
    assert room.call("told") == [["constructed", [doubt]], ["message", "behind it"]]
    served(crashing, kill(room))
    assert line.exchange("again") == "again"
    assert room.call("told") == [["constructed"], ["message", "again"]]


def test_a_crash_in_the_middle_of_many_messages(crashing, lines):
    """W3, D1, our part of semantics 7.17: each is handled once; one at most is in doubt, and said so."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    pid, count = room.call("pid"), 100
    for _ in range(count):
        line.ask("count")
    line.send("end")
    answers = line.receives(10)
    os.kill(pid, signal.SIGKILL)
    answers = [int(each) for each in [*answers, *line.before("end")]]
    stored = room.call("value", "count")
    assert answers == sorted(set(answers))
    assert answers[-1] == stored
    [*_, birth, end] = room.call("told")
    doubted = birth[1:]
    assert end == ["message", "end"]
    if doubted:
        assert doubted == [[["one", True, '!["count"]']]]
        assert [len(answers) in {count - 1, count}, stored in {count - 1, count}] == [True, True]
    else:
        assert answers == list(range(1, count + 1))


def test_sockets_of_a_gateway_that_died(crashing, lines):
    """W4, semantics 7.10: each of them gets its one close event, also in an object that sleeps."""
    awake, asleep = crashing.new("ROOM"), crashing.new("ROOM")
    opened = [lines.open(room, "hibernate", id="one") for room in (awake, asleep)]
    assert opened[0].exchange("x") == "x"
    crashing.advance(11)
    for pid in crashing.server.children("gateway"):
        os.kill(pid, signal.SIGKILL)
    assert [line.ended()[0] for line in opened] == [1006, 1006]
    crashing.reconnect()
    for room in (awake, asleep):
        crashing.until(lambda room=room: room.call("told")[-1], DROPPED)
        assert room.call("ids") == []
