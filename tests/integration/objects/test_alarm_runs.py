"""Runs of alarms: what they see, how they end, and what is told of it (semantics 6.4 - 6.16)."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sourdough.errors import StorageError
from sourdough.wire.messages import AlarmOutcome
from tests.integration.objects.sleepers import NOW, Mute, MuteInConstructor, reopen, run, settle

DONE, FAILED, BROKEN = AlarmOutcome.DONE, AlarmOutcome.FAILED, AlarmOutcome.BROKEN


async def test_a_good_run_deletes_its_alarm(world, index, sleeper):
    """In the object's own commit (semantics 6.5, 6.6, trap 15)."""
    await world.call("set", NOW + 5000)
    world.clock.advance(6)
    assert await run(world) is DONE
    [info] = sleeper.infos
    assert (info.retry_count, info.is_retry, info.scheduled_time) == (0, False, NOW + 5000)
    assert await world.call("get") is None
    assert index.heard[-1] == ("moved", None)


async def test_a_retry_knows_that_it_is_one(world, sleeper):
    """`retry_count` and `is_retry` (semantics 6.5)."""
    await world.call("set", NOW)
    await run(world, retries=3)
    assert (sleeper.infos[0].retry_count, sleeper.infos[0].is_retry) == (3, True)


async def test_the_alarm_that_runs_is_not_shown_and_shows_again_after_a_failure(world, sleeper):
    """None while it runs, the original time before the retry (semantics 6.4)."""
    seen = []

    async def script(self):
        seen.append(await self.ctx.storage.get_alarm())
        raise ValueError("no")

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is FAILED
    assert seen == [None]
    assert await world.call("get") == NOW


async def test_an_alarm_whose_commit_is_held_back_does_not_run_before_it(world, index, sleeper):
    """The index knows it first and may send it first; what is not committed has not happened."""
    await world.call("put", 1)
    index.confirms = False
    answer = world.call("set", NOW)
    await settle()
    outcome = run(world)
    await settle()
    assert sleeper.infos == []
    index.confirm()
    assert await answer is None
    assert await outcome is DONE
    assert len(sleeper.infos) == 1


async def test_success_counts_only_when_it_is_durable(world, sleeper):
    """The coordinator hears nothing before the gate opens (semantics 6.6)."""
    await world.call("set", NOW)
    world.disk.go.clear()
    outcome = run(world)
    await settle()
    assert len(sleeper.infos) == 1
    assert not outcome.done()
    world.disk.go.set()
    assert await outcome is DONE


async def test_an_alarm_set_in_its_run_stays(world, index, sleeper):
    """Also for the same millisecond, which is then the next (semantics 6.6, 6.9)."""
    seen = []

    async def script(self):
        await self.ctx.storage.set_alarm(NOW)
        seen.append(await self.ctx.storage.get_alarm())

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is DONE
    assert seen == [NOW + 1]
    assert await world.call("get") == NOW + 1
    assert index.heard[-1] == ("moved", NOW + 1)


async def test_an_alarm_deleted_in_its_run_is_gone_after_a_failure(world, index, sleeper):
    """It does not stop the run; the index hears of it before the outcome (semantics 6.10)."""

    async def script(self):
        await self.ctx.storage.delete_alarm()
        raise ValueError("no")

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is FAILED
    assert index.heard[-1] == ("moved", None)
    assert await world.call("get") is None


async def test_what_a_transaction_undoes_in_a_run_leaves_the_run_as_it_was(world, sleeper):
    """An alarm that was set and undone was never set (semantics 6.3, 6.6)."""

    async def script(self):
        await self.set_in_transaction(NOW + 50)

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is DONE
    assert await world.call("get") is None


async def test_a_run_that_takes_too_long_resets_the_object(world, sleeper):
    """Counted, whatever the handler does about it (semantics 6.11)."""

    async def script(self):
        await asyncio.sleep(60)

    sleeper.script = script
    await world.call("set", NOW)
    before = world.container()
    assert await run(world, seconds=0.01) is FAILED
    assert await world.call("get") == NOW
    assert world.container() is not before


@pytest.mark.parametrize(("retry", "outcome"), [(True, FAILED), (False, AlarmOutcome.ABANDONED)])
async def test_abort_in_a_run(world, sleeper, retry, outcome):
    """A counted failure, or, if asked, no retry (semantics 6.12)."""

    async def script(self):
        self.ctx.abort("enough", retry_alarm=retry)

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is outcome


async def test_without_a_handler_the_alarm_is_removed_with_a_warning(world, index, caplog):
    """No retry (semantics 6.13)."""
    world.host(MuteInConstructor)
    world.clock.advance(1)
    with caplog.at_level(logging.WARNING):
        await world.call("get")
        await reopen(world, Mute)
        assert await run(world) is DONE
    assert "without a handler" in caplog.text
    assert await world.call("get") is None


