"""Log records on their way to the coordinator."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from sourdough.host.output import OutputHandler
from sourdough.observe.records import Output
from sourdough.testing import FakeClock


class Told:
    """The host's end of a control channel."""

    def __init__(self) -> None:
        self.messages: list = []

    def send(self, message) -> None:
        self.messages.append(message)

    def close(self) -> None: ...


def handler() -> tuple[OutputHandler, Told]:
    told = Told()
    return OutputHandler(asyncio.get_running_loop(), told, FakeClock()), told


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("shop", level, "shop.py", 1, text, (), None)


def lines(told: Told) -> list[Output]:
    decoder = msgspec.msgpack.Decoder(Output)
    return [decoder.decode(data) for message in told.messages for data in message.records]


async def test_records_of_one_turn_travel_together():
    """Many lines are one message."""
    made, told = handler()
    for text in ("a", "b"):
        made.emit(record(text, logging.WARNING))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(told.messages) == 1
    assert [(line.text, line.level, line.logger) for line in lines(told)] == [
        ("a", "warning", "shop"),
        ("b", "warning", "shop"),
    ]


async def test_a_text_that_no_encoding_carries_is_logged_nevertheless():
    """Lone surrogates of the operating system become question marks."""
    made, told = handler()
    made.emit(record("file \udcff"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert lines(told)[0].text == "file ?"


async def test_lines_beyond_the_bound_are_counted():
    """A flood in one turn costs a number (invariant P7)."""
    made, told = handler()
    for number in range(1500):
        made.emit(record(str(number)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(lines(told)) == 1000
    assert sum(message.dropped for message in told.messages) == 500
