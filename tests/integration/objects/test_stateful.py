"""One object under everything at once, beside a model: which promise each rule looks at.

- `start`, `resume`: what was answered is what happened; reads see the turn's own writes and what
  others committed (semantics 3.4, 4.4.1); nobody enters a section or uses the storage in another's
  transaction (4.1, 4.3, 5.1); what was rolled back, at any depth, is not there (5.1.6, 5.1.7);
  after an abort or a failed commit exactly the turns before are there (3.11, 4.4.4).
- `fire`: an alarm runs when it is due by the object's own storage, is hidden while it runs, goes
  with the commit of a good run, stays after a bad one (6.4, 6.6, 6.9, 6.10, 6.15).
- `hold_disk`: no answer before what it depends on is durable (S1, 4.2.1); without, all is answered.
- `hold_index`: a commit that makes the alarm sooner waits for the index (S11, 4.4.3).
- `evict`: an instance that goes leaves everything behind (3.8).
- `crash`: a copy of the files at any moment, as `kill -9` leaves them: what was answered is there,
  turns are there whole or not at all and in their order, no alarm that the index does not know of
  (S1, S5, 4.4.1, S11).
- `sync_fails`: nobody is told that all is well, nothing is written any more; the next host finds a
  state that may be found (S2).

It runs for some seconds; SOURDOUGH_STATEFUL_EXAMPLES=2000 looks deeper.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sourdough.errors import DurableObjectError
from sourdough.objects.alarm import AlarmEvent, AlarmReply
from sourdough.objects.attribution import Attribution
from sourdough.wire.messages import AlarmOutcome
from tests.integration.objects.conftest import World
from tests.integration.objects.model import BEGINNING_MS, Driven, Index, Model, Run, State
from tests.integration.objects.programs import (
    endings,
    holders,
    keys,
    programs,
    undoers,
    writers,
)

EXAMPLES = int(os.environ.get("SOURDOUGH_STATEFUL_EXAMPLES", "40"))


class ObjectMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.index = Index()
        self.model = Driven.model = Model()
        self.answers: dict[int, asyncio.Future] = {}
        self.numbers = 0
        self.copies = 0
        self.committed = 0
        """The last boundary before which nothing waits for the index: a reset undoes none of it."""
        self.held_from: int | None = None
        """The first boundary that the disk does not have, while it is held."""
        self.act(self.open(self.folder / "0"))

    def act(self, work) -> None:
        """Do something on the loop, and wait until nothing moves any more."""

        async def acted() -> None:
            await work
            await self.quiet()

        self.loop.run_until_complete(asyncio.wait_for(acted(), 20))

    # --- hosts

    async def open(self, folder: Path) -> None:
        self.attribution = Attribution.install(asyncio.get_running_loop())
        self.world = World(folder)
        self.world.alarms = self.index
        self.world.host(Driven, clock=self.world.clock)

    async def close(self) -> None:
        world = self.world
        world.disk.go.set()
        if world.container() is not None:
            world.container().reset(RuntimeError("the host is gone"))
        await world.registry.release_all()
        for database in world.created:
            database.abandon()
        world.engine.close()
        self.attribution.uninstall()
        self.answers.clear()
        self.held_from = None

    def teardown(self) -> None:
        self.index.held = False
        self.loop.run_until_complete(self.close())
        self.loop.run_until_complete(self.ended())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)

    @staticmethod
    async def ended() -> None:
        """Return when the tasks of all instances have ended: a reset takes them a turn for each
        section that they are inside of.
        """
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            _, left = await asyncio.wait(left, timeout=20)
        assert not left, "a task has outlived its instance"

    async def inspect(self, *, first: int = 0) -> None:
        """Take what a new instance finds for the state from now on, if it may be found."""
        self.answers.clear()
        entries, rows, alarm = await self.world.call("look")
        self.model.found(State(entries, rows, alarm), first=first)
        self.committed = 0
        assert self.index.knows(alarm), f"the alarm {alarm} is not in the index: {self.index.due}"

    # --- what is under way

    @property
    def paused(self) -> list[Run]:
        return [each for each in self.model.runs.values() if each.door and not each.door.done()]

    @property
    def has_file(self) -> bool:
        return any(self.world.folder.rglob("*.sqlite"))

    @property
    def undisturbed(self) -> bool:
        """Whether nothing is held back and no event is under way."""
        return self.held_from is None and not self.index.held and not self.answers

    def stands_still(self) -> bool:
        if self.held_from is not None or self.index.held:
            return True
        waits = {run.number for run in self.paused}
        unanswered = {number for number, answer in self.answers.items() if not answer.done()}
        return unanswered == waits or bool(self.model.sections and waits)

    async def run_out(self) -> None:
        """Return when nobody but this has anything to do: however many turns it takes to leave a
        section inside of many.
        """
        await asyncio.sleep(0)
        while self.loop._ready:
            await asyncio.sleep(0)

    async def still(self) -> None:
        """Return when neither the loop nor the disk has anything left to do."""
        async with asyncio.timeout(10):
            while True:
                rested, syncs = self.world.disk_rests, len(self.world.syncs)
                await self.run_out()
                rested &= self.world.disk_rests and syncs == len(self.world.syncs)
                if rested and self.stands_still():
                    return
                await asyncio.sleep(0.0005)

    async def quiet(self) -> None:
        """Return when every event is answered or waits; take the answers."""
        await self.still()
        assert not self.model.wrong
        lost: list[Run] = []
        for number, answer in list(self.answers.items()):
            if answer.done():
                del self.answers[number]
                if self.take(self.model.runs[number], answer):
                    lost.append(self.model.runs[number])
        if lost:
            assert any(run.end is None for run in lost), "reset, and nobody had asked for it"
            if self.held_from is not None:
                self.world.disk.go.set()
                self.held_from = None
            self.index.held = False
            self.index.keep()
            await self.inspect(first=self.committed)
        if not self.index.held:
            self.committed = self.model.last

    def take(self, run: Run, answer: asyncio.Future) -> bool:
        """Compare an answer with the plan; return whether the instance is lost."""
        error = answer.exception()
        outcome = None if error is not None else answer.result()
        if isinstance(error, DurableObjectError) and error.durable_object_reset:
            return True
        if isinstance(outcome, AlarmOutcome):
            return self.take_run(run, outcome)
        if run.ending == "raise":
            assert str(error) == "planned", error
        else:
            assert error is None, error
            assert outcome == run.number
        self.answered(run)
        return False

    def take_run(self, run: Run, outcome: AlarmOutcome) -> bool:
        due_run, self.model.alarm_run = self.model.alarm_run, None
        assert due_run is run
        if run.end is None:
            assert outcome is AlarmOutcome.FAILED
            return True
        assert outcome is (AlarmOutcome.FAILED if run.ending == "raise" else AlarmOutcome.DONE)
        self.answered(run)
        return False

    def answered(self, run: Run) -> None:
        """Check that nothing was told that is not durable (invariant S1)."""
        assert run.end is not None, "answered before its end"
        if self.held_from is not None:
            undurable = self.model.history[self.held_from : run.end + 1]
            assert not any(confirm for _, confirm in undurable), "answered before it was durable"
        self.model.answered(run)

    # --- rules

    def new_run(self, program, ending) -> Run:
        self.numbers += 1
        run = Run(number=self.numbers, program=program, ending=ending)
        self.model.runs[run.number] = run
        return run

    @rule(program=programs, ending=endings)
    def start(self, program, ending) -> None:
        """An event comes; it runs to its end, to its first pause, or waits at the gate."""
        self.begin(program, ending)

    @rule(program=writers, ending=endings)
    def start_writer(self, program, ending) -> None:
        """The same with a program that does more than nothing."""
        self.begin(program, ending)

    @rule(program=holders)
    def start_holder(self, program) -> None:
        """The same with a program that stands still while it holds others back."""
        self.begin(program, "return")

    @rule(program=writers)
    def start_and_return(self, program) -> None:
        """The same with an end as most have."""
        self.begin(program, "return")

    def begin(self, program, ending) -> None:
        run = self.new_run(program, ending)

        async def deliver() -> None:
            self.answers[run.number] = self.world.call("perform", run.number)

        self.act(deliver())

    @precondition(lambda self: self.paused)
    @rule(choice=st.integers(0, 5))
    def resume(self, choice) -> None:
        """One that stands still goes on; others may be inside a section meanwhile."""

        async def go_on() -> None:
            self.paused[choice % len(self.paused)].door.set_result(None)

        self.act(go_on())

    @precondition(lambda self: self.model.alarm_run is None and not self.model.sections)
    @precondition(lambda self: not self.index.held and self.held_from is None)
    @rule(program=programs | undoers, ending=endings, early=st.sampled_from([True, False, False]))
    def fire(self, program, ending, early) -> None:
        """The index wakes the object; whether it runs, the object's storage decides."""
        due = self.model.state.alarm
        if due is not None and not early:
            self.world.clock.advance(max(0.0, due / 1000 - self.world.clock.now()))
        is_due = due is not None and due <= self.world.clock.now() * 1000

        async def begin() -> None:
            outcome = asyncio.get_running_loop().create_future()
            event = AlarmEvent(
                AlarmReply(outcome.set_result), version=1, retries=0, started=0.0, seconds=1e6
            )
            if is_due:
                run = self.model.alarm_run = self.new_run(program, ending)
                self.answers[run.number] = outcome
            self.world.registry.deliver(self.world.key(), None, event)
            if not is_due:
                assert await outcome is AlarmOutcome.DONE

        self.act(begin())

    @precondition(lambda self: not self.model.sections and not (self.index.held and self.answers))
    @rule(seconds=st.integers(1, 20))
    def advance(self, seconds) -> None:
        """Time passes, so that alarms become due; a section, also one that waits, has 30 s."""
        self.world.clock.advance(seconds)

    @precondition(lambda self: self.undisturbed)
    @rule()
    def evict(self) -> None:
        """An idle object leaves memory; the next event finds everything."""

        async def leave() -> None:
            self.world.clock.advance(200)
            self.world.registry.sweep()
            while (closing := self.world.registry.closing(self.world.key())) is not None:
                await asyncio.wait([closing])
            assert self.world.container() is None
            await self.inspect(first=self.model.last)

        self.act(leave())

    @precondition(lambda self: self.held_from is None and self.has_file)
    @rule()
    def hold_disk(self) -> None:
        """From now on nothing becomes durable. A file is created, and synced, on the loop."""
        self.world.disk.go.clear()
        self.held_from = self.model.last + 1

    @precondition(lambda self: self.held_from is not None)
    @rule()
    def release_disk(self) -> None:
        async def release() -> None:
            self.world.disk.go.set()
            self.held_from = None

        self.act(release())

    @precondition(lambda self: not self.index.held)
    @rule()
    def hold_index(self) -> None:
        """From now on a commit that makes the alarm sooner is held back."""
        self.index.held = True

    @precondition(lambda self: self.index.held)
    @rule()
    def release_index(self) -> None:
        async def release() -> None:
            self.index.held = False
            self.index.keep()

        self.act(release())

    @rule()
    def crash(self) -> None:
        """The host is gone at this moment; the next finds the files as they are."""
        self.act(self.move_on())

    @precondition(lambda self: self.undisturbed)
    @rule(key=keys)
    def sync_fails(self, key) -> None:
        """The disk reports an error: the write is not acknowledged, the host is given up."""
        run = self.new_run([("put", key, 100 + self.numbers, True)], "return")

        async def fail() -> None:
            self.world.disk.error = OSError(5, "Input/output error")
            answer = self.world.call("perform", run.number)
            await asyncio.wait([answer])
            assert answer.exception() is not None, "acknowledged, though the sync had failed"
            assert self.world.failed
            await self.move_on()

        self.act(fail())

    async def move_on(self) -> None:
        self.copies += 1
        folder = self.folder / str(self.copies)
        if self.world.folder.exists():
            shutil.copytree(self.world.folder, folder)
        now = self.world.clock.now()
        # What the coordinator had not confirmed dies with the host that asked for it.
        self.index.waiting.clear()
        self.index.held = False
        due = self.index.due
        await self.close()
        self.index.due = due  # an end says more than a crash does
        self.index.waiting.clear()
        await self.open(folder)
        self.world.clock.advance(now - BEGINNING_MS / 1000)
        await self.inspect()

    @invariant()
    def the_index_is_never_late(self) -> None:
        """What is committed of the alarm is known, also while more is held back."""
        durable = self.model.history[-1][0].alarm
        if not self.index.held and not self.model.savepoints and self.held_from is None:
            assert self.index.knows(durable)


TestObject = ObjectMachine.TestCase
TestObject.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
