"""Sockets over the crash of a host or a gateway: W2 - W4, our part of semantics 7.17, trap 34."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from tests.conformance.conftest import PROJECT
from tests.conformance.lines import Lines
from tests.conformance.world import World
from tests.system.server import RunningServer

DROPPED = ["close", 1006, "WebSocket disconnected without sending Close frame.", False]
RESTART = 1012
HEALTHY_SECONDS = 60
"""After which a crash no longer counts when the next comes."""


@pytest.fixture(scope="module")
def running(hosts, tmp_path_factory):
    """A server of its own, whose children die."""
    if hosts == "0":
        pytest.skip("with everything in one process a host dies with its clients")
    project = shutil.copytree(PROJECT, tmp_path_factory.mktemp("crashes") / "project")
    with RunningServer(project, "serve", "--hosts", hosts, ahead=0) as server:
        world = World(server)
        yield world
        world.close()


@pytest.fixture
def crashing(running):
    """The server; each case finds it healthy."""
    yield running
    running.advance(HEALTHY_SECONDS)


@pytest.fixture
def lines(running):
    with Lines(running) as opened:
        yield opened


def kill(room) -> None:
    """End the host of an object as a crash does, and wait for the next to serve."""
    pid = room.call("pid")
    os.kill(pid, signal.SIGKILL)
    served(room.world, pid)


def served(world, ended: int) -> None:
    """Wait until every seat is taken by others than a host that has ended."""
    world.until(lambda: all(is_up(host, ended) for host in world.server.status()["hosts"]), True)


def is_up(host, ended: int) -> bool:
    return host["state"] == "serving" and host["pid"] != ended


def test_sockets_survive_the_crash_of_their_host(crashing, lines):
    """W2, semantics 7.17: the same connection, attachment and tags; a new instance."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one", tag=["red"])
    assert line.value("write", 7) == 7
    before = room.call("pid")
    kill(room)
    assert line.exchange("after the crash") == "after the crash"
    assert room.call("pid") != before
    assert [room.call("ids", "red"), room.call("value")] == [["one"], 7]


def test_what_a_message_told_was_stored(crashing, lines):
    """semantics 7.14, S1: an answer that has arrived is durable, whatever dies then."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate")
    for number in (1, 2):
        line.ask("count")
        assert line.receive() == str(number)
        kill(room)
    assert room.call("value", "count") == 2


def test_the_message_in_doubt(crashing, lines):
    """W3, our part of semantics 7.17: the one whose handler had not come to rest is reported, not replayed; the next goes on."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    assert line.exchange("before") == "before"
    line.ask("die")
    line.send("behind it")
    assert line.receive() == "behind it"
    doubt = ["one", True, '!["die"]']
    assert room.call("told") == [["constructed", [doubt]], ["message", "behind it"]]


def test_a_message_in_doubt_is_reported_once(crashing, lines):
    """W3, our part of semantics 7.17: to the first instance that is made; the next has nothing to restore."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    line.ask("die")
    assert line.exchange("next") == "next"
    assert len(room.call("told")[0]) == 2
    kill(room)
    assert line.exchange("again") == "again"
    assert room.call("told")[0] == ["constructed"]


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


def test_messages_without_doubt(crashing, lines):
    """W3, our part of semantics 7.17: what was handled is not in doubt; a crash between messages leaves nothing to report."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate")
    assert [line.exchange("a"), line.exchange("b")] == ["a", "b"]
    kill(room)
    assert line.exchange("c") == "c"
    assert room.call("told") == [["constructed"], ["message", "c"]]


def test_a_client_closes_while_its_host_is_down(crashing, lines):
    """semantics 7.10, trap 35, W4: the next instance gets the one close."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    kill(room)
    line.begin_close(3000, "in between")
    expected = [["constructed"], ["close", 3000, "in between", True]]
    crashing.until(lambda: room.call("told"), expected)
    assert room.call("ids") == []


def test_our_own_close_survives(crashing, lines):
    """semantics 7.16, 7.3: a socket that was closed stays so, and listed, until its client replies."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate", id="one")
    room.call("closes", 1000, "bye")
    kill(room)
    assert [room.call("ids"), room.call("states")] == [["one"], [2]]
    assert line.ended() == (1000, "bye")
    crashing.until(lambda: room.call("told"), [["constructed"], ["close", 1000, "bye", True]])
    assert room.call("ids") == []


def test_accepted_sockets_end_with_their_host(crashing, lines):
    """W2, semantics 7.17, trap 34: with 1012, at once; the client need not guess."""
    room = crashing.new("ROOM")
    line = lines.open(room, "listen")
    assert line.exchange("x") == "x"
    kill(room)
    assert line.ended()[0] == RESTART
    assert room.call("ids") == []


def test_an_automatic_answer_while_the_host_is_down(crashing, lines):
    """semantics 7.6: it is the gateway's to give."""
    room = crashing.new("ROOM")
    line = lines.open(room, "hibernate")
    room.call("auto", "ping", "pong")
    kill(room)
    assert line.exchange("ping") == "pong"
    assert room.call("autos") == ["ping", "pong"]


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
