"""The alarms in memory: what starts when, and where, and what follows."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sourdough.coordinator import alarm_book
from sourdough.coordinator.alarm_book import AlarmBook, Due
from sourdough.wire.messages import AlarmOutcome

A, B, C = (("Thing", bytes([number]) * 32) for number in (1, 2, 3))
FOREVER = (10**15, "", b"")


def book(*alarms: Due, horizon=FOREVER) -> AlarmBook:
    made = AlarmBook(chance=lambda: 0.0)
    made.begin_load()
    made.load(alarms, horizon)
    return made


def due(key, at, name=None) -> Due:
    return Due(key=key, due=at, name=name)


def start(made, now, monotonic=0.0, host=1):
    return made.start(now, monotonic, lambda _: host)


def keys(started):
    return [each.alarm.key for each in started]


def test_nothing_starts_early():
    """An alarm starts when its time has come, in the order of due times (semantics 6.1)."""
    made = book(due(A, 200), due(B, 100))
    assert start(made, 99) == []
    assert keys(start(made, 100)) == [B]
    assert keys(start(made, 200)) == [A]


def test_a_clock_that_steps_back_starts_nothing_early():
    """The wall clock decides at the moment of the start (invariant T1)."""
    made = book(due(A, 200))
    assert start(made, 150) == []
    assert start(made, 50) == []
    assert keys(start(made, 200)) == [A]


def test_a_clock_that_steps_forward_spreads_what_is_late():
    """A thousand alarms that are due at once do not start at once (invariant T1)."""
    many = [due(("Thing", number.to_bytes(32, "big")), number) for number in range(1000)]
    made = book(*many)
    at_once = len(start(made, 10**6, 0.0))
    assert at_once < 200
    total = at_once
    for step in range(1, 12):
        total += len(start(made, 10**6, step * 0.1))
    assert total == 1000


def test_one_run_of_an_object_at_a_time():
    """A new time waits for the end of the run (semantics 6.14)."""
    made = book(due(A, 100))
    start(made, 100)
    made.put(due(A, 110))
    assert start(made, 120) == []
    made.ended(A, 100, AlarmOutcome.DONE, 0.0)
    assert [each.alarm.due for each in start(made, 120)] == [110]


def test_a_good_run_that_removed_its_alarm_leaves_nothing():
    """What is gone from the index is gone from memory (semantics 6.6)."""
    made = book(due(A, 100))
    start(made, 100)
    made.remove(A)
    made.ended(A, 100, AlarmOutcome.DONE, 0.0)
    assert (len(made), made.running) == (0, 0)


def test_a_failed_run_is_repeated_with_its_number():
    """Runs at 0, 2, 6, 14, 30, 62, 126 s, then the alarm is given up (6.7, trap 16)."""
    made, runs, monotonic = book(due(A, 100)), [], 0.0
    while True:
        started = start(made, 1000, monotonic)
        if started:
            if started[0].give_up:
                break
            runs.append((monotonic, started[0].retries))
            made.ended(A, 100, AlarmOutcome.FAILED, monotonic)
        else:
            monotonic += 1
    assert runs == list(zip((0, 2, 6, 14, 30, 62, 126), range(7), strict=True))


def test_a_new_alarm_replaces_the_retry_with_fresh_counters():
    """Set in the run that failed, or while the retry waits (semantics 6.9)."""
    made = book(due(A, 100))
    start(made, 100)
    made.ended(A, 100, AlarmOutcome.FAILED, 0.0)
    [again] = start(made, 100, 2.0)
    assert again.retries == 1
    made.put(due(A, 150))
    made.ended(A, 100, AlarmOutcome.FAILED, 2.0)
    [fresh] = start(made, 150, 2.0)
    assert (fresh.alarm.due, fresh.retries) == (150, 0)
    made.ended(A, 150, AlarmOutcome.FAILED, 2.0)
    made.put(due(A, 160))
    [last] = start(made, 160, 2.0)
    assert (last.alarm.due, last.retries) == (160, 0)


def test_a_deleted_alarm_is_not_repeated():
    """`delete_alarm` in a run that fails cancels its retry (semantics 6.10)."""
    made = book(due(A, 100))
    start(made, 100)
    made.remove(A)
    made.ended(A, 100, AlarmOutcome.FAILED, 0.0)
    assert start(made, 10**9, 10**6) == []


def test_an_abandoned_alarm_is_given_up():
    """`ctx.abort(retry_alarm=False)`, unless a new alarm came meanwhile (semantics 6.12)."""
    made = book(due(A, 100), due(B, 100))
    start(made, 100)
    made.put(due(B, 120))
    made.ended(A, 100, AlarmOutcome.ABANDONED, 0.0)
    made.ended(B, 100, AlarmOutcome.ABANDONED, 0.0)
    assert [(each.alarm.key, each.give_up) for each in start(made, 120)] == [(A, True), (B, False)]


def test_a_host_that_dies_leaves_its_runs_to_the_next():
    """Not counted, after a pause, and never while the old one may still run (P2)."""
    made = book(due(A, 100))
    start(made, 100, host=1)
    made.lost(lambda serial: serial == 1, 0.0)
    assert made.running == 1
    made.lost(lambda serial: serial == 2, 0.0)
    assert start(made, 100, 1.9, host=2) == []
    [again] = start(made, 100, 2.0, host=2)
    assert (again.serial, again.retries) == (2, 0)


def test_a_seat_that_changes_hands_runs_it_at_once():
    """A run that a hand-over cut short is no failure."""
    made = book(due(A, 100))
    start(made, 100)
    made.ended(A, 100, AlarmOutcome.MOVED, 0.0)
    assert keys(start(made, 100, 0.0, host=2)) == [A]


def test_without_an_owner_an_alarm_waits():
    """It starts when the seat has an occupant again."""
    made = book(due(A, 100))
    assert start(made, 100, host=None) == []
    assert start(made, 100) == []
    made.lost(lambda _: True, 0.0)
    assert keys(start(made, 100)) == [A]


def test_what_is_beyond_the_horizon_stays_in_the_index():
    """Memory holds what is due soon; the next page brings the rest, once."""
    made = book(due(A, 100), horizon=(500, "", b""))
    made.put(due(B, 600))
    assert len(made) == 1
    made.begin_load()
    made.load([due(A, 100), due(B, 600)], (1000, "", b""))
    assert keys(start(made, 600)) == [A, B]


def test_what_is_said_while_a_page_is_read_is_newer_than_the_page():
    """A page of the index may be old when it comes."""
    made = book(due(A, 100), horizon=(500, "", b""))
    made.begin_load()
    made.remove(A)
    made.put(due(B, 800))
    made.load([due(A, 100)], (1000, "", b""))
    assert start(made, 700) == []
    assert keys(start(made, 800)) == [B]


def test_an_alarm_found_in_a_file_does_not_delay_a_known_one():
    """What a file said some time ago counts only if it is sooner."""
    made = book(due(A, 100))
    made.find(due(A, 300))
    made.find(due(B, 200))
    assert keys(start(made, 200)) == [A, B]


def test_memory_is_bounded(monkeypatch):
    """Too many alarms at once: the latest are left to the index, and come with the next page."""
    monkeypatch.setattr(alarm_book, "MAX_WAITING", 10)
    many = [due(("Thing", number.to_bytes(32, "big")), number) for number in range(30)]
    made = book(*many)
    assert len(made) == 10
    assert made.horizon == (9, *many[9].key)


def test_an_alarm_set_again_and_again_costs_no_memory():
    """Stale places in the queue are cleaned away."""
    made = book()
    for at in range(10_000):
        made.put(due(A, 10**6 + at))
    assert len(made._by_due) < 500
    assert keys(start(made, 10**7)) == [A]


class Runs(RuleBasedStateMachine):
    """Any order of changes, starts, ends and lost hosts, against the rules that always hold."""

    def __init__(self):
        super().__init__()
        self.book = book()
        self.index = {}
        self.running = {}
        self.now, self.monotonic, self.host = 1000, 0.0, 1

    @rule(key=st.sampled_from([A, B, C]), ahead=st.integers(-50, 50))
    def put(self, key, ahead):
        self.index[key] = self.now + ahead
        self.book.put(due(key, self.index[key]))

    @rule(key=st.sampled_from([A, B, C]))
    def remove(self, key):
        self.index.pop(key, None)
        self.book.remove(key)

    @rule(ms=st.integers(-100, 100), seconds=st.floats(0, 2000))
    def time(self, ms, seconds):
        self.now += ms
        self.monotonic += seconds

    @rule()
    def start(self):
        for each in start(self.book, self.now, self.monotonic, self.host):
            assert each.alarm.key not in self.running
            assert self.index[each.alarm.key] == each.alarm.due <= self.now
            self.running[each.alarm.key] = each

    @rule(key=st.sampled_from([A, B, C]), outcome=st.sampled_from(AlarmOutcome))
    def end(self, key, outcome):
        if key in self.running:
            self.book.ended(key, self.running.pop(key).alarm.due, outcome, self.monotonic)

    @rule()
    def lose_host(self):
        self.host += 1
        self.book.lost(lambda serial: serial == self.host, self.monotonic)
        self.running.clear()

    @invariant()
    def everything_is_started_in_the_end(self):
        assert self.book.running == len(self.running)
        assert len(self.book) == len(self.index.keys() | self.running.keys())

    def teardown(self):
        for key in list(self.running):
            self.end(key, AlarmOutcome.MOVED)
        later = self.monotonic + 3000
        self.now = max([self.now, *self.index.values()])
        self.book.lost(lambda _: True, later)
        assert {each.alarm.key for each in start(self.book, self.now, later, 99)} == set(self.index)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=60, stateful_step_count=30)
