"""Programs for an object beside its model: steps of one event, as `model` runs them, and ends."""

from __future__ import annotations

from hypothesis import strategies as st

keys, values = st.sampled_from("abc"), st.integers(0, 9)
writes = st.one_of(
    st.tuples(st.just("put"), keys, values, st.booleans()),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("insert"), values),
    st.tuples(st.just("shift"), values),
    st.tuples(st.just("set_alarm"), st.integers(-5, 40)),
    st.tuples(st.just("delete_alarm")),
)
pauses = st.tuples(st.just("pause"))
at_once = st.tuples(
    st.just("at_once"), st.lists(st.tuples(keys, values), max_size=3), st.booleans()
)
fates = st.sampled_from(["keep", "keep", "raise", "rollback"])
inner = st.recursive(
    writes | pauses | at_once,
    lambda steps: st.tuples(st.just("transaction"), st.lists(steps, max_size=3), fates),
    max_leaves=5,
)
sections = st.tuples(st.just("section"), st.lists(inner, max_size=3))
programs = st.lists(inner | sections, max_size=5)
writers = st.lists(writes | pauses, min_size=1, max_size=4)
# What one in ten thousand of the above would be: others meet it, or the alarm that runs is undone.
held = st.lists(writes, max_size=2).map(lambda steps: [*steps, ("pause",), *steps])
holders = st.one_of(
    st.tuples(st.just("section"), held), st.tuples(st.just("transaction"), held, fates)
).map(lambda step: [step])
alarms = st.sampled_from([("set_alarm", 39), ("delete_alarm",)])
undoers = st.tuples(st.just("transaction"), st.lists(alarms, max_size=2), fates).map(
    lambda step: [step]
)
endings = st.sampled_from([*["return"] * 6, "raise", "raise", "abort", "bad commit"])
