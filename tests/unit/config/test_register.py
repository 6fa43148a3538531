"""Plans for the classes of a storage folder: nothing is lost by any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.config.lifecycle import Export, Lifecycle, Migration, RenamedClass
from sourdough.config.register import (
    Applied,
    Deleted,
    RefusedMigrationError,
    Register,
    free_name,
    plan,
)


def renamed(tag, *pairs, **more):
    """A migration that renames."""
    classes = tuple(RenamedClass(from_=old, to=new) for old, new in pairs)
    return Migration(tag=tag, renamed_classes=classes, **more)


def planned(register, *migrations, classes, full=(), **exports):
    """Plan for bound classes; `full`: the storage names with objects."""
    return plan(
        register,
        application="app",
        classes=classes,
        lifecycle=Lifecycle(migrations=migrations, exports=exports),
        occupied=set(full).__contains__,
    )


def refused(*arguments, **named):
    """Return the problem of a plan that is refused."""
    with pytest.raises(RefusedMigrationError) as caught:
        planned(*arguments, **named)
    return caught.value.problem


def register(*classes, **namespaces):
    """A register whose classes keep their objects under their own names."""
    return Register(
        application="app", namespaces={**{each: each for each in classes}, **namespaces}
    )


def test_a_new_folder_has_the_bound_classes():
    """Without any migration, and with nothing to tell."""
    found = planned(None, classes=["Counter", "Chat"])
    assert found.register == register("Counter", "Chat")
    assert (found.told, found.warnings) == ((), ())


def test_a_renamed_class_keeps_its_storage_name():
    """semantics 9, S14: ids are keyed by it, so the objects are the same."""
    found = planned(
        register("Counter"), renamed("v1", ("Counter", "Tally")), classes=["Tally"],
        full=["Counter"],
    )  # fmt: skip
    assert found.register.namespaces == {"Tally": "Counter"}
    assert found.register.applied == (Applied(tag="v1", changes=("rename Counter to Tally",)),)
    assert found.told == (
        'migration "v1": the class Counter is Tally now, with the objects it had',
    )


def test_what_was_applied_is_not_applied_again():
    """The same configuration plans nothing, and tells nothing."""
    step = renamed("v1", ("Counter", "Tally"))
    first = planned(register("Counter"), step, classes=["Tally"], full=["Counter"])
    again = planned(first.register, step, classes=["Tally"], full=["Counter"])
    assert (again.register, again.told) == (first.register, ())


def test_a_new_class_under_an_old_name_begins_empty():
    """The old name's storage belongs to the renamed class."""
    steps = renamed("v1", ("Counter", "Tally")), Migration(tag="v2", new_classes=("Counter",))
    found = planned(register("Counter"), *steps, classes=["Tally", "Counter"], full=["Counter"])
    assert found.register.namespaces == {"Tally": "Counter", "Counter": "Counter_2"}


def test_two_classes_swap_their_names():
    """All leave before any arrives."""
    step = renamed("v1", ("A", "B"), ("B", "A"))
    found = planned(register("A", "B"), step, classes=["A", "B"], full=["A", "B"])
    assert found.register.namespaces == {"A": "B", "B": "A"}


def test_a_deleted_class_is_set_aside():
    """Its objects stay, and the sentence says until when."""
    step = Migration(tag="v1", deleted_classes=("Old",))
    found = planned(register("Old", "Chat"), step, classes=["Chat"], full=["Old"])
    assert found.register.namespaces == {"Chat": "Chat"}
    assert found.register.deleted == (Deleted(class_name="Old", storage="Old"),)
    assert "sourdough rm --class Old" in found.told[0]
    again = planned(
        found.register, step, Migration(tag="v2", new_classes=("Old",)), classes=["Chat", "Old"],
        full=["Old"],
    )  # fmt: skip
    assert again.register.namespaces["Old"] == "Old_2"


def test_a_deletion_is_taken_back_by_a_rename():
    """A typo in deleted_classes costs no object."""
    first = Migration(tag="v1", deleted_classes=("Old",))
    before = planned(register("Old"), first, classes=["New"], full=["Old"]).register
    found = planned(before, first, renamed("v2", ("Old", "New")), classes=["New"], full=["Old"])
    assert found.register.namespaces == {"New": "Old"}


def test_a_rename_onto_a_class_with_objects_is_refused():
    """It would hide them; without objects the new class gives way."""
    step = renamed("v1", ("Counter", "Tally"))
    problem = refused(
        register("Counter", "Tally"), step, classes=["Tally"], full=["Counter", "Tally"]
    )
    assert problem.path == ("migrations", 0, "renamed_classes", 0, "to")
    assert "objects of its own" in problem.message
    found = planned(register("Counter", "Tally"), step, classes=["Tally"], full=["Counter"])
    assert found.register.namespaces == {"Tally": "Counter"}
    assert found.register.deleted == (Deleted(class_name="Tally", storage="Tally"),)


