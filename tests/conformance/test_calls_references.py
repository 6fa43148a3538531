"""What travels by reference, and how long a stub lives (semantics 2.3 to 2.13)."""

from __future__ import annotations

import pytest

from .world import result


def test_functions_are_called_where_they_are(world):
    """semantics 2.6, 2.9: also after the call in which they came."""
    assert world.run("function", world.name()) == [["one", 42], [21]]


def test_an_exception_of_a_function_reaches_who_called_it(world):
    """semantics 2.13: and from there whoever that one answers."""
    failure = world.failure("function_that_raises", world.name())
    assert (failure.type, failure.text) == ("LookupError", "of the caller")


def test_a_target_has_the_methods_and_properties_of_its_class(world):
    """semantics 2.5: not the attributes of the instance, nothing private; until it is released."""
    used, hidden, after = world.run("target", world.name())
    assert used == [3, 7, 14, "crumbs"]
    assert [text.startswith("The RPC receiver does not implement") for text in hidden] == [True] * 2
    assert after["text"] == "this reference was released"


def test_a_target_of_the_caller_is_called_by_the_object(world):
    """semantics 2.6: both directions are alike."""
    assert world.run("own_target", world.name()) == [5, 5]


def test_properties_are_read_and_followed(world):
    """semantics 2.3, 2.5: of the class, and keys of a dict that a property returned."""
    *found, missing = world.run("properties", world.name())
    assert found == ["a lender", "dark", 2, 4]
    assert missing == 'The RPC receiver does not implement the method "listeners".'


@pytest.mark.parametrize("count", [0, 1, 2000])
def test_an_async_generator_streams_to_its_caller(world, count):
    """semantics 2.6: item by item, to its end."""
    assert world.run("items", world.name(), count) is True


def test_a_generator_goes_no_faster_than_its_reader(world):
    """semantics 2.6: it waits where it yields, and is closed when the reader leaves."""
    assert world.run("some_items", world.name()) == [True]


def test_a_generator_that_raises_raises_in_its_reader(world):
    """semantics 2.13: after the items before."""
    assert world.run("items_that_fail", world.name()) == [1, "no more"]


def test_a_generator_of_the_caller_is_read_by_the_object(world):
    """semantics 2.6: streams go both ways."""
    assert world.run("own_items", world.name(), 1000) == 499_500


def test_messages_travel(world):
    """semantics 2.6: requests, responses and headers, whole or as streams."""
    assert world.run("messages", world.name()) == [
        ["PUT", "http://a/b?c=d", "in pieces"],
        [202, "1", "text"],
        ["b", "yes"],
    ]


def test_a_stub_travels(world):
    """semantics 2.7: it means the same object everywhere."""
    other = world.name()
    assert world.run("stub_as_value", world.name(), other) == other


def test_an_object_lends_to_another(world):
    """semantics 2.9: what it lent ends with it, and says so."""
    name = world.name()
    told, after = world.run("between_objects", name, world.name())
    assert told == [[name, "news"]]
    assert "no longer running" in after["text"]


def test_what_cannot_travel_is_named_by_its_place(world):
    """semantics 2.6: an instance of a class is neither data nor a target."""
    failure = world.failure("unsendable", world.name())
    assert failure.type == "TypeError"
    assert failure.text.startswith('args[0]["a"][1] is of type object, which cannot be sent')


@pytest.mark.parametrize(("arguments", "named"), [([], {}), ([1, "b", 3], {}), ([1], {"x": 1})])
def test_arguments_that_do_not_fit_are_told_the_signature(world, arguments, named):
    """semantics 2.13: the caller's TypeError says what the method takes."""
    failure = world.new("LENDER").fails("takes", *arguments, **named)
    assert failure.type == "TypeError"
    assert "Lender.takes(first: int, second: str = 'b', *, named: bool = False)" in failure.text


def test_an_exception_of_a_class_that_both_have_is_one_of_it(world):
    """semantics 2.13: with its attributes, and the id of the object."""
    found = world.run("own_exception", world.name())
    assert found == ["only 2 of bread", "bread", 2, True, False, True]


def test_a_call_has_the_time_that_its_stub_gives_it(world):
    """semantics 2: the method is cancelled, the stub works on."""
    name = world.name()
    running = world.begin_run("timeout", name)
    world.until(lambda: world.run("notes_of", name), ["waits"])
    world.advance(10)
    assert not running.done()
    world.advance(11)
    text, is_timeout, who = result(running.result(10))
    assert text == f"waits() of '{name}' took longer than 20 s"
    assert is_timeout
    assert who == name


def test_a_broken_stub_stays_broken(world):
    """semantics 2.11, trap 28: later calls fail with the same error, a new stub works."""
    name = world.name()
    assert world.run("broken_stub", name) == ["gone", "gone", "gone", name]


def test_a_section_that_waits_for_its_own_caller_is_told(world):
    """semantics 4.3, trap 7: at once, and with the way that leads back."""
    name, other = world.name(), world.name()
    error, after = world.run("circle", name, other)
    way = f"Lender:{name} calls_in_a_section() -> Lender:{other} calls() -> Lender:{name} who()"
    assert way in error["text"]
    assert error["durable_object_reset"]
    assert after == name


def test_a_hundred_circles_end(world):
    """semantics 4.1.4, trap 7: A calls B, which calls A."""
    assert world.run("circles", world.name(), world.name(), 100) is True
