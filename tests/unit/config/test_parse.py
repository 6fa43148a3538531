"""A configuration is closed, and all of its faults come at once."""

from __future__ import annotations

import datetime as dt

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.config.model import ClassRef
from sourdough.config.parse import field_text, parse

GOOD = """\
name = "chat"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
module = "counter.py"
[[routes]]
pattern = "/counter/{name}/*"
binding = "COUNTER"
id = "{name}"
"""


def faults(text):
    """Return the faults of a text as "line field text"."""
    return [f"{each.line} {each.field} {each.text}" for each in parse(text, file="f").faults]


def config(text):
    """Return the configuration of a text that has no faults."""
    parsed = parse(text, file="f")
    assert parsed.faults == ()
    return parsed.config


def test_the_picture_of_the_manual():
    """Four mistakes are four faults, each at its line, each with the nearest name."""
    text = """\
name = "chat"
hostCount = "four"
hostcuont = 3

[[durable_objects.bindings]]
name = "COUNTER"
class_nam = "Counter"
module = "counter"

[[routes]]
pattern = "/counter/{name}/*"
binding = "CONTER"
id = "{name}"
"""
    assert faults(text) == [
        '2 hostCount expected a whole number from 0 to 1024, got "four"',
        "3 hostcuont unknown key; did you mean hostCount?",
        "7 durable_objects.bindings[0].class_nam unknown key; did you mean class_name?",
        '12 routes[0].binding no binding is named "CONTER"; did you mean COUNTER?',
    ]


def test_defaults_are_those_of_the_manual():
    """What is left out has the documented value."""
    found = config(GOOD)
    assert (found.host_count, found.storage.path, found.storage.durability) == (
        2,
        ".sourdough",
        "disk",
    )
    assert (found.dev.standby, found.dev.drain_timeout, found.dev.port) == (False, 5, 8787)
    assert (found.serve.standby, found.serve.drain_timeout, found.serve.host) == (
        True,
        30,
        "127.0.0.1",
    )
    assert found.limits.body_bytes == 104_857_600
    assert found.limits.park_timeout == 35


def test_a_partial_dev_table_keeps_the_defaults_of_dev():
    """[dev] and [serve] differ in their defaults, also when one key of them is given."""
    found = config(f"{GOOD}[dev]\nport = 1\n[serve]\nport = 2\n")
    assert (found.dev.port, found.dev.standby) == (1, False)
    assert (found.serve.port, found.serve.standby) == (2, True)


@pytest.mark.parametrize("key", ["hostCount", "host_count"])
def test_both_spellings_of_host_count(key):
    """hostCount and host_count are the same key."""
    assert config(f"{key} = 0\n{GOOD}").host_count == 0


def test_both_spellings_at_once_are_a_fault():
    """A key is given once."""
    assert faults(f"host_count = 1\nhostCount = 2\n{GOOD}") == [
        "2 hostCount the same key as host_count; keep one of them"
    ]


