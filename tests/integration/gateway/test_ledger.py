"""The ledger: what the next gateway knows of the sockets that ended with the last one (W4)."""

from __future__ import annotations

import asyncio
import os

import pytest

from sourdough.gateway.sockets.ledger import Ledger
from sourdough.gateway.sockets.ledger_records import Bound, encode, read
from sourdough.wire.sockets import Attach, Held, Mirror, Settings

HELD = Held(1, b"Room" + bytes(32), b"a", ("t",), b"x", "u", "p", "e", 5)


def ledger_of(path, live=()):
    """Return a ledger that would be written anew with `live`."""
    return Ledger(asyncio.get_running_loop(), str(path), lambda: [Bound(held) for held in live])


async def test_a_successor_tells_objects_of_the_end(places, tmp_path):
    """Each socket gets its one close event, behind a mirror that still lists it."""
    path = str(tmp_path / "ledger")
    place = await places(ledger=path)
    place.host = place.seat(1)
    _, number, key = await place.held(tags=("x",))
    ended, other, _ = await place.held("b")
    place.host.tell(Attach(number, b"note"))
    place.host.tell(Settings(key, None, None, 7))
    place.host.heeding = True
    await ended.close()
    await place.event(place.host)
    await place.until(lambda: len(place.gateway._sockets._roster.by_key) == 1)
    place.gateway._sockets._roster.ledger.flush()

    successor = await places(ledger=path)
    host = successor.seat(2)
    event = await successor.event(host)
    assert (event.method, event.said.socket, event.said.code) == (b"close", number, 1006)
    (mirror,) = host.told_of(Mirror)
    (held,) = mirror.sockets
    assert (held.socket, held.tags, held.attachment, held.closing) == (
        number,
        ("x",),
        b"note",
        True,
    )
    assert mirror.settings == (Settings(key, None, None, 7),)
    event.heed()
    await successor.until(lambda: not successor.gateway._sockets._roster.by_key)
    successor.gateway._sockets._roster.ledger.flush()
    third = await places(ledger=path)
    host = third.seat(3)
    await third.until(lambda: host.told_of(Mirror))
    assert host.told_of(Mirror)[0].sockets == ()
    assert other


async def test_what_was_noted_is_there_for_a_process_that_comes_later(tmp_path):
    """Without any closing, as after SIGKILL."""
    ledger = ledger_of(tmp_path / "l")
    ledger.open()
    ledger.tend()
    ledger.bind(HELD)
    ledger.attach(1, b"y")
    await asyncio.sleep(0)
    noted = ledger_of(tmp_path / "l").open()
    assert noted.sockets[1].attachment == b"y"
    ledger.close()


@pytest.mark.parametrize("torn", [1, 5, 30])
async def test_a_torn_tail_is_ignored_and_gone(tmp_path, torn):
    """Whoever died in the middle of a write leaves half a record; nothing is written behind it."""
    path = tmp_path / "l"
    ledger = ledger_of(path)
    ledger.open()
    ledger.tend()
    ledger.bind(HELD)
    ledger.flush()
    ledger.close()
    path.write_bytes(path.read_bytes() + encode(Bound(HELD))[:torn])
    successor = ledger_of(path, [HELD])
    assert list(successor.open().sockets) == [1]
    successor.tend()
    successor.gone(1)
    successor.flush()
    assert not read(path.read_bytes()).sockets
    successor.close()


async def test_a_death_in_the_middle_of_writing_it_anew_leaves_the_old_one(tmp_path):
    """The new file takes the place of the old one in one step."""
    path = tmp_path / "l"
    ledger = ledger_of(path)
    ledger.open()
    ledger.tend()
    ledger.bind(HELD)
    ledger.flush()
    (tmp_path / "l.new").write_bytes(b"half of it")
    successor = ledger_of(path, [HELD])
    assert list(successor.open().sockets) == [1]
    successor.tend()
    assert not (tmp_path / "l.new").exists()
    ledger.close()
    successor.close()


async def test_an_obsolete_ledger_is_written_anew(tmp_path):
    """Attachments that change all the time do not fill the disk."""
    path = tmp_path / "l"
    ledger = ledger_of(path, [HELD])
    ledger.open()
    ledger.tend()
    for _ in range(100):
        ledger.attach(1, bytes(16_000))
        ledger.flush()
    assert path.stat().st_size > 1_500_000
    ledger.tend()
    assert path.stat().st_size < 1000
    ledger.bind(HELD)
    ledger.flush()
    assert list(read(path.read_bytes()).sockets) == [1]
    ledger.close()


async def test_a_ledger_that_cannot_be_written_heals(tmp_path, caplog):
    """It is written whole as soon as that is possible; until then a sentence in the log."""
    folder = tmp_path / "folder"
    folder.mkdir()
    ledger = ledger_of(folder / "l", [HELD])
    ledger.open()
    ledger.tend()
    os.close(ledger._file)
    ledger.bind(HELD)
    ledger.flush()
    assert "cannot be noted" in caplog.text
    ledger._file = -1
    ledger.tend()
    assert list(read((folder / "l").read_bytes()).sockets) == [1]
    ledger.close()


async def test_no_file_no_ledger(tmp_path):
    """A gateway without a successor notes nothing."""
    ledger = Ledger(asyncio.get_running_loop(), None, list)
    assert not ledger.open().sockets
    ledger.bind(HELD)
    ledger.flush()
    ledger.tend()
    assert not list(tmp_path.iterdir())
