"""Headers: any case, repetition, what cannot be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.http import Headers

names = st.from_regex(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}", fullmatch=True)
values = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=20).map(
    lambda text: text.strip(" \t")
)


@given(st.lists(st.tuples(names, values), max_size=8))
def test_headers_travel_and_come_back(pairs):
    """Names, values, order and repetition survive a link."""
    headers = Headers(pairs)
    assert Headers.from_block(headers.to_block()).items() == headers.items() == pairs


def test_names_are_found_in_any_case():
    """HTTP does not tell Content-Type from content-type."""
    headers = Headers({"Content-Type": "text/plain"})
    assert headers["content-TYPE"] == "text/plain"
    assert "CONTENT-type" in headers
    assert headers.get("accept") is None
    assert headers.get("accept", "*/*") == "*/*"
    with pytest.raises(KeyError):
        headers["accept"]


def test_repeated_headers_are_kept():
    """Several Set-Cookie headers stay several."""
    headers = Headers([("set-cookie", "a=1"), ("x", "y"), ("Set-Cookie", "b=2")])
    assert headers["set-cookie"] == "a=1"
    assert headers.get_all("SET-COOKIE") == ["a=1", "b=2"]
    assert len(headers) == 3
    headers.set("set-cookie", "c=3")
    assert headers.get_all("set-cookie") == ["c=3"]
    del headers["Set-Cookie"]
    assert headers.items() == [("x", "y")]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä", "a\0"])
def test_what_is_no_name_is_refused(name):
    """A header name is a token."""
    with pytest.raises(ValueError, match="not a header name"):
        Headers({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nset-cookie: evil=1", "a\nb", "a\rb", "a\0b", "snow ☃"])
def test_a_value_cannot_smuggle_another_header(value):
    """Line breaks, NUL and what HTTP cannot carry are refused."""
    for write in (lambda: Headers({"x": value}), lambda: Headers().set("x", value)):
        with pytest.raises(ValueError, match="cannot be sent"):
            write()


def test_values_are_latin_1():
    """Bytes outside of ASCII are kept as they are."""
    block = b"x-name: caf\xe9\r\n"
    assert Headers.from_block(block)["x-name"] == "café"
    assert Headers.from_block(block).to_block() == block


def test_a_copy_is_a_copy():
    """Headers made of headers do not change with them."""
    first = Headers({"a": "1"})
    second = Headers(first)
    second["a"] = "2"
    assert first["a"] == "1"
    assert first != second
    assert Headers({"A": "1"}) == first
