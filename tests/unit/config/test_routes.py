"""Requests find their object: the most specific pattern, captures decoded once."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sourdough.config.model import Route
from sourdough.config.routes import BadRoute, NoRoute, RouteMatch, RouteTable


def table(*routes):
    """Make a table of (pattern, id) routes; the binding is the pattern, so that it can be seen."""
    return RouteTable([Route(pattern=each, binding=each, id=name) for each, name in routes])


def match(routes, path, query="", **headers):
    return routes.match(path, query, headers.get)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/counter/a", "a"),
        ("/counter/a/", "a"),
        ("/counter/a/increment", "a"),
        ("/counter/a/b/c", "a"),
        ("/counter/", None),
        ("/counter", None),
        ("/counter//increment", None),
        ("/counters/a", None),
        ("/", None),
        ("*", None),
        ("/%63ounter/a", "a"),
        ("/counter/caf%C3%A9", "café"),
        ("/counter/caf\u00c3\u00a9", "café"),
        ("/counter/a%2Fb/c", "a/b"),
        ("/counter/%2525", "%25"),
        ("/counter/a+b", "a+b"),
        ("/counter/a%0Ab", "a\nb"),
        ("/counter/..", ".."),
    ],
)
def test_a_capture_and_a_final_star(path, name):
    """{name} is one segment, percent-decoded once; /* is nothing or anything."""
    found = match(table(("/counter/{name}/*", "{name}")), path)
    assert (found.name if isinstance(found, RouteMatch) else None) == name


@pytest.mark.parametrize(
    ("pattern", "path", "mount"),
    [
        ("/room/{name}/*", "/room/a/b", 2),
        ("/room/{name}/*", "/room/a", 2),
        ("/room/{name}", "/room/a", 0),
        ("/*", "/room/a", 0),
        ("/{name}/{path*}/*", "/room/a/b", 0),
    ],
)
def test_where_a_route_is_mounted(pattern, path, mount):
    """The segments before a final star; none where the rest is a part of the name."""
    found = match(table((pattern, "{name}" if "{name}" in pattern else "one")), path)
    assert found.mount == mount


@pytest.mark.parametrize("raw", ["%ff", "%C3", "%zz", "%", "a%2", "%ED%A0%80", "\u00ff"])
def test_captures_that_are_not_utf8_are_bad(raw):
    """A name that cannot be decoded is the client's fault, not another name."""
    found = match(table(("/{name}", "{name}")), f"/{raw}")
    assert isinstance(found, BadRoute)
    assert found.cacheable


def test_undecodable_text_that_nothing_captures_is_no_fault():
    """Only what becomes a name must be decodable."""
    found = match(table(("/{name}/*", "{name}")), "/a/%ff")
    assert found == RouteMatch(binding="/{name}/*", name="a", mount=1)


@pytest.mark.parametrize(
    ("path", "winner"),
    [
        ("/a/b", "/a/b"),
        ("/a/x", "/a/{p}"),
        ("/x/b", "/{p}/b"),
        ("/a", "/a"),
        ("/a/", "/a/*"),
        ("/a/x/y", "/a/{p*}"),
        ("/a/x/raw", "/a/{p*}/raw"),
        ("/b", "/*"),
        ("/", "/"),
    ],
)
def test_the_most_specific_pattern_wins_wherever_it_stands(path, winner):
    """Text before {x} before {x*} before a final /*, from left to right."""
    patterns = ["/*", "/{p}/b", "/a/*", "/a/{p*}", "/a/{p*}/raw", "/a/{p}", "/a", "/a/b", "/"]
    for order in (patterns, patterns[::-1]):
        assert match(table(*((each, "x") for each in order)), path).binding == winner


def test_a_span_holds_slashes():
    """{x*} is one segment or more, decoded as a whole."""
    routes = table(("/files/{path*}", "f:{path}"))
    assert match(routes, "/files/a/b%2Fc").name == "f:a/b/c"
    assert isinstance(match(routes, "/files/"), NoRoute)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("room=a", "a"),
        ("x=1&room=a+b%2B", "a b+"),
        ("room=a&room=b", "a"),
        ("r%6Fom=a", "a"),
        ("", None),
        ("room", None),
        ("room=", None),
        ("room=%ff", None),
        ("Room=a", None),
    ],
)
def test_an_id_from_the_query(query, name):
    """A missing, empty or undecodable parameter is a bad request."""
    found = match(table(("/*", "?room")), "/", query)
    assert not found.cacheable
    if name is None:
        assert isinstance(found, BadRoute)
        assert "room" in found.message
    else:
        assert found.name == name


def test_an_id_from_a_header():
    """Headers are found in lower case, trimmed, and read as UTF-8."""
    routes = table(("/*", "header:X-Room"))
    assert match(routes, "/", **{"x-room": " a "}).name == "a"
    assert match(routes, "/", **{"x-room": "caf\u00c3\u00a9"}).name == "café"
    assert isinstance(match(routes, "/", **{"x-room": "\u00ff"}), BadRoute)
    assert isinstance(match(routes, "/"), BadRoute)


def test_ids_in_hex_digits():
    """id_hex yields 64 digits in lower case or a bad request."""
    routes = RouteTable([Route(pattern="/{id}", binding="B", id_hex="{id}")])
    assert match(routes, "/" + "Ab" * 32) == RouteMatch(binding="B", hex_id="ab" * 32)
    assert isinstance(match(routes, "/abc"), BadRoute)
    assert isinstance(match(routes, "/" + "ab" * 32 + "%0a"), BadRoute)


def test_constants_and_templates_of_several_captures():
    """A name is put together from captures and text."""
    routes = table(("/{a}/{b}", "{b}-{a}!"), ("/lobby", "main"))
    assert match(routes, "/x/y").name == "y-x!"
    assert match(routes, "/lobby").name == "main"
    assert match(routes, "/lobby").cacheable


def test_without_routes_nothing_matches():
    """An empty table sends everything to the entrypoint."""
    assert isinstance(match(RouteTable([]), "/"), NoRoute)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_every_name_survives_its_url(name, other):
    """Whatever text is quoted into a segment comes out as it went in."""
    routes = table(("/a/{name}/b/{other}/*", "{name}|{other}"))
    path = f"/a/{quote(name, safe='')}/b/{quote(other, safe='')}/x"
    assert match(routes, path).name == f"{name}|{other}"


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_no_request_raises(path, query):
    """Whatever is sent is matched, not matched, or bad."""
    routes = table(("/{a}/{b*}", "{a}"), ("/*", "?q"))
    match(routes, f"/{path}", query)