@pytest.mark.parametrize(
    ("written", "dotted"),
    [
        ("counter", "counter"),
        ("counter.py", "counter"),
        ("./src/counter.py", "src.counter"),
        ("shop.cart", "shop.cart"),
    ],
)
def test_modules_are_files_or_dotted_names(written, dotted):
    """Every way to write a module gives its dotted name."""
    found = config(GOOD.replace("counter.py", written))
    assert found.classes == (ClassRef(dotted, "Counter"),)
    assert found.modules == (dotted,)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hostCount = true", "expected a whole number from 0 to 1024, got true"),
        ("limits = { object_queue = 0 }", "expected a whole number from 1 to 1000000000, got 0"),
        ("hostCount = 1025", "expected a whole number from 0 to 1024, got 1025"),
        ("hostCount = 2.0", "expected a whole number from 0 to 1024, got 2.0"),
        ('name = "a b"', None),
        ('compatibility_date = "soon"', 'expected a date such as "2026-01-31", got "soon"'),
        ("main = 3", "expected text that is not empty, got 3"),
        ("vars = { a = [1, { b = 9223372036854775808 }] }", "vars.a[1].b expected a whole number"),
        ("limits = { body_bytes = 9223372036854775808 }", "expected a whole number from 0"),
        ("vars = 3", "expected a table, got 3"),
        ("dev = []", "expected a table, got an array"),
        ("durable_objects = { bindings = {} }", None),
        ("limits = { heartbeat = nan }", "expected a number from 0.01 to 60, got nan"),
        ("limits = { idle_timeout = inf }", "expected a number above 0, at most 86400, got inf"),
        ('dev = { host = "a b" }', 'expected a host name or an address, got "a b"'),
        (
            'storage = { durability = "disc" }',
            'expected "disk", "memory" or "os", got "disc"; did you mean disk?',
        ),
        ("routes = [1]", "expected a table, got 1"),
        ('main = "json"', "json is a module of Python's standard library"),
        ('main = "sourdough.py"', "sourdough is a module of Sourdough itself"),
        ('main = "a b"', 'expected a file such as "app.py", a module, or "app:api", got "a b"'),
        ('main = "app:"', 'or "app:api", got "app:"'),
        ('main = "app.py:a.b"', 'or "app:api", got "app.py:a.b"'),
        ('main = "json:app"', "json is a module of Python's standard library"),
        ("limits = { heartbeat = 5, hang_timeout = 5 }", "expected more than heartbeat (5 s)"),
        (
            'serve = { trusted_proxies = ["10.0.0.1/8"] }',
            "did you mean 10.0.0.0/8?",
        ),
        ('dev = { trusted_proxies = [1, "x"] }', 'such as "10.0.0.0/8", got "x"'),
    ],
)
def test_wrong_values_say_what_was_expected(line, expected):
    """A wrong type or value is a fault at its key, with the expectation in words."""
    text = line if line.startswith("name") else f'name = "a"\n{line}'
    found = faults(text)
    assert found
    if expected is not None:
        assert any(expected in each for each in found)


@pytest.mark.parametrize(
    ("written", "main", "module"),
    [("app.py", "app", "app"), ("app.py:api", "app:api", "app"), ("a.b:api", "a.b:api", "a.b")],
)
def test_the_entrypoint_is_a_module_or_an_app_in_it(written, main, module):
    """A file becomes its module; what stands behind the colon is a name in it."""
    found = config(f'main = "{written}"\n{GOOD}')
    assert found.main == main
    assert module in found.modules


@pytest.mark.parametrize("date", ["2026-01-31", '"2026-01-31"'])
def test_compatibility_date_is_a_date_or_its_text(date):
    """TOML's own dates and wrangler's text are both accepted."""
    assert config(f"compatibility_date = {date}\n{GOOD}").compatibility_date == dt.date(2026, 1, 31)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ('pattern = "x"\nbinding = "COUNTER"\nid = "a"', "a path that begins with /"),
        ('pattern = "/{a}/{a}"\nbinding = "COUNTER"\nid = "a"', "{a} is captured twice"),
        ('pattern = "/a{b}"\nbinding = "COUNTER"\nid = "a"', "a whole segment"),
        ('pattern = "/a//b"\nbinding = "COUNTER"\nid = "a"', "is empty"),
        ('pattern = "/*/b"\nbinding = "COUNTER"\nid = "a"', "only be the last segment"),
        ('pattern = "/%41"\nbinding = "COUNTER"\nid = "a"', "without percent-encoding"),
        ('pattern = "/{a*}/{b*}"\nbinding = "COUNTER"\nid = "a"', "only one capture may span"),
        ('pattern = "/a"\nbinding = "COUNTER"', "expected either id or id_hex, got neither"),
        ('pattern = "/a"\nbinding = "COUNTER"\nid = "a"\nid_hex = "?a"', "id_hex, got both"),
        ('pattern = "/a"\nbinding = "COUNTER"\nid_hex = "12"', "expected 64 hex digits"),
        ('pattern = "/{nam}"\nbinding = "COUNTER"\nid = "{name}"', "did you mean nam?"),
        ('pattern = "/{x}"\nbinding = "COUNTER"\nid = "{"', "a capture in an id is written"),
        ('pattern = "/{x}"\nbinding = "COUNTER"\nid = "?"', 'is written "?room"'),
        ('pattern = "/{x}"\nbinding = "COUNTER"\nid = "header:"', 'is written "header:x-room"'),
        ('pattern = "/counter/{n}/*"\nbinding = "COUNTER"\nid = "a"', "same paths as routes[0]"),
    ],
)
def test_wrong_routes(route, expected):
    """A route that cannot work is a fault of its own."""
    (fault,) = faults(f"{GOOD}[[routes]]\n{route}\n")
    assert expected in fault


