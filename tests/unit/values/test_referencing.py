"""Values of which some parts are no data."""

from __future__ import annotations

import pytest

from sourdough.values import (
    REFERENCING,
    decode,
    decode_referencing,
    encode,
    encode_arguments,
    encode_referencing,
)
from sourdough.values.paths import culprit


class Thing:
    """No data."""


def over(value, things=()):
    """Encode and decode; each thing is its place in a list, then the text "thing <place>"."""
    known = list(things)

    def substitute(part):
        return [known.index(part)] if part in known else None

    return decode_referencing(
        encode_referencing(value, substitute), lambda address: f"thing {address[0]}"
    )


def test_what_is_no_data_is_replaced_wherever_it_stands():
    """At the top, in containers, and more than once."""
    one, two = Thing(), Thing()
    assert over(one, [one]) == "thing 0"
    value = {"a": [one, (two, {"b": one})], "c": 1}
    expected = {"a": ["thing 0", ("thing 1", {"b": "thing 0"})], "c": 1}
    assert over(value, [one, two]) == expected


def test_sharing_is_kept_beside_it():
    """The second pass, for containers that occur twice, asks for nothing again."""
    one, shared, asked = Thing(), [1], []

    def substitute(part):
        asked.append(part)
        return [0]

    data = encode_referencing([shared, shared, one, [one]], substitute)
    first, second, *rest = decode_referencing(data, lambda address: address)
    assert first is second
    assert rest == [[0], [[0]]]
    assert asked == [one]


def test_an_address_may_hold_another():
    """A message whose body is a stream."""
    outer, inner = Thing(), Thing()
    data = encode_referencing(outer, lambda part: [inner, b"x"] if part is outer else ["inner"])
    assert decode_referencing(data, lambda address: address) == [["inner"], b"x"]


def test_what_has_no_address_is_refused():
    """As without addresses."""
    with pytest.raises(TypeError, match=r"value\[0\] is of type"):
        over([Thing()])


def test_storage_does_not_read_it():
    """Addresses mean something on one link only."""
    data = encode_referencing([1], lambda _: None)
    assert data[:1] == REFERENCING
    with pytest.raises(Exception, match="format"):
        decode(data)


def test_the_place_of_a_culprit_begins_where_one_says():
    """Arguments are named as the caller wrote them; what may pass is passed over."""
    thing = Thing()
    assert culprit({"k": [thing]}, "args[1]") == ('args[1]["k"][0]', thing)
    assert culprit([thing, object], "x", lambda part: part is thing) == ("x[1]", object)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, "a", None), {"b": b"x"}), (([1, (2,)],), {}), ((), {"deep": {"a": [1]}})],
)
def test_arguments_come_back_in_two_parts(args, kwargs):
    """Positional and by name, whether they are plain or not."""
    found, named = decode(encode_arguments(args, kwargs))
    assert (list(found), named) == (list(args), kwargs)


def test_arguments_that_no_encoding_carries_are_refused():
    """A lone surrogate is no text."""
    with pytest.raises(ValueError, match="surrogate"):
        encode_arguments(("\udcff",), {})
    with pytest.raises(TypeError):
        encode_arguments((Thing(),), {})


def test_an_equal_thing_is_not_the_same_as_data():
    """Plain encoding knows no addresses."""
    with pytest.raises(TypeError):
        encode(Thing())
