"""What callers and clients learn of an error."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sourdough.errors import (
    DurableObjectError,
    RemoteError,
    SqlFullError,
    StorageError,
    StorageFullError,
)
from sourdough.http import BodyError
from sourdough.objects.failure import (
    NoFetchError,
    decode_error,
    describe,
    encode_error,
    http_failure,
    traceback_of,
)
from sourdough.objects.refusal import reset_error
from sourdough.values import encode


def over(error: BaseException) -> BaseException:
    return decode_error(encode_error(error))


class OwnError(Exception):
    """An exception of the user."""


class OutOfStock(Exception):  # noqa: N818 (as people name them)
    """One with arguments and attributes of its own."""

    made = 0

    def __init__(self, item: str, *, left: int) -> None:
        super().__init__(f"{left} of {item}")
        type(self).made += 1
        self.item, self.left = item, left
        self.lock = object()


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
        SystemExit(3), KeyboardInterrupt(), StopIteration("x"), StopAsyncIteration("x"),
        ExceptionGroup("two", [ValueError("a")]), OwnError(object()),
        type("Local", (Exception,), {})("nobody else has it"), BodyError("of the runtime"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_other_errors_keep_their_name_and_message(error):
    """What cannot be rebuilt, or must not be raised again, is told by name (trap 32)."""
    told = over(error)
    assert isinstance(told, RemoteError)
    assert told.type_name == type(error).__name__
    assert told.remote_message == str(error)


def test_an_error_that_was_told_is_told_on_unchanged():
    """A -> B -> C: the name of C's error does not become part of the message."""
    told = over(over(SystemExit("mine")))
    assert (told.type_name, told.remote_message) == ("SystemExit", "mine")


def test_an_error_of_a_class_that_both_sides_have_is_one_of_that_class():
    """With its attributes, as far as they are data; its `__init__` does not run again (2.13)."""
    original = OutOfStock("bread", left=0)
    told = over(original)
    assert type(told) is OutOfStock
    assert (str(told), told.item, told.left) == ("0 of bread", "bread", 0)
    assert not hasattr(told, "lock")
    assert OutOfStock.made == 1


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        FileNotFoundError(2, "No such file", "a.txt"),
        subprocess.CalledProcessError(3, ["false"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_keep_what_their_class_keeps_in_c(error):
    """Their message is made of it."""
    assert str(over(error)) == str(error)


def test_no_module_is_imported_for_an_error(monkeypatch):
    """What the app has not imported stays unknown, and does not run."""
    monkeypatch.delitem(sys.modules, "this", raising=False)
    crossing = {"type": "E", "module": "this", "name": "E", "message": "m", "id": None, "args": []}
    assert isinstance(decode_error(encode(crossing)), RemoteError)
    assert "this" not in sys.modules


def test_every_error_says_whose_it_is():
    """All flags are there on any class, so that callers need not ask first (error flags)."""
    told = over(OwnError("mine"))
    assert told.remote
    assert (told.retryable, told.overloaded, told.durable_object_reset) == (False, False, False)
    assert told.durable_object_id is None


def test_the_remote_traceback_is_a_note_for_logs_alone():
    """A client of this side does not see the other side's code, not even in dev."""
    with pytest.raises(ValueError, match="there") as raised:
        int("there")
    told = decode_error(encode_error(raised.value, log=True))
    (note,) = told.__notes__
    assert "test_failure.py" in note
    assert "test_failure.py" not in traceback_of(told)


def test_an_error_with_much_in_it_leaves_that_behind():
    """It is told all the same."""
    told = over(OwnError("x" * 1_000_000))
    assert isinstance(told, RemoteError)
    assert len(str(told)) < 300_000


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
        (NoFetchError("Default has no fetch() method"), 501, None),
        (StorageFullError("database or disk is full"), 507, None),
        (SqlFullError("database or disk is full"), 507, None),
        (reset_error(StorageFullError("database or disk is full")), 507, None),
        (reset_error(StorageError("file is not a database")), 500, None),
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
