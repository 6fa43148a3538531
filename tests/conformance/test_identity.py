"""Ids, names and stubs (semantics section 1)."""

from __future__ import annotations

import re

import pytest


def test_a_name_gives_the_same_id_every_time(world):
    """semantics 1.1, 1.3: an id follows from class and name alone; classes do not share ids."""
    name = world.name()
    actor, keeper = world.run("ids_of_name", name)
    assert [actor, keeper] == world.run("ids_of_name", name)
    assert actor != keeper


def test_what_an_id_tells(world):
    """semantics 1.4, 1.6: 64 lower-case digits, equal by bytes; a unique id has no name."""
    name = world.name()
    told = world.run("attributes_of_ids", name)
    assert re.fullmatch("[0-9a-f]{64}", told.pop("text"))
    assert re.fullmatch("[0-9a-f]{64}", told.pop("unique text"))
    assert told == {
        "name": name,
        "name of a unique one": None,
        "name from its text": None,
        "equal": True,
        "same hash": True,
        "unique equal": False,
        "unique from its text": True,
    }


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "0" * 63, "0" * 65, " " + "0" * 63])
def test_what_is_no_id_is_refused(world, text):
    """semantics 1.5: an id is 64 hex digits."""
    failure = world.failure("id_from_string", text)
    assert (failure.type, failure.text) == (
        "TypeError",
        "Invalid Durable Object ID: must be 64 hex digits",
    )


def test_an_id_that_nobody_made_is_refused(world):
    """semantics 1.5: the second half of an id proves the first."""
    failure = world.failure("id_from_string", "0" * 64)
    assert failure.type == "TypeError"
    assert failure.text == "Durable Object ID is not valid for this namespace."


def test_an_id_is_read_in_upper_case_too(world):
    """semantics 1.5, 1.6: hex digits of both cases are read, lower case is written."""
    name = world.name()
    text = world.run("ids_of_name", name)[0]
    assert world.run("id_from_string", text.upper()) == text


@pytest.mark.parametrize("scenario", ["id_of_another_class", "get_with_an_id_of_another_class"])
def test_an_id_belongs_to_one_class(world, scenario):
    """semantics 1.5: another namespace refuses it, as text and as an id."""
    failure = world.failure(scenario, world.name())
    assert failure.type == "TypeError"
    assert failure.text == "Durable Object ID is not valid for this namespace."


def test_a_name_is_text(world):
    """semantics 1.3: something else is a TypeError, not another id."""
    assert world.failure("id_from_no_text").type == "TypeError"


def test_a_stub_knows_id_and_name(world):
    """semantics 1.7, 1.11: by name and by id."""
    name = world.name()
    assert world.run("attributes_of_stubs", name) == [name, True, None]


def test_a_stub_constructs_nothing(world):
    """semantics 1.7: the first call does."""
    assert world.run("stub_is_no_construction", world.name()) == 1


def test_an_object_without_a_name(world):
    """semantics 1.4, 1.12: a unique id reaches one object, also through its text."""
    assert world.run("unique_object") == [True, 2]


def test_an_object_learns_its_name_from_a_caller(world):
    """semantics 1.12, 8: called by its bare id it has none until somebody knows it."""
    name = world.name()
    assert world.run("name_of_object", name) == [None, name, name]


@pytest.mark.parametrize(("length", "known"), [(1, 1), (1024, 1024), (1025, None), (5000, None)])
def test_a_name_of_more_than_1024_bytes_is_not_told(world, length, known):
    """semantics 1.12, trap 38: its id works nevertheless."""
    assert world.run("known_name", length) == [known]


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "\u00e4\u4e2d\U0001f600", " ", "a\x00b", "%2F", "{name}"]
)
def test_any_text_is_a_name(world, name):
    """semantics 1.3: no character of a name means anything."""
    name = world.name() + name
    stored = world.call(binding="SPEAKER", name=name, method="who", arguments=[], named={})[
        "result"
    ]
    assert stored[1] == name


def test_the_empty_text_is_a_name(world):
    """semantics 1.3: like any other."""
    ids = world.run("ids_of_name", "")
    told = world.call(binding="SPEAKER", name="", method="who", arguments=[], named={})["result"]
    assert told[1] == ""
    assert told[0] not in ids
