"""What a request says about whoever sent it."""

from __future__ import annotations

import asyncio

from sourdough.http import Request


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


def test_nobody_has_left_at_first():
    """A request that is being answered has somebody who waits for it."""
    request = Request("/")
    assert not request.left
    assert not request.signal.aborted


def test_a_client_that_has_left_is_seen_by_who_looks_later():
    """It makes no difference whether anybody looked before."""
    request = Request("/")
    request.leave()
    assert request.left
    assert request.signal.aborted


def test_the_signal_stays_the_same():
    """What was kept of it tells later, too."""
    request = Request("/")
    signal = request.signal
    request.leave()
    assert signal is request.signal
    assert signal.aborted
    assert request.left


async def test_all_who_wait_go_on_when_the_client_leaves():
    """Waiting is for as many as want to; who comes later does not wait."""
    request = Request("/")
    waiting = [asyncio.create_task(request.signal.wait()) for _ in range(2)]
    await settle()
    assert not any(task.done() for task in waiting)
    request.leave()
    await asyncio.gather(*waiting)
    await request.signal.wait()


async def test_who_gives_up_waiting_leaves_nothing_behind():
    """A loop of bounded waits does not grow."""
    request = Request("/")
    task = asyncio.create_task(request.signal.wait())
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert request.signal._callbacks == []


def test_callbacks_are_called_once_and_at_once_when_it_is_late():
    """Each of several, however often the host says that it left."""
    request = Request("/")
    heard = []
    request.when_left(lambda: heard.append("first"))
    request.when_left(lambda: heard.append("second"))
    request.leave()
    request.leave()
    request.when_left(lambda: heard.append("late"))
    assert heard == ["first", "second", "late"]


def test_a_signal_says_what_it_knows():
    """For a log line."""
    request = Request("/")
    assert repr(request.signal) == "<Signal>"
    request.leave()
    assert "left" in repr(request.signal)
