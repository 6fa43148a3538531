"""What waits until gateways have told of their WebSockets."""

from __future__ import annotations

import logging

import pytest

from sourdough.host.mirrors import Mirrors
from sourdough.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def held() -> list[bool]:
    return []


@pytest.fixture
def mirrors(clock, held) -> Mirrors:
    return Mirrors(clock=clock, hold_back=held.append)


async def test_without_gateways_nothing_waits(mirrors, held):
    """A host whose server has none serves at once."""
    mirrors.live(())
    mirrors.begin()
    assert held == []


async def test_objects_wait_for_the_last_gateway(mirrors, held):
    """One that is ready does not speak for the others."""
    mirrors.live((1, 2))
    mirrors.begin()
    mirrors.ended(1)
    assert held == [True]
    mirrors.ended(2)
    assert held == [True, False]


async def test_mirrors_that_came_before_the_seat_count(mirrors, held):
    """A host that has heard everything already does not wait."""
    mirrors.live((1,))
    mirrors.ended(1)
    mirrors.begin()
    assert held == []


async def test_nobody_waits_for_a_gateway_that_is_gone(mirrors, held):
    """Its mirror will never come."""
    mirrors.live((1, 2))
    mirrors.begin()
    mirrors.ended(1)
    mirrors.live((1,))
    assert held == [True, False]


async def test_a_gateway_that_comes_meanwhile_is_waited_for(mirrors, held):
    """It may hold the sockets of one that is gone."""
    mirrors.live((1,))
    mirrors.begin()
    mirrors.live((1, 2))
    mirrors.ended(1)
    assert held == [True]


async def test_a_gateway_that_comes_later_holds_nothing_up(mirrors, held):
    """Objects live already; they learn of its sockets as they come."""
    mirrors.live((1,))
    mirrors.begin()
    mirrors.ended(1)
    mirrors.live((1, 2))
    assert held == [True, False]


async def test_a_lost_link_begins_again(mirrors, held):
    """What was told over it may have been cut short."""
    mirrors.live((1,))
    mirrors.ended(1)
    mirrors.lost(1)
    mirrors.begin()
    assert held == [True]


async def test_objects_do_not_wait_for_ever(mirrors, held, clock, caplog):
    """After five seconds they go on, and the log names who was missing."""
    mirrors.live((1, 7))
    mirrors.begin()
    mirrors.ended(1)
    clock.advance(4.9)
    assert held == [True]
    with caplog.at_level(logging.WARNING):
        clock.advance(0.2)
    assert held == [True, False]
    assert "gateway 7 has not told of its WebSockets" in caplog.text
    mirrors.ended(7)
    assert held == [True, False]


async def test_a_seat_that_is_given_up_lets_go_of_what_waits(mirrors, held, clock):
    """And of its timer."""
    mirrors.live((1,))
    mirrors.begin()
    mirrors.stop()
    clock.advance(10)
    assert held == [True, False]
    assert not mirrors.waiting
