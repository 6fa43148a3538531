"""A class of a program is renamed, and its objects go along: `migrations=`."""

from __future__ import annotations

import pytest

from sourdough import ClusterCoordinator, DurableObject
from sourdough.config.fault import ConfigFaults
from sourdough.errors import ConfigError
from sourdough.observe.records import Migrated
from tests.integration.library.rooms import Counter, Log

RENAMED = {"tag": "v1", "renamed_classes": [{"from": "Tally", "to": "Counter"}]}


class Tally(DurableObject):
    async def increment(self, by: int = 1) -> int:
        value = await self.ctx.storage.get("value", 0) + by
        await self.ctx.storage.put("value", value)
        return value


@pytest.fixture
async def folder(tmp_path):
    """A storage folder with a tally that has counted to three."""
    async with ClusterCoordinator(host_count=0, storage_dir=tmp_path / "data") as former:
        assert await former.get("a", Tally).increment(3) == 3
    return tmp_path / "data"


@pytest.mark.parametrize("named", [{"COUNTER": Counter}, {}], ids=["named", "used later"])
async def test_objects_follow_the_new_name(folder, named):
    """semantics 9: once applied, each start finds it applied; the stub's id is the same."""
    records = []
    options = {"host_count": 0, "storage_dir": folder, "durable_objects": named}
    for value in (4, 5):
        async with ClusterCoordinator(
            migrations=[RENAMED], on_record=records.append, **options
        ) as renamed:
            assert await renamed.get("a", Counter).increment() == value
    told = [each.text for each in records if isinstance(each, Migrated)]
    assert told == ['migration "v1": the class Tally is Counter now, with the objects it had']
    with pytest.raises(ConfigFaults, match="v1"):
        await ClusterCoordinator(**options).start()


async def test_a_wrong_history_names_the_call(folder):
    """As faults of the file do, with the field; what is no migration is a fault as well."""
    with pytest.raises(ConfigFaults) as failed:
        ClusterCoordinator(storage_dir=folder, migrations=[{"tag": "v1", "renamed": []}])
    assert failed.value.faults[0].field == "migrations[0].renamed"
    mistyped = {"tag": "v1", "renamed_classes": [{"from": "Taly", "to": "Counter"}]}
    coordinator = ClusterCoordinator(host_count=0, storage_dir=folder, migrations=[mistyped])
    with pytest.raises(ConfigFaults) as failed:
        await coordinator.get("a", Counter).increment()
    (fault,) = failed.value.faults
    assert (fault.file, fault.line) == ("ClusterCoordinator", None)
    assert "Tally" in f"{fault.message} {fault.hint}"


async def test_a_program_does_not_attach_to_one_that_has_not_migrated(tmp_path):
    """That keeps the objects under another name: an empty class would be begun beside them."""
    folder = tmp_path / "data"
    known = {"COUNTER": Counter}
    async with ClusterCoordinator(host_count=0, storage_dir=folder, durable_objects=known) as old:
        await old.get("a", Counter).increment()
        renamed = {"tag": "v1", "renamed_classes": [{"from": "Counter", "to": "Log"}]}
        new = ClusterCoordinator(
            host_count=0, storage_dir=folder, durable_objects={"LOG": Log}, migrations=[renamed]
        )
        with pytest.raises(ConfigError, match='"v1" is not applied: pid'):
            await new.start()
        assert await old.get("a", Counter).increment() == 2
