"""Lines of keys are found in everything that tomllib accepts."""

from __future__ import annotations

import tomllib

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.config.positions import key_lines

DOCUMENT = '''\
name = "x" # name = "y"
"quoted.key" = 1
a.b."c d" = [
  1, # one
  { x = "}", y = [ "]" ] },
  "# no comment",
]
text = """
[not.a.table]
name = "z" ""\\"""""
raw = \'\'\'
[[routes]]\'\'\'
when = 1979-05-27 07:32:00 # with a space

[table.sub]
k = 1
[table]
k = 2
[[routes]]
binding = "A"
[routes.extra]
deep = true
[[routes]]
binding = "B"
  [[routes.inner]]
  z = 1
  [[routes.inner]]
  z = 2
[ "caf\\u00e9" . 'x.y' ]
last = {a.b = 1, c = {d = 2}}
'''


def test_every_form_of_key_has_its_own_line():
    """Quoted, dotted, nested and inline keys, multi-line strings and comments do not mislead."""
    lines = key_lines(DOCUMENT)
    assert {
        ("name",): 1,
        ("quoted.key",): 2,
        ("a", "b", "c d"): 3,
        ("a", "b", "c d", 0): 4,
        ("a", "b", "c d", 1, "y", 0): 5,
        ("a", "b", "c d", 2): 6,
        ("text",): 8,
        ("raw",): 11,
        ("when",): 13,
        ("table", "sub"): 15,
        ("table", "sub", "k"): 16,
        ("table",): 17,
        ("table", "k"): 18,
        ("routes", 0): 19,
        ("routes", 0, "binding"): 20,
        ("routes", 0, "extra", "deep"): 22,
        ("routes", 1): 23,
        ("routes", 1, "binding"): 24,
        ("routes", 1, "inner", 1, "z"): 28,
        ("café", "x.y", "last", "a", "b"): 30,
        ("café", "x.y", "last", "c", "d"): 30,
    }.items() <= lines.items()
    assert set(paths(tomllib.loads(DOCUMENT))) == set(lines)


def test_windows_line_ends_count_once():
    """A file with \\r\\n has the same line numbers."""
    assert key_lines(DOCUMENT.replace("\n", "\r\n")) == key_lines(DOCUMENT)


def test_an_empty_document_has_no_keys():
    """Nothing but comments and blank lines is a document too."""
    assert key_lines("\n# name = 1\n\n") == {}


def paths(value, at=()):
    """Yield the path of everything in a parsed document."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for key, child in items:
        yield (*at, key)
        yield from paths(child, (*at, key))


plain = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters='\\"\x7f'
    ),
    min_size=1,
    max_size=6,
)
scalars = (
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
    | st.integers(-9, 9)
    | st.booleans()
    | st.dates()
    | st.datetimes()
    | st.floats(allow_nan=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(plain, values, max_size=4), st.booleans())
def test_every_path_that_tomllib_yields_has_a_line_with_its_key(document, multiline):
    """The scan and the parser agree about which keys there are, and the line mentions the key."""
    text = tomli_w.dumps(document, multiline_strings=multiline)
    lines = key_lines(text)
    rows = text.split("\n")
    found = set(paths(tomllib.loads(text)))
    assert found == set(lines)
    for path in found:
        if isinstance(path[-1], str):
            assert path[-1] in rows[lines[path] - 1]