async def test_requests_run_between_the_awaits_of_an_alarm(world, sleeper):
    """Runs interleave with requests, also by stopping in front of them (semantics 6.14)."""
    go = asyncio.Event()

    async def script(self):
        await go.wait()

    sleeper.script = script
    await world.call("set", NOW)
    outcome = run(world)
    await world.call("put", 5)
    assert await world.call("value") == 5
    assert not outcome.done()
    go.set()
    assert await outcome is DONE


async def test_a_wake_up_that_is_too_early_runs_nothing(world, index, sleeper):
    """The object tells the index what it holds (semantics 6.15)."""
    await world.call("set", NOW + 5000)
    assert await run(world) is DONE
    assert sleeper.infos == []
    await world.call("delete")
    index.heard.clear()
    assert await run(world) is DONE
    await settle()
    assert sleeper.infos == []
    assert index.heard == [("moved", None)]


async def test_a_stored_alarm_that_is_overdue_runs_whatever_the_index_said(world, sleeper):
    """With the stored time (semantics 6.15)."""
    await world.call("set", NOW + 1000)
    world.clock.advance(5)
    assert await run(world) is DONE
    assert sleeper.infos[0].scheduled_time == NOW + 1000


async def test_the_constructor_runs_first(world, index, sleeper):
    """One that postpones the alarm postpones it for ever (semantics 6.16)."""
    await world.call("set", NOW)
    await world.registry.release_all()

    def constructing(self):
        self.ctx.storage._database.alarm.set(NOW + 99_000)

    sleeper.constructing = constructing
    world.host(sleeper)
    assert await run(world) is DONE
    await settle()
    assert sleeper.infos == []
    assert await world.call("get") == NOW + 99_000


async def test_a_constructor_that_fails_is_a_counted_failure(world, sleeper, caplog):
    """User code like the handler (semantics 6.8)."""
    await world.call("set", NOW)
    await world.registry.release_all()

    def constructing(self):
        raise ValueError("broken")

    sleeper.constructing = constructing
    world.host(sleeper)
    assert await run(world) is FAILED


async def test_an_exit_in_a_handler_is_a_counted_failure(world, sleeper):
    """It does not end the host (semantics 6.8)."""

    async def script(self):
        raise SystemExit(3)

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is FAILED


async def test_a_disk_that_fails_is_nobodys_fault(world, sleeper):
    """Not counted: it is retried for ever (semantics 6.8)."""
    await world.call("set", NOW)
    world.disk.error = OSError(5, "Input/output error")
    assert await run(world) is BROKEN
    world.disk.error = None


async def test_constraints_that_a_commit_violates_are_the_users_fault(world, sleeper):
    """A counted failure, although the gate broke (semantics 6.8)."""

    async def script(self):
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        sql.exec("CREATE TABLE child (parent INTEGER REFERENCES parent (id))")
        sql.exec("PRAGMA defer_foreign_keys = on")
        sql.exec("INSERT INTO child VALUES (99)")

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is FAILED


async def test_a_hand_over_that_cuts_a_run_short_is_no_failure(world, sleeper):
    """The next owner runs it at once (invariant P2)."""

    async def script(self):
        await asyncio.sleep(60)

    sleeper.script = script
    await world.call("set", NOW)
    outcome = run(world)
    await settle()
    await world.registry.release_all()
    assert await outcome is AlarmOutcome.MOVED


async def test_an_alarm_that_is_given_up_is_cleared_without_an_instance(world, index, sleeper):
    """`get_alarm()` becomes None; one that was set meanwhile stays (semantics 6.7)."""
    await world.call("set", NOW)
    await world.registry.release_all()
    world.host(sleeper)
    await world.registry.give_up_alarm(world.key(), NOW - 1)
    assert world.container() is None
    await world.registry.give_up_alarm(world.key(), NOW)
    assert index.heard[-1] == ("moved", None)
    assert await world.call("get") is None
    await world.call("set", NOW + 1)
    await world.registry.give_up_alarm(world.key(), NOW + 1)
    assert await world.call("get") is None


async def test_the_name_goes_with_the_alarm(world, index, sleeper):
    """So that whoever is woken knows its name (semantics 1.13, trap 38)."""
    await world.call("set", NOW + 5, name=b"anna")
    await world.registry.release_all()
    world.host(sleeper)
    await world.call("set", NOW + 3)
    assert index.names == ["anna", "anna"]


async def test_a_storage_error_of_a_handler_is_its_own(world, sleeper):
    """The gate is intact, so it counts (semantics 6.8)."""

    async def script(self):
        raise StorageError("user says so")

    sleeper.script = script
    await world.call("set", NOW)
    assert await run(world) is FAILED
