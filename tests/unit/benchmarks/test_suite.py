"""The benchmark suite's figures: what counts, what is refused, what is said of a target."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"

# What wrk prints; `{bad}` is a line it adds where answers were not good.
WRK = """
  Latency Distribution
     50%    1.02ms
     75%    2.00ms
     87.50%    9.00ms
     99%  310.00us
{bad}
Requests/sec:   1234.50
"""


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    """Make the modules importable as the scripts import them, for one test."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if Path(getattr(module, "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.fixture
def wrk(tmp_path, monkeypatch):
    """Put a program in wrk's place that prints a text."""

    def make(bad=""):
        program = tmp_path / "wrk"
        program.write_text(f"#!/bin/sh\ncat <<'END'{WRK.format(bad=bad)}END\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return make


@pytest.fixture
def results():
    """Return a function that makes results with one case, from rates by contender."""
    from results import CaseResult, Measured, Results

    def make(refused=None, **rates):
        by = {
            key: Measured(per_second=each, p50_ms=[1.0] * len(each), p99_ms=[2.0] * len(each))
            for key, each in rates.items()
        }
        if refused:
            by[refused].refused = "not every answer was good"
        case = CaseResult(
            operation="counter", name="durable increment, 32 connections, 100 objects",
            connections=32, objects=100, writes=True, by=by,
        )  # fmt: skip
        contenders = [
            {"key": key, "label": key, "version": "1", "durability": "disk", "means": "a sync",
             "syncs_per_write": 1.0}
            for key in rates
        ]  # fmt: skip
        machine = dict.fromkeys(
            ("processor", "cores", "memory_gib", "system", "python", "file_system", "sync_ms",
             "load_before", "began"), "?",
        )  # fmt: skip
        return Results(machine=machine, method="As ever.", contenders=contenders, cases=[case])

    return make


def test_good_run_of_wrk_is_read(wrk):
    """Percentiles are found by their whole name, in milliseconds."""
    from load import Run, run

    wrk()
    found = run("http://localhost", "/o%d", connections=1, seconds=1)
    assert found == Run(per_second=1234.5, p50=1.02, p99=0.31)


@pytest.mark.parametrize(
    "bad",
    ["  Non-2xx or 3xx responses: 1", "  Socket errors: connect 0, read 1, write 0, timeout 0"],
)
def test_run_with_an_answer_that_is_not_good_is_refused(wrk, bad):
    """One such answer is enough."""
    from load import RefusedError, run

    wrk(bad)
    with pytest.raises(RefusedError, match="not every answer was good"):
        run("http://localhost", "/o%d", connections=1, seconds=1)


def test_ratio_is_the_median_of_the_rounds(results):
    """It is not the ratio of the medians, which come from different moments."""
    [case] = results(journal=[10.0, 40.0, 90.0], workerd=[10.0, 10.0, 10.0]).cases
    assert case.ratio("journal", "workerd") == 4.0


def test_refused_contender_has_neither_rate_nor_ratio(results):
    """The table says so, and the target that needs it counts as not measured."""
    import report
    from targets import targets

    found = results(journal=[10.0], workerd=[5.0], refused="workerd")
    assert "| 10/s, p50 1.00 ms [disk] | refused |" in report.markdown(found)
    [target] = [each for each in targets(found) if "100 objects: to workerd" in each.name]
    assert target.verdict == "not measured"


@pytest.mark.parametrize(
    ("seen", "at_most", "verdict"),
    [(12.0, False, "met"), (9.0, False, "missed by 10%"), (12.0, True, "missed by 20%"),
     (9.0, True, "met"), (None, False, "not measured")],
)  # fmt: skip
def test_target_says_by_how_much_it_is_missed(seen, at_most, verdict):
    """In the direction in which it can be missed."""
    from targets import Target

    assert Target(name="", wanted=10.0, unit="x", seen=seen, at_most=at_most).verdict == verdict


def test_figures_replace_those_of_the_last_run(results):
    """What stands around the markers of the README stays as it is."""
    import report

    readme = (BENCHMARKS / "README.md").read_text()
    once = report.with_figures(readme, "| old |")
    again = report.with_figures(once, report.markdown(results(journal=[10.0])))
    assert "| old |" not in again
    assert "10/s, p50 1.00 ms [disk]" in again
    assert again.partition(report.BEGIN)[0] == readme.partition(report.BEGIN)[0]
    assert again.partition(report.END)[2] == readme.partition(report.END)[2]


def test_processor_time_is_that_of_the_process():
    """A process that computes has used more afterwards."""
    import processor_time

    roles = {"this": [os.getpid()]}
    before = processor_time.seconds(roles)
    if not before:
        pytest.skip("only Linux tells")
    while processor_time.seconds(roles)["this"] - before["this"] < 0.02:
        sum(range(10_000))
    used = processor_time.each_request(before, processor_time.seconds(roles), 10)
    assert used["this"] >= 2_000
