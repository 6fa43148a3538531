"""Sockets over new code: W2, our part of semantics 7.17, trap 34; and what is said before it (3.14)."""

from __future__ import annotations

import pytest

from tests.conformance.lines import Lines
from tests.conformance.world import Thing, running_world

RESTART = 1012


@pytest.fixture(scope="module")
def running(hosts, tmp_path_factory):
    """A server of its own, whose code is saved."""
    with running_world(tmp_path_factory.mktemp("reloads"), "dev", hosts=hosts) as world:
        yield world


@pytest.fixture
def lines(running):
    with Lines(running) as opened:
        yield opened


def reload(world) -> None:
    """Save the code and wait until the new hosts serve."""
    module = world.server.project / "room.py"
    seen = len(world.server.lines())
    module.write_text(module.read_text() + "\n# saved again\n")
    world.server.wait_for_line(lambda line: "reloaded" in line, 15, after=seen)


def test_sockets_survive_new_code(running, lines):
    """W2, semantics 7.17: a save replaces the hosts; the connection stays."""
    room = running.new("ROOM")
    line = lines.open(room, "hibernate", id="one", tag=["red"])
    plain = lines.open(room, "listen")
    assert [line.exchange("old code"), plain.exchange("old code")] == ["old code", "old code"]
    reload(running)
    assert line.exchange("new code") == "new code"
    assert room.call("ids", "red") == ["one"]
    assert plain.ended()[0] == RESTART
    assert room.call("told") == [["constructed"], ["message", "new code"]]


def test_sockets_survive_save_after_save(running, lines):
    """W2, semantics 7.17: messages sent meanwhile are all handled, in order and once."""
    room = running.new("ROOM")
    line = lines.open(room, "hibernate")
    count = 0
    for _ in range(2):
        for _ in range(20):
            line.ask("count")
        reload(running)
        for _ in range(20):
            line.ask("count")
        count += 40
        assert line.receives(40) == [str(number) for number in range(count - 39, count + 1)]


def test_old_code_has_last_words(running, lines):
    """semantics 3.14: it is told why, its sockets and other objects hear it, its writes are found."""
    writer, sender, caller = (running.new("LEAVER") for _ in range(3))
    line = lines.open(sender, "hibernate")
    assert line.exchange("old code") == "old code"
    for leaver, plan in ((writer, "writes"), (sender, "sends"), (caller, "passes_on")):
        leaver.call("plan", plan)
    reload(running)
    assert writer.call("finds") == ["code_updated", 1]
    assert line.receive() == "good night"
    # Whether it was still on the old code, or already on the new, when it was given this.
    assert Thing(running, "LEAVER", f"{caller.name}-other").call("last") == "passed on"