def test_names_in_env_are_given_once():
    """Two bindings of one name, or a var named like a binding, would hide each other."""
    again = '[[durable_objects.bindings]]\nname = "COUNTER"\nclass_name = "A"\nmodule = "a"\n'
    assert faults(GOOD + again) == [
        (
            '11 durable_objects.bindings[1].name "COUNTER" is already the name of '
            "durable_objects.bindings[0]"
        )
    ]
    (fault,) = faults(f"{GOOD}[vars]\nCOUNTER = 1\n")
    assert '"COUNTER" is already the name of a var' in fault


def test_one_class_has_one_durability():
    """Two bindings of one class share its objects, so they cannot disagree about durability."""
    again = (
        '[[durable_objects.bindings]]\nname = "B"\nclass_name = "Counter"\nmodule = "counter"\n'
        'durability = "memory"\n'
    )
    assert config(GOOD + again).durability_of(ClassRef("counter", "Counter")) == "memory"
    both = GOOD.replace("counter.py", 'counter"\ndurability = "os') + again
    (fault,) = faults(both)
    assert 'another binding of Counter says "os"' in fault


def test_a_class_says_what_becomes_of_sockets():
    """An object that is reset loses its WebSockets unless a binding of its class keeps them."""
    counter = ClassRef("counter", "Counter")
    assert config(GOOD).sockets_on_reset_of(counter) == "close"
    keep = GOOD.replace("counter.py", 'counter"\nsockets_on_reset = "keep')
    assert config(keep).sockets_on_reset_of(counter) == "keep"
    again = '[[durable_objects.bindings]]\nname = "B"\nclass_name = "Counter"\nmodule = "counter"\n'
    assert config(keep + again).sockets_on_reset_of(counter) == "keep"
    (fault,) = faults(keep + again + 'sockets_on_reset = "close"\n')
    assert 'another binding of Counter says "keep"' in fault
    (fault,) = faults(GOOD.replace("counter.py", 'counter"\nsockets_on_reset = "shut'))
    assert "sockets_on_reset" in fault


@pytest.mark.parametrize(
    ("text", "place"), [('a = 1\nname = "x\n', "f:2:10"), ("a = [\n", "f:2:1"), ("=", "f:1:1")]
)
def test_syntax_errors_have_a_place(text, place):
    """What is no TOML is one fault with line and column."""
    (fault,) = parse(text, file="f").faults
    assert fault.place == place
    assert fault.message.startswith("not valid TOML: ")


def test_an_empty_file_says_what_is_missing():
    """The required keys are named."""
    assert [each.partition(" ")[2].split()[0] for each in faults("")] == [
        "name",
        "durable_objects.bindings",
    ]


def test_field_paths_quote_odd_keys():
    """A path can be read and copied."""
    assert field_text(("a", 0, "b c", "d-e")) == 'a[0]."b c".d-e'


KEYS = [
    "name",
    "main",
    "routes",
    "pattern",
    "id",
    "binding",
    "durable_objects",
    "bindings",
    "module",
    "class_name",
    "dev",
    "serve",
    "storage",
    "vars",
    "limits",
    "heartbeat",
    "trusted_proxies",
    "hostCount",
    "host_count",
]
keys = st.sampled_from(KEYS) | st.text("abcdefgh", min_size=1, max_size=4)
values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, values, max_size=6))
def test_any_document_gives_a_configuration_or_faults(document):
    """No document is too odd: there is a Config or a fault with a line, never an exception."""
    text = tomli_w.dumps(document)
    parsed = parse(text, file="f")
    assert (parsed.config is None) == bool(parsed.faults)
    assert all(1 <= (fault.line or 0) <= text.count("\n") + 1 for fault in parsed.faults)


@pytest.mark.parametrize("key", ["hostCount = 2", "host_count = 2", 'main = "app.py"'])
def test_a_key_of_the_top_that_stands_in_a_table_is_told_its_place(key):
    """TOML gives it to the table above, wherever its writer meant it to be."""
    name = key.split()[0]
    (told,) = faults(GOOD + key)
    hint = "it belongs to the top of the file, above the first [table]"
    assert told == f"10 routes[0].{name} unknown key; {hint}"
