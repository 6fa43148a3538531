"""What callers and clients learn of an error."""

from __future__ import annotations

import pytest

from sourdough.errors import DurableObjectError, RemoteError
from sourdough.http import BodyError
from sourdough.objects.failure import decode_error, describe, encode_error, http_failure


def over(error: BaseException) -> BaseException:
    return decode_error(encode_error(error))


class OwnError(Exception):
    """An exception of the user."""


@pytest.mark.parametrize(
    "error",
    [ValueError("negative step"), KeyError("name"), RuntimeError(), OSError("no"), IndexError("ü")],
)
def test_built_in_errors_keep_type_and_message(error):
    """They can be caught on the other side as what they are (2.13)."""
    told = over(error)
    assert type(told) is type(error)
    assert str(told) == str(error)
    assert told.remote


@pytest.mark.parametrize(
    "error",
    [
        OwnError("mine"), SystemExit(3), KeyboardInterrupt(), StopIteration("x"),
        StopAsyncIteration("x"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        ExceptionGroup("two", [ValueError("a")]),
    ],
)  # fmt: skip
def test_other_errors_keep_their_name_and_message(error):
    """What cannot be rebuilt, or must not be raised again, is told by name (trap 32)."""
    told = over(error)
    assert isinstance(told, RemoteError)
    assert told.type_name == type(error).__name__
    assert told.remote_message == str(error)


def test_an_error_that_was_told_is_told_on_unchanged():
    """A -> B -> C: the name of C's error does not become part of the message."""
    told = over(over(OwnError("mine")))
    assert (told.type_name, told.remote_message) == ("OwnError", "mine")


@pytest.mark.parametrize("flag", ["retryable", "overloaded", "durable_object_reset"])
def test_flags_survive(flag):
    """What a caller decides by crosses with the error."""
    told = over(DurableObjectError("no", **{flag: True}))
    assert isinstance(told, DurableObjectError)
    assert getattr(told, flag)
    assert str(told) == "no"


def test_a_message_that_no_encoding_carries_is_told_nevertheless():
    """Texts of the operating system hold lone surrogates; the caller must not wait for ever."""
    assert str(over(ValueError("file \udcff"))) == "file ?"


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (ValueError("secret"), 500, None),
        (OwnError("secret"), 500, None),
        (DurableObjectError("full", overloaded=True), 503, 1),
        (DurableObjectError("gone", retryable=True), 503, 1),
        (DurableObjectError("moved", durable_object_reset=True), 503, 1),
        (DurableObjectError("threw", remote=True, durable_object_reset=True), 500, None),
        (BodyError("the client left"), 400, None),
    ],
)
def test_http_clients_learn_what_concerns_them(error, status, retry_after):
    """Faults of user code stay in the log; what may be tried again says so."""
    failure = http_failure(error)
    assert (failure.status, failure.retry_after) == (status, retry_after)
    assert "secret" not in failure.sentence


def test_an_error_is_described_with_its_place():
    """Type, message and the user's line."""

    def fails():
        raise ValueError("negative step")

    try:
        fails()
    except ValueError as error:
        what, place = describe(error)
    assert what == "ValueError: negative step"
    assert place.startswith("test_failure.py:")
    assert place.endswith("in fails")
