"""Objects inside an object (semantics 8.3, 8.1, 6.2, 2.7)."""

from __future__ import annotations

import pytest

DELETED = {
    "type": "DurableObjectError",
    "text": "Facet was deleted.",
    "remote": False,
    "reset": True,
}
NOT_SENT = "Stubs pointing to Durable Object facets are not serializable."


@pytest.fixture
def nest(world):
    """An object with facets that nobody has called yet."""
    return world.new("NEST")


def test_each_facet_has_a_database_of_its_own(nest):
    """semantics 8.3: apart from its object's, and from those of others."""
    nest.call("put", "mine")
    nest.call("nested", ["a"], "put", "of a")
    nest.call("nested", ["a", "b"], "put", "of b of a")
    nest.call("nested", ["b"], "put", "of b")
    values = [nest.call("nested", names, "value") for names in (["a"], ["a", "b"], ["b"], ["c"])]
    assert [nest.call("value"), *values] == ["mine", "of a", "of b of a", "of b", None]


def test_facets_of_one_name_in_two_objects_have_nothing_in_common(world, nest):
    """semantics 8.3: a name means something inside one object."""
    nest.call("nested", ["a"], "put", 1)
    assert world.new("NEST").call("nested", ["a"], "value") is None


def test_a_facet_runs_where_its_object_does_and_goes_by_its_id(nest):
    """semantics 8.3: same process; the id is the parent's unless its start says otherwise."""
    about, inner = nest.call("about"), nest.call("nested", ["a", "b"], "about")
    assert [inner[each] for each in ("id", "name", "pid")] == [
        about[each] for each in ("id", "name", "pid")
    ]


def test_a_facet_may_go_by_another_id(nest):
    """semantics 8.3: the one that its start names."""
    assert nest.call("starts_with", "somebody") == ["somebody", True]


def test_a_start_is_called_for_the_first_call_of_what_does_not_run(nest):
    """semantics 8.3: a stub starts nothing, two calls start one, its props are there."""
    assert nest.call("starts_once") == [0, 1, 4, {"start": 1}]


def test_a_start_may_wait(nest):
    """semantics 8.3, 2.10: what is called meanwhile comes in order."""
    assert nest.call("starts_later") == [4, "of the start"]


def test_a_start_that_fails_is_told_and_tried_again(nest):
    """semantics 8.3: by the calls that waited for it; the stub is not broken."""
    raised, no_start, value = nest.call("starts_badly")
    assert [raised["type"], raised["text"]] == ["KeyError", "'no class'"]
    assert no_start["type"] == "TypeError"
    assert value is None


def test_a_failing_constructor_of_a_facet_is_the_facets_alone(nest):
    """semantics 3.3: its caller hears of it, the object goes on."""
    told = nest.call("starts_broken")
    assert "not today" in told["text"]
    assert told["reset"]
    assert nest.call("value") is None


def test_props_are_a_copy(nest):
    """semantics 8.1: plain data, as it was when the facet was started."""
    assert nest.call("props_are_copied") == {"list": [1]}


def test_objects_that_are_no_facets_have_no_props(nest):
    """semantics 8.1: None."""
    assert nest.call("about")["props"] is None


def test_names_are_limited(nest):
    """semantics 8.3: 256 characters; and what is no name or no start is refused."""
    long, longest, deleted, number, text = nest.call("refuses")
    assert [long["type"], long["text"]] == [
        "ValueError",
        "Facet name is too long (max 256 characters).",
    ]
    assert longest.startswith("<FacetStub")
    assert deleted["text"] == long["text"]
    assert [number["type"], text["type"]] == ["TypeError", "TypeError"]


def test_the_longest_names_are_names(nest):
    """semantics 8.3: 256 characters, of any alphabet, on each level."""
    names = ["x" * 256, "\N{SUNFLOWER}" * 256, "é" * 256]
    nest.call("nested", names, "put", 1)
    assert nest.call("nested", names, "value") == 1


def test_depth_is_limited(nest):
    """semantics 8.3: four with the object itself."""
    nest.call("nested", ["a", "b", "c"], "put", 1)
    failure = nest.fails("nested", ["a", "b", "c", "d"], "put", 1)
    assert failure.text.startswith("Facet nesting depth limit exceeded.")


def test_abort_ends_an_instance_and_keeps_its_storage(nest):
    """semantics 8.3, 2.11: its callers get the reason, its stub is broken, another one works."""
    told, again, kept = nest.call("while_it_lasts", "abort")
    assert [told["text"], told["reset"], told["remote"]] == ["out of here", True, True]
    assert again["text"] == "out of here"
    assert kept == "kept"


def test_abort_in_the_middle_of_a_start(nest):
    """semantics 8.3: who waits for it gets the reason; the next start is another."""
    told, value = nest.call("aborts_while_it_starts")
    assert [told["text"], value] == ["not at all", None]


def test_a_facet_that_aborts_itself_does_not_end_its_object(nest):
    """semantics 3.11: what it had not committed is lost, and only that."""
    told, again, kept = nest.call("gives_up")
    assert [told["text"], again["text"], kept] == ["enough of it", "enough of it", "kept"]
    assert nest.call("value") is None


