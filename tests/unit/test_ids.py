"""Object ids: golden vectors, the definition written a second time, and what is refused."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.ids import MAX_KEPT_NAME_BYTES, IdFactory, ObjectId

# An id is a format: these never change.
GOLDEN = {
    ("app", "Counter", "a"): "0349cb3a5d1a69fe8158369d12ebd3a89ca4049a382bdaaf9fba56e8c87b9d91",
    ("app", "Counter", ""): "f99919d13fe3008a7647027a65e01d7dbdff7fdd4be94198ebf0701e2af9fe0c",
    (
        "app",
        "Counter",
        "Ünïcode ☃",
    ): "58b967b4a888453f8b636b1dbef355d82d4c61fc58cf0e6136a353727b4db7ac",
    (
        "other-app",
        "Counter",
        "a",
    ): "abd810d2df5497e04dafc921fdca88769e794b405c7dcfd0c3ac3902a3244ef1",
    ("app", "Counter2", "a"): "0c465488cdb293307ac3b3e675e4f1817347541908e77a66e5c9bcc896852593",
}


def sealed(application: str, storage_name: str, base: bytes) -> bytes:
    """Return an id by the definition, written a second time (1.2)."""
    key = hashlib.sha256(application.encode() + b"\0" + storage_name.encode()).digest()
    return base + hmac.new(key, base, hashlib.sha256).digest()[:16]


def named(application: str, storage_name: str, name: str) -> bytes:
    key = hashlib.sha256(application.encode() + b"\0" + storage_name.encode()).digest()
    base = hmac.new(key, name.encode(), hashlib.sha256).digest()[:16]
    return sealed(application, storage_name, base)


@pytest.mark.parametrize(("place", "text"), GOLDEN.items())
def test_golden_ids(place, text):
    """A name leads to the same id for ever (1.3)."""
    application, storage_name, name = place
    assert str(IdFactory(application, storage_name).from_name(name)) == text


@given(st.text(), st.text(), st.text())
def test_ids_follow_their_definition(application, storage_name, name):
    """Base and authentication are as the format says (1.2, 1.3)."""
    expected = named(application, storage_name, name)
    assert IdFactory(application, storage_name).from_name(name).raw == expected


@given(st.binary(min_size=16, max_size=16))
def test_unique_ids_follow_their_definition(random_bytes):
    """16 random bytes are authenticated in the same way (1.4)."""
    found = IdFactory("app", "Counter").unique(random_bytes)
    assert found.raw == sealed("app", "Counter", random_bytes)
    assert found.name is None


def test_unique_ids_need_sixteen_bytes():
    """Less randomness is an error of ours."""
    with pytest.raises(ValueError, match="16 random bytes"):
        IdFactory("app", "Counter").unique(b"short")


@pytest.mark.parametrize("name", [None, 7, b"bytes"])
def test_a_name_is_a_string(name):
    """Anything else is a TypeError that says so."""
    with pytest.raises(TypeError, match="name is a str"):
        IdFactory("app", "Counter").from_name(name)


def test_a_name_that_is_no_utf8_is_refused():
    """A lone surrogate cannot be hashed the same everywhere."""
    with pytest.raises(ValueError, match="surrogates"):
        IdFactory("app", "Counter").from_name("\ud800")


def test_a_written_id_is_read_back():
    """64 hex digits in any case stand for the id; the name is gone (1.5)."""
    factory = IdFactory("app", "Counter")
    found = factory.from_name("a")
    for text in (str(found), str(found).upper()):
        read = factory.from_string(text)
        assert read == found
        assert read.name is None
    unique = factory.unique(bytes(16))
    assert factory.from_string(str(unique)) == unique


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", None, 7])
def test_what_is_no_id_is_refused(text):
    """Not 64 hex digits (1.5)."""
    with pytest.raises(TypeError, match="must be 64 hex digits"):
        IdFactory("app", "Counter").from_string(text)


@pytest.mark.parametrize("digit", [0, 31, 32, 63])
def test_an_id_of_another_namespace_is_refused(digit):
    """One changed digit, or another namespace, does not verify (1.5)."""
    factory = IdFactory("app", "Counter")
    text = str(factory.from_name("a"))
    changed = text[:digit] + ("0" if text[digit] != "0" else "1") + text[digit + 1 :]
    for foreign in (changed, str(IdFactory("app", "Room").from_name("a"))):
        with pytest.raises(TypeError, match="not valid for this namespace"):
            factory.from_string(foreign)


def test_ids_are_equal_by_their_bytes():
    """A name is a memory, not an identity (1.6)."""
    named_one, nameless = ObjectId(b"x" * 32, "a"), ObjectId(b"x" * 32)
    assert named_one == nameless
    assert hash(named_one) == hash(nameless)
    assert named_one != ObjectId(b"y" * 32, "a")
    assert named_one != "a"


def test_an_id_is_written_in_lower_case():
    """64 lower-case hex digits (1.6)."""
    assert str(ObjectId(bytes(range(0xE0, 0x100)))) == bytes(range(0xE0, 0x100)).hex()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a" * MAX_KEPT_NAME_BYTES, True),
        ("a" * (MAX_KEPT_NAME_BYTES + 1), False),
        ("ä" * 513, False),
    ],
)
def test_long_names_give_ids_and_are_not_kept(name, kept):
    """Above 1024 bytes the id works and the object does not learn the name (1.12)."""
    found = IdFactory("app", "Counter").from_name(name)
    assert found.raw == named("app", "Counter", name)
    assert found.name == (name if kept else None)
