"""Calling an object: what a caller reaches, what travels, what fails how (semantics section 2)."""

from __future__ import annotations

import pytest

from tests.conformance.project.samples import SAMPLES

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("echo", [1, "a"], [[1, "a"], {}]),
        ("plain", [1], 3),
        ("static", [], "static"),
        ("of_class", [], "Speaker"),
        ("inherited", [], "inherited"),
        ("nothing", [], None),
    ],
)
def test_what_stands_on_the_class_can_be_called(world, method, arguments, expected):
    """semantics 2.3: async and plain methods, static ones, those of the user's own bases."""
    assert world.new("SPEAKER").call(method, *arguments) == expected


def test_arguments_by_name(world):
    """semantics 2.3: a call is a call, keywords and defaults included."""
    speaker = world.new("SPEAKER")
    assert speaker.call("echo", 1, a=2) == [[1], {"a": 2}]
    assert speaker.call("plain", 1, b=5) == 6


@pytest.mark.parametrize(
    "method",
    ["missing", "attribute", "own_function", "ctx", "env", "_private", "to_string"],
)
def test_what_is_not_a_public_method_of_the_class_cannot_be_called(world, method):
    """semantics 2.3, trap 31: private names, attributes of the instance, what nobody wrote."""
    failure = world.new("SPEAKER").fails(method)
    assert failure.type == "AttributeError"
    assert failure.text == f'The RPC receiver does not implement the method "{method}".'


def test_what_is_not_callable_says_so(world):
    """semantics 2.3: found on the class, but no method."""
    failure = world.new("SPEAKER").fails("constant")
    assert (failure.type, failure.text) == ("TypeError", '"constant" is not a function.')


@pytest.mark.parametrize(
    "method",
    [
        "connect",
        "alarm",
        "web_socket_message",
        "web_socket_close",
        "web_socket_error",
        "dup",
        "constructor",
    ],
)
def test_reserved_names_cannot_be_called(world, method):
    """semantics 2.4, trap 31: handlers are called by the runtime alone."""
    failure = world.new("SPEAKER").fails(method)
    assert failure.type == "TypeError"
    assert failure.text == f"'{method}' is a reserved method and cannot be called over RPC."


@pytest.mark.parametrize("arguments", [[], [1, 2, 3]])
def test_wrong_arguments_are_an_error_of_the_caller(world, arguments):
    """semantics 2.13: Python's own TypeError crosses."""
    failure = world.new("SPEAKER").fails("plain", *arguments)
    assert failure.type == "TypeError"
    assert "plain()" in failure.text


@pytest.mark.parametrize("sample", SAMPLES)
def test_values_travel_as_they_are(world, sample):
    """semantics 2.6: as arguments and as results, equal and of the same type."""
    assert world.run("echoes", world.name(), sample) is True


@pytest.mark.parametrize("what", ["object"])
def test_what_is_no_data_cannot_be_sent(world, what):
    """semantics 2.6: the caller gets a TypeError that names the type."""
    failure = world.failure("sends", world.name(), what)
    assert failure.type == "TypeError"
    assert not failure.remote


@pytest.mark.parametrize("what", ["object", "self", "namespace"])
def test_what_is_no_data_cannot_be_returned(world, what):
    """semantics 2.6: an instance of a class is not data."""
    assert world.new("SPEAKER").fails("gives_back", what).type == "TypeError"


def test_an_id_cannot_be_sent(world):
    """semantics 2.7: ids do not travel; their text does."""
    assert world.failure("sends", world.name(), "id").type == "TypeError"


@pytest.mark.parametrize("size", [0, 1, 65_536, MIB, 5 * MIB])
def test_large_values_travel(world, size):
    """semantics 2.6: whatever the chunks in between."""
    assert world.run("sends_bytes", world.name(), size) == size


@pytest.mark.parametrize("scenario", ["sends_bytes", "receives_bytes"])
def test_a_value_has_at_most_32_mib(world, scenario):
    """semantics 2.6, 10: arguments and results alike; the error says how large it was."""
    failure = world.failure(scenario, world.name(), 32 * MIB)
    assert failure.text.startswith(
        "Serialized RPC arguments or return values are limited to 32MiB, but the size of"
    )


def test_calls_of_one_stub_arrive_in_order(world):
    """semantics 2.10, trap 29: a thousand calls that nobody awaits in between."""
    assert world.run("in_order", world.name(), 1000) is True


@pytest.mark.parametrize(
    "name",
    ["ValueError", "TypeError", "KeyError", "RuntimeError", "OSError", "TimeoutError"],
)
def test_built_in_exceptions_keep_type_and_message(world, name):
    """semantics 2.13, error flags: `remote` says whose code raised."""
    failure = world.new("SPEAKER").fails("raises", name, "the reason")
    assert failure.type == name
    assert "the reason" in failure.text
    assert failure.remote
    assert not failure.retryable
    assert not failure.durable_object_reset


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "ExceptionGroup"])
def test_other_exceptions_keep_name_and_message(world, name):
    """semantics 2.13, trap 32: what cannot be rebuilt is an error that tells both."""
    failure = world.new("SPEAKER").fails("raises", name, "the reason")
    assert failure.type == "RemoteError"
    assert failure.text.startswith(f"{name}: the reason")
    assert failure.remote


def test_exit_in_a_method_is_an_error_of_its_caller(world):
    """semantics 2.13, trap 32: nothing ends but the call."""
    speaker = world.new("SPEAKER")
    assert speaker.call("survives") == 2
    assert speaker.fails("exits").text == "SystemExit: 3"
    assert speaker.call("survives") == 3


def test_an_exception_ends_neither_the_instance_nor_the_stub(world):
    """semantics 2.11: only a reset does."""
    assert world.run("after_an_exception", world.name()) == [2, "ValueError", 3]


def test_a_new_stub_works_after_a_reset(world):
    """semantics 2.11, 3.11, trap 28: it reaches the next instance, which has what was committed."""
    error, value, constructions = world.run("after_a_reset", world.name())
    assert error["text"] == "gone"
    assert error["durable_object_reset"]
    assert [value, constructions] == [1, 2]


def test_objects_call_each_other_in_a_circle(world):
    """semantics 4.1.4, trap 7: A waits for B, which calls A."""
    first, second = world.new("SPEAKER"), world.new("SPEAKER")
    assert first.call("calls_back", first.name, second.name, 6) == 6


def test_errors_pass_through_objects(world):
    """semantics 2.13: an error of a callee is an error of whoever called its caller."""
    speaker = world.new("SPEAKER")
    failure = world.new("ACTOR").fails(
        "calls", "SPEAKER", speaker.name, "raises", "ValueError", "x"
    )
    assert (failure.type, failure.text, failure.remote) == ("ValueError", "x", True)


def test_the_environment_reaches_objects(world):
    """semantics 9: bindings and variables are the same everywhere."""
    assert world.new("SPEAKER").call("greeting") == "hello"


def test_an_unknown_binding_is_named(world):
    """semantics 9: env says what it has."""
    failure = world.failure("unknown_binding")
    assert failure.type == "AttributeError"
    assert "NOTHING" in failure.text