def test_a_mistyped_class_is_not_recorded_as_applied():
    """While objects wait for a class, a step about an unknown one means that class."""
    problem = refused(
        register("Counter"), renamed("v1", ("Conter", "Tally")), classes=["Tally"],
        full=["Counter"],
    )  # fmt: skip
    assert problem.path == ("migrations", 0, "renamed_classes", 0, "from")
    assert problem.hint == "did you mean Counter?"
    step = Migration(tag="v1", deleted_classes=("Conter",))
    assert refused(register("Counter"), step, classes=[], full=["Counter"]).path == (
        "migrations", 0, "deleted_classes", 0,
    )  # fmt: skip


def test_a_history_is_replayed_in_a_folder_that_has_never_seen_it():
    """Steps about classes without objects do nothing; the tags are remembered."""
    steps = (
        Migration(tag="v1", new_sqlite_classes=("Counter",)),
        renamed("v2", ("Counter", "Tally"), deleted_classes=("Gone",)),
    )
    found = planned(None, *steps, classes=["Tally"])
    assert "Tally" in found.register.namespaces
    assert [each.tag for each in found.register.applied] == ["v1", "v2"]
    assert (found.told, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("now", "path", "words"),
    [
        ((), ("migrations",), "is not here any more"),
        ((renamed("v1", ("A", "B")),), ("migrations", 0), "is another now"),
        ((Migration(tag="v0"), renamed("v1", ("Counter", "Tally"))), ("migrations", 1), "number 1"),
        ((Migration(tag="w"),), ("migrations", 0), "is not here any more"),
    ],
)
def test_a_changed_history_is_refused(now, path, words):
    """What was applied stands first, as it was."""
    before = planned(
        register("Counter"), renamed("v1", ("Counter", "Tally")), classes=["Tally"],
        full=["Counter"],
    ).register  # fmt: skip
    problem = refused(before, *now, classes=["Tally", "B"], full=["Counter"])
    assert problem.path == path
    assert words in problem.message
    assert planned(before, *now, classes=["Tally"]).register.applied == tuple(
        Applied(tag=each.tag, changes=each.changes) for each in now
    )


def test_a_history_that_fits_is_kept_also_without_objects():
    """Ids depend on storage names, and somebody may have them already."""
    step = renamed("v1", ("Counter", "Tally"))
    before = planned(register("Counter"), step, classes=["Tally"]).register
    assert before.namespaces == {"Tally": "Counter"}
    assert planned(before, step, classes=["Tally"]).register == before


def test_objects_of_a_class_that_is_gone_are_told():
    """A rename without a migration presents an empty class; the hint is the missing line."""
    found = planned(register("Counter"), classes=["Tally"], full=["Counter"])
    (warning,) = found.warnings
    assert "no binding has the class Counter" in warning.text
    assert '{ from = "Counter", to = "Tally" }' in warning.hint
    assert planned(register("Counter"), classes=["Tally"]).warnings == ()


def test_exports_say_the_same_and_again():
    """The declarative form: applied where it is not yet so, and idempotent."""
    exports = {
        "Counter": Export(state="renamed", renamed_to="Tally"),
        "Old": Export(state="deleted"),
        "Chat": Export(),
    }
    found = planned(
        register("Counter", "Old"), classes=["Tally", "Chat"], full=["Counter", "Old"], **exports
    )
    assert found.register.namespaces == {"Tally": "Counter", "Chat": "Chat"}
    assert found.register.deleted == (Deleted(class_name="Old", storage="Old"),)
    assert len(found.told) == 2
    again = planned(found.register, classes=["Tally", "Chat"], full=["Counter", "Old"], **exports)
    assert (again.register, again.told) == (found.register, ())


def test_an_export_that_is_no_longer_deleted_has_its_objects_back():
    """The state is what is written there now."""
    before = planned(register("Old"), classes=[], full=["Old"], Old=Export(state="deleted"))
    found = planned(before.register, classes=["Old"], full=["Old"], Old=Export())
    assert found.register == register("Old")


NAMES = st.sampled_from(["A", "B", "C", "D", "a"])


@given(st.lists(NAMES, max_size=12))
def test_storage_names_differ_on_any_disk(names):
    """Also where upper and lower case are alike."""
    taken = []
    for name in names:
        taken.append(free_name(name, taken))
    assert len({name.casefold() for name in taken}) == len(names)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("rename"), NAMES, NAMES),
            st.tuples(st.just("delete"), NAMES, NAMES),
            st.tuples(st.just("new"), NAMES, NAMES),
        ),
        max_size=10,
    ),
    st.sets(NAMES, max_size=3),
)
def test_no_history_loses_a_storage_name(steps, full):
    """Whatever is renamed or deleted: every place with objects stays known, for one class alone."""
    before = Register(application="app", namespaces={name: name for name in sorted(full)})
    migrations = tuple(
        Migration(
            tag=str(number),
            renamed_classes=(RenamedClass(from_=old, to=new),) if kind == "rename" else (),
            deleted_classes=(old,) if kind == "delete" else (),
            new_classes=(old,) if kind == "new" else (),
        )
        for number, (kind, old, new) in enumerate(steps)
    )
    try:
        after = planned(before, *migrations, classes=["A"], full=full).register
    except RefusedMigrationError:
        return
    assert set(full) <= set(after.storages)
    used = [*after.namespaces.values(), *(each.storage for each in after.deleted)]
    assert len(used) == len(set(used))
