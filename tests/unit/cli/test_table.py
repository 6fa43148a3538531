"""The live table of processes, at every width."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.observe.status import (
    CoordinatorStatus,
    GatewayStatus,
    HostStatus,
    Snapshot,
    State,
)
from sourdough_cli.views.table import table_lines

NOW = 1_795_171_327.0

GATEWAY = GatewayStatus(
    index=1,
    pid=41200,
    state=State.SERVING,
    since=NOW - 130,
    memory=33 << 20,
    cpu=0.12,
    requests_per_second=802,
    p50=0.6,
    p99=1.6,
    connections=18,
)
HOST = HostStatus(
    index=1,
    pid=41201,
    state=State.SERVING,
    since=NOW - 130,
    memory=41 << 20,
    cpu=0.09,
    requests_per_second=412,
    p50=0.4,
    p99=1.1,
    objects=61,
)
RESTARTED = msgspec.structs.replace(
    HOST, index=2, pid=41388, since=NOW - 3, restarts=1, last_exit="SIGKILL (out of memory?)"
)
BROKEN = HostStatus(
    index=3,
    pid=None,
    state=State.FAILED,
    since=NOW,
    restarts=2,
    last_exit="exit code 1",
    traceback='Traceback (most recent call last):\n  File "counter.py", line 1\nValueError: \x1b[2J',
)
STANDBY = HostStatus(index=0, pid=41210, state=State.READY, since=NOW - 7860, memory=39 << 20)


def snapshot(*hosts: HostStatus, standby: HostStatus | None = None) -> Snapshot:
    return Snapshot(
        version="0.1.0",
        name="chat-app",
        url="http://127.0.0.1:8787",
        storage=".sourdough",
        durability="disk",
        sync_seconds=0.00012,
        coordinator=CoordinatorStatus(pid=41199, since=NOW - 130, mode="dev"),
        gateways=(GATEWAY,),
        hosts=hosts,
        standby=standby,
        table_version=1,
        objects_known=119,
    )


def text_of(shown: Snapshot, *, width: int = 120, height: int = 20) -> str:
    return "\n".join(line.plain for line in table_lines(shown, now=NOW, width=width, height=height))


def test_pictures_of_serving_hosts(check_picture):
    """Two serving hosts, a standby and the gateway, as on the page of the terminal."""
    shown = snapshot(HOST, RESTARTED, standby=STANDBY)
    check_picture("table", lambda width: table_lines(shown, now=NOW, width=width, height=20))


def test_pictures_of_a_broken_host(check_picture):
    """A host that cannot load the code keeps its traceback below the table."""
    shown = snapshot(HOST, BROKEN)
    check_picture("table-broken", lambda width: table_lines(shown, now=NOW, width=width, height=20))


def test_columns_go_in_the_documented_order():
    """Narrowing drops cpu first, then p50, then up."""
    heads = [
        {
            head
            for head in ("cpu", "p50", "up")
            if f" {head}" in text_of(snapshot(HOST), width=width)
        }
        for width in (120, 100, 90, 80)
    ]
    assert heads == [{"cpu", "p50", "up"}, {"p50", "up"}, {"up"}, set()]


def test_sockets_have_a_column_when_there_are_any():
    """It is there in a wide and in a narrow window, and costs nobody else a column it needs."""
    gateway = msgspec.structs.replace(GATEWAY, sockets=1_204)
    shown = msgspec.structs.replace(snapshot(HOST), gateways=(gateway,))
    for width in (120, 80):
        head, host, last = text_of(shown, width=width).splitlines()
        assert "sockets" in head
        assert "1,204" in last
        assert "1,204" not in host
        assert "req/s" in head
    assert "sockets" not in text_of(snapshot(HOST))


def test_a_traceback_cannot_command_the_terminal():
    """Control characters in a user's exception are written out."""
    shown = text_of(snapshot(BROKEN))
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown


def test_hosts_broken_alike_share_one_traceback():
    """The same fault in every host is told once."""
    other = msgspec.structs.replace(BROKEN, index=4)
    shown = text_of(snapshot(BROKEN, other))
    assert shown.count("ValueError") == 1
    assert "hosts 3, 4 cannot load the code" in shown


def test_a_low_window_keeps_what_is_broken():
    """Of many hosts the one that does not serve stays, the rest is counted."""
    hosts = [msgspec.structs.replace(HOST, index=index) for index in range(1, 500)]
    down = msgspec.structs.replace(HOST, index=500, state=State.BACKOFF, pid=None)
    shown = text_of(snapshot(*hosts, down), height=8)
    assert "  500 " in shown
    assert "backing off" in shown
    assert "495 more processes: 495 serving" in shown


def test_a_host_that_serves_again_loses_its_traceback():
    """The traceback stays until the host serves, not longer."""
    healed = msgspec.structs.replace(BROKEN, state=State.SERVING, pid=7)
    assert "ValueError" not in text_of(snapshot(healed))


@given(
    width=st.integers(1, 160),
    height=st.integers(0, 30),
    hosts=st.lists(st.sampled_from([HOST, RESTARTED, BROKEN]), max_size=40),
    standby=st.sampled_from([None, STANDBY]),
)
@settings(max_examples=60, deadline=None)
def test_never_larger_than_the_window(width, height, hosts, standby):
    """Whatever there is to show fits the cells and lines it was given."""
    lines = table_lines(snapshot(*hosts, standby=standby), now=NOW, width=width, height=height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
