"""A question about an object reaches whoever holds it, also when that changes meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.coordinator.questions import Questions
from sourdough.errors import SourdoughError
from sourdough.wire.messages import Answer, Ask

RAW = bytes(32)


async def asked(worker) -> Ask:
    """Return the question that a host has been sent."""
    async with asyncio.timeout(5):
        while (found := worker.child.last(Ask)) is None:
            await asyncio.sleep(0)
    worker.child.told.clear()
    return found


async def test_a_host_that_has_released_its_seat_sends_the_question_on(make):
    """It refuses what it does not hold: another host may have the file open (S3)."""
    server = make(hosts=1).start()
    questions = Questions(server.supervisor)
    (old,) = server.supervisor.hosts
    answer = asyncio.ensure_future(questions.ask("name", "Thing", RAW))
    first = await asked(old)
    server.crash(old)
    server.up()
    (new,) = server.supervisor.hosts
    questions.answered(Answer(number=first.number, moved=True))
    second = await asked(new)
    questions.answered(Answer(number=second.number, result=b"it"))
    assert await answer == b"it"


async def test_a_host_that_ends_before_it_answers_is_not_waited_for(make):
    """Its successor is asked the same."""
    server = make(hosts=1).start()
    questions = Questions(server.supervisor)
    (old,) = server.supervisor.hosts
    answer = asyncio.ensure_future(questions.ask("name", "Thing", RAW))
    await asked(old)
    server.crash(old)
    server.up()
    second = await asked(server.supervisor.hosts[0])
    questions.answered(Answer(number=second.number, result=b"it"))
    assert await answer == b"it"


async def test_a_no_is_an_answer(make):
    """It is not asked for again."""
    server = make(hosts=1).start()
    questions = Questions(server.supervisor)
    answer = asyncio.ensure_future(questions.ask("inspect", "Thing", RAW))
    question = await asked(server.supervisor.hosts[0])
    questions.answered(Answer(number=question.number, error="no class is bound"))
    with pytest.raises(SourdoughError, match="no class is bound"):
        await answer
