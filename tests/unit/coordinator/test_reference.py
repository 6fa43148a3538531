"""What a person writes for an object, and which one that is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sourdough.coordinator.reference import (
    Namespace,
    Reference,
    address,
    choose,
    find_namespace,
    nearest_names,
    parse,
    unknown,
)
from sourdough.errors import SourdoughError
from sourdough.ids import IdFactory

COUNTER = Namespace(
    binding="COUNTER", class_name="Counter", storage_name="Counter", application="app"
)
ROOM = Namespace(binding="ROOM", class_name="Room", storage_name="Room-2", application="app")
OLD = Namespace(binding=None, class_name="Old", storage_name="Old", application="app")
SPACES = (COUNTER, ROOM, OLD)
A = str(IdFactory("app", "Counter").from_name("a"))


@pytest.mark.parametrize("text", ["COUNTER:a", "Counter:a"])
def test_a_name_behind_a_binding_or_a_class_gives_one_id(text):
    """The id of a name is computed, not looked up."""
    wanted = parse(text, SPACES)
    assert wanted.named == (Reference(storage_name="Counter", id=A, name="a"),)
    assert (wanted.namespace, wanted.prefix) == (COUNTER, None)


def test_a_storage_name_is_understood_too():
    """What the folder is called works, also for a class that was renamed."""
    assert parse("Room-2:x", SPACES).namespace == ROOM
    assert parse("Old:x", SPACES).namespace == OLD


def test_a_whole_id_is_nothing_else():
    """64 digits are an id, in either case, and no name."""
    wanted = parse(A.upper(), SPACES)
    assert (wanted.prefix, wanted.named, wanted.name) == (A, (), None)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("deadbeef", "deadbeef"),
        ("deadbeef0123..", "deadbeef0123"),
        ("DEADBEEF0", "deadbeef0"),
        ("deadbee", None),
        ("deadbeeg", None),
    ],
)
def test_eight_digits_may_start_an_id_or_be_a_name(text, prefix):
    """From eight digits on both are looked for; below, only the name."""
    wanted = parse(text, SPACES)
    assert wanted.prefix == prefix
    assert [each.name for each in wanted.named] == [text] * 3


def test_a_colon_behind_an_unknown_word_belongs_to_the_name():
    """`room:1` is a fine name where no namespace is called room."""
    wanted = parse("room:1", SPACES)
    assert wanted.name == "room:1"
    assert wanted.namespace is None


def test_the_rest_of_a_reference_is_the_name_with_its_colons():
    """Only the first colon separates."""
    assert parse("COUNTER:a:b:", SPACES).name == "a:b:"
    assert parse("COUNTER:", SPACES).name == ""


def test_a_class_of_two_namespaces_is_ambiguous_and_a_binding_is_not():
    """A word that fits several namespaces is refused unless it is one's binding."""
    other = Namespace(binding="Room", class_name="Counter", storage_name="c2", application="app")
    with pytest.raises(SourdoughError, match=r'"Counter" is a class of several .*COUNTER, Room'):
        parse("Counter:a", (COUNTER, other))
    assert parse("Room:a", (ROOM, other)).namespace == other


def test_two_bindings_of_one_namespace_are_no_doubt():
    """The same objects under two names are the same objects."""
    twin = Namespace(
        binding="TWIN", class_name="Counter", storage_name="Counter", application="app"
    )
    assert len(parse("Counter:a", (COUNTER, twin)).named) == 1


def test_nothing_names_nothing():
    """An empty text is a mistake of a script."""
    with pytest.raises(SourdoughError, match="not by nothing"):
        parse("", SPACES)


def refer(digit: str, storage_name: str = "Counter", name: str | None = None) -> Reference:
    return Reference(storage_name=storage_name, id=digit * 64, name=name)


def test_the_only_match_is_chosen_once_or_twice_found():
    """The same object found by name and by prefix is one object."""
    wanted = parse("aaaaaaaa", SPACES)
    assert choose(wanted, [refer("a"), refer("a", name="aaaaaaaa")]).id == "a" * 64
    assert choose(wanted, []) is None


def test_several_matches_are_listed_and_refused():
    """An ambiguous reference says what it fits and what to write instead."""
    wanted = parse("x", SPACES)
    with pytest.raises(SourdoughError) as doubt:
        choose(wanted, [refer("a", name="x"), refer("b", "Room-2", name="x")])
    assert doubt.value.message == (
        '"x" fits 2 objects (Counter "x" aaaaaaaaaaaa.., Room-2 "x" bbbbbbbbbbbb..).'
    )
    assert doubt.value.exit_code == 1
    with pytest.raises(SourdoughError, match=r"many objects.*and more"):
        choose(wanted, [refer(digit) for digit in "abcdef"])


def test_an_unknown_name_is_told_with_its_neighbours():
    """The sentence of the terminal pages."""
    error = unknown(parse("COUNTER:b", SPACES), nearest=["bb", "ab"], total=3)
    assert error.message == 'No object of COUNTER has the name "b". Nearest: "bb", "ab".'
    assert error.hint == "`sourdough ls COUNTER` lists 3."
    assert error.exit_code == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("b", 'No object has the name "b".'),
        ("deadbeef", 'No object has the name "deadbeef" or an id that starts so.'),
        ("f" * 64, f"No object has the id {'f' * 64}."),
    ],
)
def test_an_unknown_object_is_told_by_what_was_looked_for(text, sentence):
    """Names, starts of ids and ids have their own words."""
    error = unknown(parse(text, SPACES), nearest=[], total=1204)
    assert (error.message, error.hint) == (sentence, "`sourdough ls` lists 1,204.")


def test_an_unknown_namespace_is_told_with_those_there_are():
    """`ls` of a mistyped binding names the bindings."""
    assert find_namespace("ROOM", SPACES) == ROOM
    with pytest.raises(SourdoughError) as error:
        find_namespace("CONTER", SPACES)
    assert error.value.message == 'No binding or class is named "CONTER".'
    assert error.value.hint == "There are: COUNTER, ROOM, Old."


def test_near_names_come_best_first():
    """Closeness decides, and nothing far away is offered."""
    assert nearest_names("b", ["zebra", "bb", "ab", "unlike"]) == ["bb", "ab"]
    assert nearest_names("lobby", ["lobby-1", "loby", "kitchen"]) == ["loby", "lobby-1"]


@given(st.text(st.characters(), max_size=80))
@example("\udcff")
@example("COUNTER:\udcff")
def test_every_text_is_read_or_refused(text):
    """No text that a terminal can send breaks the reader."""
    try:
        wanted = parse(text, SPACES)
    except SourdoughError:
        return
    assert wanted.text == text
    assert wanted.prefix or wanted.named


@pytest.mark.parametrize("text", ["COUNTER:a", f"COUNTER:{A}", f"Counter:{A.upper()}", A])
def test_an_address_is_an_object_that_need_not_exist(text):
    """By name or by id, with the binding or, for an id, without."""
    found = address(text, SPACES)
    assert (found.storage_name, found.id) == ("Counter", A)
    assert found.name == ("a" if text.endswith(":a") else None)


def test_64_digits_that_are_no_id_are_a_name():
    """A name may look like an id; one of this namespace proves itself."""
    assert address(f"COUNTER:{'0' * 64}", SPACES).name == "0" * 64


@pytest.mark.parametrize("text", ["", "a", "COUNTER:", "OTHER:a", "0" * 64, A[:12]])
def test_what_addresses_nothing(text):
    """One sentence: which object is not said."""
    with pytest.raises(SourdoughError):
        address(text, SPACES)
