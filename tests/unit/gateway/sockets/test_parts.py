"""The small parts: frames, windows, extensions, settings, mirrors, records of the ledger."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from sourdough.gateway.sockets.answers import ObjectSettings
from sourdough.gateway.sockets.extensions import negotiate
from sourdough.gateway.sockets.frames import message_frame
from sourdough.gateway.sockets.ledger_records import (
    Attached,
    Bound,
    Gone,
    encode,
    encode_all,
    read,
)
from sourdough.gateway.sockets.mirror import mirrors
from sourdough.gateway.sockets.window import Window
from sourdough.wire.sockets import Doubt, Held, Settings, pieces


def held(number, **fields):
    return Held(
        number, b"Room" + bytes(32), b"name", fields.pop("tags", ()), fields.pop("attachment", None),
        doubt=fields.pop("doubt", None),
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_that_of_the_reference(size):
    """The lengths at which the header changes."""
    data = bytes(size)
    assert message_frame(data, True) == Frame(Opcode.TEXT, data).serialize(mask=False)
    assert message_frame(data, False) == Frame(Opcode.BINARY, data).serialize(mask=False)


def test_a_window_is_full_by_number_and_by_size():
    """What is taken makes room, the oldest first."""
    window = Window()
    for _ in range(64):
        assert not window.full
        window.sent(1)
    assert window.full
    window.taken(1)
    assert not window.full
    window.taken(1000)
    window.sent(300_000)
    assert window.full
    window.taken(1)
    assert not window.full


@pytest.mark.parametrize("offers", [b"", b"x-unknown", b"permessage-deflate; nonsense", b";;,"])
def test_unknown_extensions_are_passed_over(offers):
    """Nothing is agreed upon; the handshake does not fail for it."""
    assert negotiate(offers) == ("", [])


def test_no_context_is_kept_for_compression():
    """Whatever the client offers, and whichever offer is the first that makes sense."""
    agreed, (extension,) = negotiate(
        b"x, permessage-deflate; nonsense, permessage-deflate; client_max_window_bits"
    )
    assert agreed.startswith("permessage-deflate; ")
    assert isinstance(extension, PerMessageDeflate)
    assert extension.local_no_context_takeover
    assert extension.remote_no_context_takeover


def test_settings_of_objects_without_sockets_are_kept_for_a_short_while():
    """Bounded: the oldest go first; those with sockets stay."""
    known = ObjectSettings()
    for number in range(300):
        known.put(Settings(b"%d" % number, "a", "b"), has_sockets=False)
    assert known.of(b"299") is None
    assert known.socket_bound(b"0") is None
    assert known.socket_bound(b"299") == Settings(b"299", "a", "b")
    assert known.answer(b"299").frame == b"\x81\x01b"
    known.put(Settings(b"299"), has_sockets=True)
    assert known.answer(b"299") is None
    known.forget(b"299")
    assert known.of(b"299") is None


def test_a_mirror_of_nothing_says_so():
    """The host waits for the last message of each mirror."""
    (only,) = mirrors([], [])
    assert (only.sockets, only.settings, only.end) == ((), (), True)


def test_a_large_mirror_is_cut():
    """Each message stays under 1 MiB, only the last one is the end, and nothing is missing."""
    sockets = [
        held(n, attachment=bytes(16_000), tags=("x" * 256,) * 10, doubt=Doubt(bytes(65_536), False))
        for n in range(40)
    ]
    set_ = [Settings(b"%d" % n, "a" * 2048, "b" * 2048) for n in range(300)]
    told = list(mirrors(sockets, set_))
    assert [each.end for each in told] == [False] * (len(told) - 1) + [True]
    assert [each for mirror in told for each in mirror.sockets] == sockets
    assert [each for mirror in told for each in mirror.settings] == set_
    assert max(sum(len(piece) for _, piece in pieces(mirror)) for mirror in told) < 1 << 20


RECORDS = [
    Bound(held(1)),
    Bound(held(2, attachment=b"x")),
    Attached(1, b"y"),
    Settings(b"k", "a", "b"),
    Attached(9, b"unknown"),
    Gone(2),
    Bound(held(3)),
]


def test_a_ledger_says_what_was_noted():
    """The last word counts; what is gone is gone; the attachment of an unknown one is ignored."""
    noted = read(encode_all(RECORDS))
    assert set(noted.sockets) == {1, 3}
    assert noted.sockets[1].attachment == b"y"
    assert noted.settings == {b"k": Settings(b"k", "a", "b")}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 600), st.integers(0, 255))
def test_a_damaged_ledger_is_read_up_to_the_damage(at, byte):
    """A byte that is not what it was: what stands before it holds, what comes behind is not read."""
    whole = encode_all(RECORDS)
    at = min(at, len(whole) - 1)
    damaged = bytearray(whole)
    damaged[at] = byte
    ends = [len(encode_all(RECORDS[:count])) for count in range(len(RECORDS) + 1)]
    same = damaged[at] == whole[at]
    intact = len(RECORDS) if same else sum(end <= at for end in ends) - 1
    expected = read(encode_all(RECORDS[: max(0, intact)]))
    assert vars(read(bytes(damaged))) == vars(expected)


@given(st.integers(0, 700))
@settings(max_examples=60, deadline=None)
def test_a_torn_ledger_is_read_up_to_where_it_is_torn(at):
    """Whole records only."""
    whole = encode_all(RECORDS)
    ends = [len(encode_all(RECORDS[:count])) for count in range(len(RECORDS) + 1)]
    at = min(at, len(whole))
    intact = max(0, sum(end <= at for end in ends) - 1)
    assert vars(read(whole[:at])) == vars(read(encode_all(RECORDS[:intact])))


def test_a_ledger_of_another_format_says_nothing():
    """What cannot be understood is not guessed at."""
    assert not read(b"sourdough sockets 2\n" + encode(RECORDS[0])).sockets
    assert not read(b"").sockets
