"""Setting alarms: what is stored, and what the index hears when (semantics 6.1 - 6.4, 4.4.3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sourdough.errors import DurableObjectError
from tests.integration.objects.sleepers import NOW, Mute, MuteInConstructor, reopen, settle

# --- setting


async def test_an_alarm_is_set_replaced_and_removed(world, sleeper):
    """One alarm per object, in whole milliseconds (semantics 6.1, 6.4)."""
    await world.call("set", NOW + 5000)
    assert await world.call("get") == NOW + 5000
    await world.call("set", NOW + 2000.25)
    assert await world.call("get") == NOW + 2001
    await world.call("delete")
    assert await world.call("get") is None


async def test_a_datetime_is_a_moment(world, sleeper):
    """Any time zone will do; without one nobody knows which is meant (semantics 6.1)."""
    zone = datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(seconds=7)
    await world.call("set", zone)
    assert await world.call("get") == NOW + 7000
    with pytest.raises(TypeError, match="time zone"):
        await world.call("set", zone.replace(tzinfo=None))


@pytest.mark.parametrize("when", [0, -1, 0.0, True, "soon", None])
async def test_what_is_no_moment_is_refused(world, sleeper, when):
    """A time <= 0 is a TypeError, as are other types (semantics 6.1, trap 17)."""
    with pytest.raises(TypeError, match="set_alarm"):
        await world.call("set", when)
    assert await world.call("get") is None


@pytest.mark.parametrize("when", [float("nan"), float("inf"), 10**15])
async def test_a_time_beyond_all_calendars_is_refused(world, sleeper, when):
    """The year 9999 is the last."""
    with pytest.raises(ValueError, match="9999"):
        await world.call("set", when)


async def test_the_past_is_now(world, sleeper):
    """What is past is clamped to now (semantics 6.1, trap 17)."""
    await world.call("set", 1)
    assert await world.call("get") == NOW


async def test_the_same_value_again_writes_nothing(world, index, sleeper):
    """No commit, no word to the index (semantics 6.1)."""
    await world.call("set", NOW + 5)
    commits = world.container().database.commits
    await world.call("set", NOW + 5)
    assert world.container().database.commits == commits
    assert index.heard == [("sooner", NOW + 5)]


async def test_a_class_without_a_handler_cannot_set_an_alarm(world, index):
    """But its constructor can, since nobody knows better yet (semantics 6.2)."""
    world.host(Mute)
    with pytest.raises(TypeError, match=r"must have an alarm\(\) handler"):
        await world.call("set", NOW + 5)
    await reopen(world, MuteInConstructor)
    assert await world.call("get") == NOW + 5


async def test_an_alarm_set_in_a_constructor_makes_the_object_exist(world, index):
    """It must be there after a restart, though no event wrote anything (semantics 6.16)."""
    world.host(MuteInConstructor)
    await world.call("get")
    await reopen(world, Mute)
    assert await world.call("get") == NOW + 5


async def test_it_is_rolled_back_with_its_transaction(world, index, sleeper):
    """A storage write like any other (semantics 6.3)."""
    await world.call("set", NOW + 9)
    await world.call("set_and_undo", NOW + 5)
    await world.call("set_in_transaction", NOW + 6)
    assert await world.call("get") == NOW + 9
    assert index.heard == [("sooner", NOW + 9)]


async def test_it_is_one_commit_with_the_other_writes_of_the_turn(world, index, sleeper):
    """Coalesced with key-value and SQL writes (semantics 4.4.1, 6.3)."""

    async def both(self):
        await self.ctx.storage.put("value", 1)
        await self.ctx.storage.set_alarm(NOW + 5)
        self.ctx.storage.sql.exec("CREATE TABLE t (x)")

    sleeper.both = both
    await world.call("put", 0)
    commits = world.container().database.commits
    await world.call("both")
    assert world.container().database.commits == commits + 1


async def test_delete_all_removes_the_alarm(world, index, sleeper):
    """And the index hears of it (semantics 5.1, 6.17)."""
    await world.call("set", NOW + 5)
    await world.call("delete_all")
    assert await world.call("get") is None
    assert index.heard[-1] == ("moved", None)


# --- the index


async def test_a_sooner_alarm_is_in_the_index_before_it_is_committed(world, index, sleeper):
    """Until then nobody is answered and nothing is on the disk (4.4.3, S11, trap 14)."""
    await world.call("put", 1)
    commits = world.container().database.commits
    index.confirms = False
    answer = world.call("set", NOW + 5)
    await settle()
    assert index.heard == [("sooner", NOW + 5)]
    assert not answer.done()
    assert world.container().database.commits == commits
    index.confirm()
    await answer
    assert world.container().database.commits == commits + 1


async def test_a_later_alarm_is_told_when_it_is_durable(world, index, sleeper):
    """The index is early or right, never late (semantics 4.4.3)."""
    await world.call("set", NOW + 5)
    world.disk.go.clear()
    answer = world.call("set", NOW + 50)
    await settle()
    assert index.heard == [("sooner", NOW + 5)]
    world.disk.go.set()
    await answer
    assert index.heard == [("sooner", NOW + 5), ("moved", NOW + 50)]


async def test_a_removal_is_told_when_it_is_durable(world, index, sleeper):
    """As for a later time; the next alarm is registered again (semantics 4.4.3)."""
    await world.call("set", NOW + 5)
    await world.call("delete")
    await world.call("set", NOW + 9)
    assert index.heard == [("sooner", NOW + 5), ("moved", None), ("sooner", NOW + 9)]


async def test_what_was_taken_back_before_it_was_kept_is_told(world, index, sleeper):
    """The index does not keep an alarm that was never committed (semantics 6.15)."""
    await world.call("put", 1)
    index.confirms = False
    answer = world.call("set", NOW + 5)
    await settle()
    await world.call("delete")
    await answer
    index.confirm()
    index.confirms = True
    await world.call("set", NOW + 9)
    assert index.heard == [("sooner", NOW + 5), ("moved", None), ("sooner", NOW + 9)]
    assert await world.call("get") == NOW + 9


async def test_other_turns_join_a_commit_that_is_held_back(world, index, sleeper):
    """They are answered when it is durable, and see what was written (semantics 4.4.1)."""
    await world.call("put", 1)
    index.confirms = False
    first = world.call("set", NOW + 5)
    await settle()
    second = world.call("put", 2)
    third = world.call("value")
    fourth = world.call("set", NOW + 3)
    await settle()
    assert not any(each.done() for each in (first, second, third, fourth))
    assert index.heard == [("sooner", NOW + 5), ("sooner", NOW + 3)]
    index.confirm()
    assert (await third, await first, await second, await fourth) == (2, None, None, None)
    assert await world.call("get") == NOW + 3


async def test_a_reset_while_a_commit_is_held_back_loses_all_of_it(world, index, sleeper):
    """Nothing was answered, nothing was committed: the index is early at worst (trap 14)."""
    await world.call("put", 1)
    index.confirms = False
    answer = world.call("set", NOW + 5)
    await settle()
    world.container().reset(DurableObjectError("gone", durable_object_reset=True))
    with pytest.raises(DurableObjectError, match="gone"):
        await answer
    index.confirm()
    assert await world.call("get") is None


async def test_a_release_waits_until_the_index_has_it(world, index, sleeper):
    """An idle object with a held commit does not lose it in a hand-over (invariant P2)."""
    index.confirms = False
    await world.call("set", NOW + 5, True)
    release = asyncio.ensure_future(world.registry.release_all())
    await settle()
    assert not release.done()
    index.confirm()
    await release
    world.host(sleeper)
    assert await world.call("get") == NOW + 5


async def test_an_unconfirmed_alarm_lets_the_answer_go(world, index, sleeper):
    """`allow_unconfirmed` does not lock the output gate (semantics 4.2.3, 6.3)."""
    index.confirms = False
    await world.call("set", NOW + 5, True)
    assert index.heard == [("sooner", NOW + 5)]
    index.confirm()


@pytest.mark.parametrize("kind", ["transaction", "thread"])
async def test_what_has_the_storage_to_itself_begins_after_a_commit_that_is_held_back(
    world, index, sleeper, kind
):
    """What was written before is committed first, and `sync` inside waits for nothing."""

    async def alone(self):
        storage = self.ctx.storage

        async def work(txn):
            await storage.sync()
            return 1

        await storage.set_alarm(NOW + 5)
        if kind == "transaction":
            return await storage.transaction(work)
        return (await storage.sql.exec_in_thread("SELECT 1 AS one"))[0].one

    sleeper.alone = alone
    await world.call("put", 1)
    index.confirms = False
    answer = world.call("alone")
    await settle()
    commits = world.container().database.commits
    assert not answer.done()
    index.confirm()
    assert await answer == 1
    assert world.container().database.commits > commits
    assert await world.call("get") == NOW + 5
