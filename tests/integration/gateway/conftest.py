"""Gateways that are gone when their test ends."""

from __future__ import annotations

import pytest

from .hosts import Place


@pytest.fixture
async def places():
    """Make gateways."""
    made: list[Place] = []

    async def make(**options) -> Place:
        place = Place(**options)
        made.append(place)
        await place.gateway.start()
        return place

    yield make
    for place in made:
        await place.close()


@pytest.fixture
async def place(places):
    """A gateway with the host 1 on its one seat."""
    made = await places()
    made.host = made.seat(1)
    return made
