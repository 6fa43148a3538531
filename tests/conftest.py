"""The suites: run from fast to slow, each with a budget that is printed beside its time."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

# Tests start some hundred servers of five processes each: where this is set, every one of them
# would compile all of Sourdough again, which takes four times as long as the start itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# An example may take longer on a machine that is busy: by that alone no test fails.
settings.register_profile("any machine", parent=settings.default, deadline=None)
settings.load_profile("any machine")

# Seconds, on two cores. Beyond it a suite is too slow to be run before every commit.
BUDGETS = {
    "unit": 60,
    "integration": 100,
    "packaging": 60,
    "conformance": 60,
    "power": 60,
    "system": 120,
}
BUDGET_OF_OTHERS = 60

# Seconds, for the fixtures of a test to end. What made a test fail often holds them up.
TEARDOWN = 60


def suite_of(path: Path) -> str:
    """Return the folder below tests/ that a test is in."""
    return path.relative_to(TESTS).parts[0]


def _rank(item: pytest.Item) -> tuple[int, str]:
    order = ["unit", "integration", "packaging", "conformance", "power"]
    suite = suite_of(item.path)
    return (order.index(suite) if suite in order else len(order), suite)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Sort by suite, after everything else has sorted: within a suite the order stays random."""
    items.sort(key=_rank)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown():
    """Limit the fixtures' ends too: pytest-timeout and faulthandler look away once a test failed."""

    def late(*_):
        pytest.fail(f"the fixtures had not ended after {TEARDOWN} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, TEARDOWN, TEARDOWN)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def pytest_terminal_summary(terminalreporter):
    """Print what each suite took: the sum of its tests' times, whatever ran beside them."""
    tests, seconds = Counter(), Counter()
    for report in (
        each
        for reports in terminalreporter.stats.values()
        for each in reports
        if isinstance(each, pytest.TestReport)
    ):
        suite = Path(report.nodeid).parts[1]
        tests[suite] += report.when == "call"
        seconds[suite] += report.duration
    if not tests:
        return
    terminalreporter.section("suites")
    terminalreporter.line(f"{'suite':14} {'tests':>6} {'seconds':>8} {'budget':>8}")
    for suite in seconds:
        budget = BUDGETS.get(suite, BUDGET_OF_OTHERS)
        late = "   over its budget" if seconds[suite] > budget else ""
        terminalreporter.line(f"{suite:14} {tests[suite]:6} {seconds[suite]:8.1f} {budget:8}{late}")
