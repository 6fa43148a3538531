"""A class is emptied beside a running server: by the hosts, in portions, in the order of ids."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sourdough.coordinator import class_removal
from sourdough.coordinator.class_removal import ClassRemoval
from sourdough.coordinator.control import RemoveClass
from sourdough.coordinator.reference import Namespace
from sourdough.errors import SourdoughError
from sourdough.storage.facet_files import facet_path
from sourdough.storage.layout import Layout

CLASSES = ["Counter", "Ended"]
IDS = [bytes([number]) * 32 for number in range(40)]


@pytest.fixture
def world(tmp_path):
    """Forty objects of one class that has ended, one of a class that is bound; hosts that delete."""
    layout = Layout.open(tmp_path, "app", CLASSES)
    found = SimpleNamespace(layout=layout, asked=[], forgotten=[], settled=True, sick=None)
    for name, raw in [("Counter", IDS[0]), *(("Ended", raw) for raw in IDS)]:
        layout.path(name, raw).parent.mkdir(parents=True, exist_ok=True)
        layout.path(name, raw).write_bytes(b"x" * 10)

    async def remove(name, raw):
        if raw == found.sick:
            raise SourdoughError("the object cannot be deleted: no")
        found.asked.append(raw)
        layout.path(name, raw).unlink()
        return 10

    async def forget(keys):
        found.forgotten += [(each.storage_name, bytes.fromhex(each.id)) for each in keys]

    def ended(left):
        found.layout = left

    found.removal = ClassRemoval(
        namespaces=lambda: [
            Namespace(binding=binding, class_name=name, storage_name=name, application="app")
            for name, binding in (("Counter", "COUNTER"), ("Ended", None))
        ],
        layout=lambda: found.layout,
        settled=lambda: found.settled,
        remove=remove,
        forget=forget,
        ended=ended,
    )
    return found


async def test_many_objects_take_several_requests(world, monkeypatch):
    """No request takes long: each says where the next goes on, and the last one ends the class."""
    monkeypatch.setattr(class_removal, "_SECONDS_AT_ONCE", 0)
    after, counts = None, []
    while True:
        done = await world.removal.remove(RemoveClass(name="Ended", confirmed=True, after=after))
        counts.append((done.objects, done.size))
        after = done.next
        if after is None:
            break
    assert counts == [(16, 160), (16, 160), (8, 80)]
    assert world.asked == IDS
    assert world.forgotten == [("Ended", raw) for raw in IDS]
    assert not (world.layout.root / "Ended").exists()
    assert list(Layout.existing(world.layout.root).storage_names) == ["Counter"]
    assert list(world.layout.storage_names) == ["Counter"]


async def test_what_is_not_confirmed_is_counted(world):
    """And nobody is asked to delete anything."""
    shown = await world.removal.remove(RemoveClass(name="Ended"))
    assert (shown.objects, shown.size, shown.done, shown.next) == (40, 400, False, None)
    assert world.asked == []


async def test_a_bound_class_stays_known(world):
    """Its objects go, and the next event makes new ones under the same ids."""
    done = await world.removal.remove(RemoveClass(name="Counter", confirmed=True))
    assert (done.objects, done.binding) == (1, "COUNTER")
    assert list(world.layout.storage_names) == CLASSES
    assert (world.layout.root / "Counter").exists()  # a host may be making an object there


async def test_an_object_that_cannot_be_deleted_keeps_the_class(world):
    """The error is told, those before it are gone, and the command can be given again."""
    world.sick = IDS[20]
    with pytest.raises(SourdoughError, match="cannot be deleted"):
        await world.removal.remove(RemoveClass(name="Ended", confirmed=True))
    assert world.forgotten == [("Ended", raw) for raw in IDS[:16]]
    world.sick = None
    await world.removal.remove(RemoveClass(name="Ended", confirmed=True))
    assert sorted(world.asked) == IDS
    assert list(world.layout.storage_names) == ["Counter"]


async def test_code_that_is_being_changed_is_waited_for(world):
    """Hosts of earlier code may still make objects of a class that the new code has ended."""
    world.settled = False
    with pytest.raises(SourdoughError, match="Changed code is being loaded"):
        await world.removal.remove(RemoveClass(name="Ended", confirmed=True))
    assert world.asked == []


async def test_what_would_go_counts_the_facets_of_objects(world):
    """Whoever is asked for a yes is told all that he gives away."""
    file = world.layout.path("Counter", IDS[0])
    facet_path(facet_path(file, 1), 2).write_bytes(b"x" * 20)
    told = await world.removal.remove(RemoveClass(name="Counter", confirmed=False))
    assert (told.objects, told.size, told.done) == (1, 30, False)
