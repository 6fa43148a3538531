"""Reloads step by step, with children that the test plays."""

from __future__ import annotations

from sourdough.coordinator.reload import Phase
from sourdough.coordinator.supervisor import END_SECONDS
from sourdough.errors import StorageError
from sourdough.observe.records import HostStuck, ReloadDone, ReloadFailed
from sourdough.wire.messages import Exit, Release, Setup


def old_and_new(server):
    generation = server.supervisor.generation
    hosts = server.supervisor.hosts
    return (
        [each for each in hosts if each.generation != generation],
        [each for each in hosts if each.generation == generation and not each.asked],
    )


async def test_new_hosts_load_while_the_old_ones_serve(make):
    """Nothing is asked of the old hosts before all new ones are ready."""
    server = make(hosts=2).start()
    seated = server.seated()
    server.reload.begin(["a.py"])
    old, new = old_and_new(server)
    assert len(new) == 2
    server.ready(new[0])
    assert server.reload.phase is Phase.LOADING
    assert server.seated() == seated
    assert all(each.child.last(Release) is None for each in old)


async def test_the_hand_over_goes_seat_by_seat(make):
    """Released, taken, published, in this order for each seat (invariant P2)."""
    server = make(hosts=2).start()
    server.reload.begin(["a.py"])
    old, new = old_and_new(server)
    for worker in new:
        server.ready(worker)
    assert server.reload.phase is Phase.HANDING_OVER
    assert server.table().entries == ()
    version = old[0].child.last(Release).version
    assert version == server.table().version
    assert all(each.child.last(Release).version == version for each in old)

    server.release(old[0], objects=3)
    taker = next(each for each in new if server.seats.of(each.serial) is not None)
    server.confirm(taker)
    assert [entry.serial for entry in server.table().entries] == [taker.serial]
    assert server.reload.phase is Phase.HANDING_OVER
    server.release(old[1], objects=4)
    other = next(each for each in new if each is not taker)
    server.confirm(other)
    assert server.reload.phase is Phase.IDLE
    assert all(each.child.last(Exit) is not None for each in old)
    done = server.of(ReloadDone)[0]
    assert (done.files, done.objects) == (("a.py",), 7)


async def test_code_that_does_not_load_changes_nothing(make):
    """The old hosts serve on, the fault is shown, the new hosts end."""
    server = make(hosts=2).start()
    seated = server.seated()
    server.reload.begin(["a.py"])
    _, new = old_and_new(server)
    server.load_fails(new[0])
    assert server.reload.phase is Phase.IDLE
    assert server.seated() == seated
    assert new[1].child.killed
    (told,) = server.of(ReloadFailed)
    assert (told.error, told.serving) == ("SyntaxError: no", True)
    assert server.reload.traceback == "SyntaxError: no"
    server.load_fails(new[1])
    assert len(server.of(ReloadFailed)) == 1


async def test_code_that_never_loaded_leaves_nothing_to_serve(make):
    """At the first start there is no previous code, and nobody is told that it serves."""
    server = make(hosts=1)
    server.supervisor.start()
    server.load_fails(server.starting()[0])
    (told,) = server.of(ReloadFailed)
    assert not told.serving


async def test_a_save_while_loading_starts_over(make):
    """Hosts that load outdated code are ended; the newest code wins."""
    server = make(hosts=1).start()
    server.reload.begin(["a.py"])
    _, (first,) = old_and_new(server)
    server.reload.begin(["b.py"])
    _, (second,) = old_and_new(server)
    assert first.child.killed
    assert first.asked
    server.ready(first)
    assert server.reload.phase is Phase.LOADING
    server.supervisor.on_exit(first, -9)
    server.ready(second)
    assert server.reload.phase is Phase.HANDING_OVER


async def test_a_save_after_a_failed_load_tries_again(make):
    """What is left of the failed attempt counts for nothing."""
    server = make(hosts=2).start()
    server.reload.begin(["a.py"])
    _, (failing, leftover) = old_and_new(server)
    server.ready(leftover)
    server.load_fails(failing)
    server.reload.begin(["a.py"])
    _, new = old_and_new(server)
    assert leftover not in new
    assert len(new) == 2
    server.ready(new[0])
    assert server.reload.phase is Phase.LOADING
    server.load_fails(leftover)
    assert server.reload.phase is Phase.LOADING
    server.ready(new[1])
    assert server.reload.phase is Phase.HANDING_OVER
    assert server.reload.traceback is None


