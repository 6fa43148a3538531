"""The table of promises names files that exist, and that name the promise themselves."""

from __future__ import annotations

from tests.unit.docs import markdown

HEADER = ("promise", "what holds", "file", "test")


def test_each_promise_is_named_where_it_is_kept():
    """The file that upholds a promise says so: `invariant P2`."""
    rows = markdown.table(markdown.ROOT / "docs" / "architecture.md", *HEADER)
    assert len(rows) > 20
    for promise, _, file, _ in rows:
        text = (markdown.ROOT / "runtime" / "sourdough" / file.strip("`")).read_text()
        assert promise in text, f"{file} does not name {promise}"


def test_each_test_that_is_named_exists():
    """A cell is empty where no test looks at the promise alone."""
    rows = markdown.table(markdown.ROOT / "docs" / "architecture.md", *HEADER)
    tests = {test.strip("`") for *_, test in rows if test}
    assert [test for test in tests if not (markdown.ROOT / "tests" / test).is_file()] == []