def test_what_a_facet_raises_is_its_callers(nest):
    """semantics 2.13: by type and text; the facet goes on."""
    told, value = nest.call("fails_in")
    assert [told["type"], told["text"], told["remote"], value] == [
        "ValueError", "not from me", True, None,
    ]  # fmt: skip


def test_delete_ends_an_instance_and_removes_its_storage(nest):
    """semantics 8.3: callers see it; under the name there is nothing then."""
    told, again, value = nest.call("while_it_lasts", "delete")
    assert [told, again, value] == [DELETED, DELETED, None]


def test_delete_takes_those_below_along(nest):
    """semantics 8.3: and leaves others alone."""
    for names in (["a"], ["a", "b"], ["a", "b", "c"], ["b"]):
        nest.call("nested", names, "put", 1)
    nest.call("deletes", "a")
    found = [nest.call("nested", names, "value") for names in (["a"], ["a", "b"], ["a", "b", "c"])]
    assert found == [None, None, None]
    assert nest.call("nested", ["b"], "value") == 1


def test_a_deletion_is_undone_with_its_transaction(nest):
    """semantics 8.3, 5.1: it is a write of the object like any other."""
    assert nest.call("undoes_a_deletion") == "kept"


def test_a_clone_replaces_what_was_there(nest):
    """semantics 8.3: with those below it; from then on both go their own ways."""
    for names in (["a"], ["a", "b"], ["z"], ["z", "y"]):
        nest.call("nested", names, "put", "/".join(names))
    nest.call("clones", "a", "z")
    nest.call("nested", ["a"], "put", "changed")
    paths = (["z"], ["z", "b"], ["z", "y"], ["a"], ["a", "b"])
    assert [nest.call("nested", names, "value") for names in paths] == [
        "a", "a/b", None, "changed", "a/b",
    ]  # fmt: skip


def test_a_clone_of_nothing_is_nothing(nest):
    """semantics 8.3: what was there is deleted all the same."""
    nest.call("nested", ["z"], "put", 1)
    nest.call("clones", "nobody", "z")
    assert nest.call("nested", ["z"], "value") is None


def test_a_reset_of_the_object_resets_its_facets(nest):
    """semantics 8.3: their memory is gone, their storage is not."""
    nest.call("nested", ["a", "b"], "put", 1)
    assert nest.call("nested", ["a", "b"], "about")["calls"] == 1
    assert nest.fails("resets").text == "all of it"
    assert nest.call("nested", ["a", "b"], "about")["calls"] == 1
    assert nest.call("nested", ["a", "b"], "value") == 1


def test_delete_all_deletes_facets(nest):
    """semantics 5.1, 8.3: of an object, and of a facet."""
    for names in (["a"], ["a", "b"], ["c"], ["c", "d"]):
        nest.call("nested", names, "put", 1)
    nest.call("nested", ["c"], "empties")
    values = [nest.call("nested", names, "value") for names in (["c"], ["c", "d"], ["a", "b"])]
    assert values == [None, None, 1]
    nest.call("empties")
    assert nest.call("nested", ["a"], "value") is None
    assert nest.call("nested", ["a", "b"], "value") is None


def test_a_facet_has_no_alarm(nest):
    """semantics 6.2: also one whose class has a handler."""
    told = nest.call("alarms")
    assert [told["type"], told["text"]] == ["StorageError", "Facets currently cannot set alarms."]


@pytest.mark.parametrize("where", ["argument", "facet"])
def test_a_stub_of_a_facet_is_not_sent(nest, where):
    """semantics 2.7: neither to an object nor to another facet."""
    told = nest.call("sends", where)
    assert [told["type"], told["text"]] == ["TypeError", NOT_SENT]


def test_a_stub_of_a_facet_is_not_returned(nest):
    """semantics 2.7: nor to whoever calls the object."""
    failure = nest.fails("sends", "result")
    assert [failure.type, failure.text] == ["TypeError", NOT_SENT]


def test_a_stub_of_a_facet_is_not_stored(nest):
    """semantics 2.7: as no stub is."""
    assert nest.call("sends", "storage")["type"] == "TypeError"


def test_a_stub_of_a_facet_has_no_id_and_no_name(nest):
    """semantics 8.3: they are members of the facet like any other, which has none."""
    is_stub, identity, name = nest.call("attributes")
    assert is_stub
    assert identity["text"] == 'The RPC receiver does not implement the method "id".'
    assert name["text"] == 'The RPC receiver does not implement the method "name".'


def test_a_facet_answers_requests(nest):
    """semantics 8.3, 2.1: a stub of it fetches."""
    assert nest.call("request") == ["/some/where", 7]


def test_no_facet_begins_within_a_transaction(nest):
    """semantics 8.3, 5.1: one that is known is used; a new one would not be undone with it."""
    known, new, after = nest.call("begins_in_transaction")
    assert [known, new["type"], after] == [1, "StorageError", None]


def test_a_facet_that_calls_its_object_in_a_section_is_told(nest):
    """semantics 4.3: neither could ever go on."""
    assert nest.call("locks_up")["type"] == "DeadlockError"