async def test_a_save_during_the_hand_over_follows_it(make):
    """The hand-over is finished first, then the next reload begins."""
    server = make(hosts=1).start()
    server.reload.begin(["a.py"])
    (old,), (new,) = old_and_new(server)
    server.ready(new)
    server.reload.begin(["b.py"])
    assert server.reload.phase is Phase.HANDING_OVER
    server.release(old)
    server.confirm(new)
    assert server.reload.phase is Phase.LOADING
    assert server.of(ReloadDone)[0].files == ("a.py",)
    assert new.generation != server.supervisor.generation


async def test_an_old_host_that_dies_instead_of_releasing_does_not_stop_the_reload(make):
    """Reaped is as good as released (invariant P2)."""
    server = make(hosts=1).start()
    server.reload.begin(["a.py"])
    (old,), (new,) = old_and_new(server)
    server.ready(new)
    server.crash(old)
    server.confirm(new)
    assert server.reload.phase is Phase.IDLE


async def test_a_hand_over_whose_replacement_cannot_load_ends_and_the_next_save_counts(make):
    """Code saved during the hand-over that does not load must not stop all later reloads."""
    server = make(hosts=2).start()
    server.reload.begin(["a.py"])
    old, new = old_and_new(server)
    for worker in new:
        server.ready(worker)
    server.crash(new[0])
    _, current = old_and_new(server)
    replacement = next(each for each in current if each is not new[1])
    server.load_fails(replacement)
    assert server.of(ReloadFailed)
    server.release(old[0])
    server.release(old[1])
    server.confirm(new[1])
    server.reload.begin(["fixed.py"])
    assert server.reload.phase is Phase.LOADING
    _, newest = old_and_new(server)
    assert len(newest) == 2
    for worker in newest:
        server.ready(worker)
    server.release(new[1])
    for worker in newest:
        server.confirm(worker)
    assert server.reload.phase is Phase.IDLE
    assert server.of(ReloadDone)[-1].files == ("fixed.py",)
    assert server.seats.complete


async def test_a_standby_of_the_old_code_ends_with_the_hand_over(make):
    """No seat is ever given to old code again."""
    server = make(hosts=1, standby=True).start()
    standby = server.supervisor.standby()
    server.reload.begin(["a.py"])
    _, new = old_and_new(server)
    for worker in new:
        server.ready(worker)
    assert standby.asked
    assert standby.child.last(Exit) is not None


async def test_a_host_that_does_not_release_in_time_is_ended(make):
    """A stopped process must not delay new code until it counts as hung."""
    server = make(hosts=1).start()
    server.reload.begin(["a.py"])
    (old,), (new,) = old_and_new(server)
    server.ready(new)
    server.clock.advance(5.0 + END_SECONDS - 0.1)
    assert not old.child.killed
    server.clock.advance(0.2)
    assert old.child.killed
    assert server.of(HostStuck)[0].pid == old.pid
    server.crash(old)
    server.confirm(new)
    assert server.reload.phase is Phase.IDLE
    assert server.seated() == {1: new.serial}


async def test_a_host_that_released_in_time_is_not_ended(make):
    """Its deadline means nothing any more."""
    server = make(hosts=1).start()
    server.reload.begin(["a.py"])
    (old,), (new,) = old_and_new(server)
    server.ready(new)
    server.release(old)
    server.confirm(new)
    server.clock.advance(60)
    assert not old.child.killed
    assert not server.of(HostStuck)


async def test_gateways_learn_of_a_configuration_when_its_code_is_ready(make):
    """Behind the table without the old hosts, so that a new route never leads to old code."""
    server = make(hosts=1).start()
    server.reload.adopt = lambda: True
    server.reload.begin(["sourdough.toml"])
    _, (new,) = old_and_new(server)
    assert server.gateway().child.last(Setup) is None
    server.ready(new)
    assert server.table().entries == ()
    assert isinstance(server.gateway().child.told[-1], Setup)


async def test_gateways_keep_the_configuration_of_the_code_that_serves(make):
    """A new route to a class that does not load would be answered with errors."""
    server = make(hosts=1).start()
    adopted = []
    server.reload.adopt = lambda: adopted.append(1) or True
    server.reload.begin(["sourdough.toml"])
    _, (new,) = old_and_new(server)
    server.load_fails(new)
    assert adopted == []
    assert server.gateway().child.last(Setup) is None


async def test_a_configuration_that_cannot_be_kept_changes_nothing(make):
    """A full disk: the old code serves on, with the old configuration."""
    server = make(hosts=1).start()
    seated = server.seated()

    def fails() -> bool:
        raise StorageError("the storage folder cannot be used: no space left")

    server.reload.adopt = fails
    server.reload.begin(["sourdough.toml"])
    _, (new,) = old_and_new(server)
    server.ready(new)
    assert server.reload.phase is Phase.IDLE
    assert server.seated() == seated
    assert new.child.killed
    assert "no space left" in server.of(ReloadFailed)[0].error
    assert server.gateway().child.last(Setup) is None
