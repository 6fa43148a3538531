"""`sourdough call` and `sourdough fetch`, from the shell to an object of a running server."""

from __future__ import annotations

import json


def test_a_method_is_called_from_the_shell(world):
    """semantics 2.3: by name, arguments by place and by name; an error is a sentence and exit code 1."""
    speaker = f"SPEAKER:{world.name()}"
    done = world.server.command("call", speaker, "echo", "1", '"a"', "by=[2]", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [[1, "a"], {"by": [2]}])
    failed = world.server.command("call", speaker, "raises", '"ValueError"', '"negative"')
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "ValueError: negative" in failed.stderr
    read = world.server.command("call", speaker, "attribute_of_class", "--json")
    assert (read.returncode, json.loads(read.stdout)) == (0, "a property")


def test_a_request_is_sent_from_the_shell(world):
    """semantics 2.1: without a route; the body alone goes to standard output."""
    words = ("fetch", f"SPEAKER:{world.name()}", "/describe?x=1", "-d", "hello", "-H", "x-case: v")
    done = world.server.command(*words)
    told = json.loads(done.stdout)
    assert (told["method"], told["body"], told["header"]) == ("POST", "hello", "v")
    assert "HTTP 201" in done.stderr


def test_an_object_that_has_only_sockets_is_shown_and_deleted(world, lines):
    """semantics 7: nothing is stored, nothing is in memory, and its clients are there all the same."""
    room = world.new("ROOM")
    line = lines.open(room, "hibernate", tag="red")
    world.advance(60)
    shown = json.loads(world.server.command("inspect", f"ROOM:{room.name}", "--json").stdout)
    assert (shown["life"], shown["name"], shown["report"]) == ("asleep", room.name, None)
    assert shown["sockets"] == {"open": 1, "tags": [{"tag": "red", "sockets": 1}]}
    deleted = world.server.command("rm", shown["id"], "--yes")
    assert f'This deletes Room "{room.name}" for good:' in deleted.stdout
    assert "nothing is stored yet, 1 WebSocket" in deleted.stdout
    assert line.ended()[0] == 1011
    missing = world.server.command("inspect", f"ROOM:{room.name}x")
    assert (missing.returncode, "has the name" in missing.stderr) == (1, True)
