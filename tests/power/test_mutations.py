"""Without any one rule the simulated disk finds a loss: so the tests beside this one mean something."""

from __future__ import annotations

import pytest

from tests.power.conftest import SOAK
from tests.power.exploration import explore
from tests.power.mutations import MUTATIONS, Mutated

# Some rules are missed in one of some hundred cuts; the first seeds that bring it are few mostly.
_AT_ONCE = 20
_SEEDS = 400


@pytest.mark.skipif(not SOAK, reason="takes minutes: SOURDOUGH_SOAK=1")
@pytest.mark.parametrize("name", [name for name, each in MUTATIONS.items() if not each.guard])
def test_a_rule_taken_away_is_noticed(name):
    """What was told is lost, or a database is damaged, sooner or later."""
    mutation = MUTATIONS[name]
    if explore(Mutated(name), [mutation.seed], mutation.plan).failures:
        return
    for first in range(0, _SEEDS, _AT_ONCE):
        found = explore(Mutated(name), range(first, first + _AT_ONCE), mutation.plan)
        if found.failures:
            return
    pytest.fail(f"nothing is lost without it: {mutation.rule}")


@pytest.mark.parametrize("name", ["fold-early", "mark-file", "no-image"])
def test_the_plainest_rules_are_noticed_at_once(name):
    """A handful of seeds is enough for them."""
    assert explore(Mutated(name), range(3), MUTATIONS[name].plan).failures
