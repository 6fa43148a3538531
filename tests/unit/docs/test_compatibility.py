"""The table of compatibility has every rule once, with a state and with tests that exist."""

from __future__ import annotations

import ast
import re
from collections import Counter

from tests.unit.docs import markdown

HEADER = ("rule", "in short", "here", "test")
STATES = ("kept", "different", "not yet")

# How many rules each topic has.
COUNTS = {
    "1": 14, "2": 14, "3": 15, "4.1": 5, "4.2": 5, "4.3": 6, "4.4": 5, "5.1": 9, "5.3": 19,
    "5.4": 3, "6": 18, "7": 18, "8": 5, "9": 4, "10": 14,
}  # fmt: skip
OTHERS = [
    "2 remote", "2 retryable", "2 overloaded", "2 reset", "2 id", "2 texts", "3.10b", "4.5", "5.2",
]  # fmt: skip


def rows() -> list[tuple[str, ...]]:
    return markdown.table(markdown.ROOT / "docs" / "compatibility.md", *HEADER)


def test_every_rule_is_there_once():
    """None is left out, none is told twice."""
    expected = [
        f"{topic}.{number}" for topic, count in COUNTS.items() for number in range(1, count + 1)
    ]
    assert Counter(rule for rule, *_ in rows()) == Counter([*expected, *OTHERS])


def test_every_rule_has_a_state():
    """Kept, different for a reason, or not yet."""
    states = {rule: state for rule, _, state, _ in rows()}
    odd = {rule for rule, state in states.items() if state.partition(":")[0] not in STATES}
    unexplained = {rule for rule, state in states.items() if state == "different"}
    assert (odd, unexplained) == (set(), set())


def test_each_test_that_is_named_exists():
    """A cell is empty where no test looks at the rule."""
    tests = {test.strip("`") for *_, test in rows() if test}
    assert len(tests) > 10
    assert [test for test in tests if not (markdown.ROOT / "tests" / test).is_file()] == []


def test_a_conformance_test_names_the_rule_it_shows():
    """Its docstrings say `semantics 4.3`."""
    silent = []
    for rule, _, _, test in rows():
        path = test.strip("`")
        if path.startswith("conformance/") and rule[-1].isdigit():
            text = (markdown.ROOT / "tests" / path).read_text(encoding="utf-8")
            # Rules that are counted in order are named by their topic alone.
            topic = rule if rule.split(".")[0] in {"1", "2", "3"} else rule.rpartition(".")[0]
            if not re.search(rf"(?<![\d.]){re.escape(topic)}(?!\d)", text):
                silent.append(f"{rule}: {path}")
    assert silent == []


def test_every_conformance_test_names_the_rule_it_checks():
    """`semantics 6.7`, or a topic as a whole: `semantics section 3`."""
    silent = [
        f"{path.name}::{test.name}"
        for path in (markdown.ROOT / "tests" / "conformance").glob("test_*.py")
        for test in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")
        if not re.search(r"semantics( section)? \d", ast.get_docstring(test) or "")
    ]
    assert silent == []


def test_every_trap_has_a_test_that_exists():
    """All forty, in their order."""
    traps = markdown.table(
        markdown.ROOT / "docs" / "compatibility.md",
        "trap", "what goes wrong elsewhere", "test that would notice",
    )  # fmt: skip
    assert [number for number, *_ in traps] == [str(number) for number in range(1, 41)]
    missing = []
    for _, _, test in traps:
        path, _, name = test.strip("`").partition("::")
        if f"def {name}(" not in (markdown.ROOT / "tests" / path).read_text(encoding="utf-8"):
            missing.append(test)
    assert missing == []
