"""What the next server finds (semantics 1.1, 1.13, 3.12, 3.14, 5, 9)."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from tests.conformance.steps import storage
from tests.conformance.world import PROJECT, Thing, World
from tests.system.server import RunningServer, wait_until

execute = storage.sql.exec


def rename_class(project, module, old, new):
    """Give a class another name, in its module and, with a migration, in the configuration."""
    code = project / f"{module}.py"
    code.write_text(code.read_text().replace(f"class {old}(", f"class {new}("))
    config = project / "sourdough.toml"
    bound = config.read_text().replace(f'class_name = "{old}"', f'class_name = "{new}"')
    renamed = f'renamed_classes = [{{ from = "{old}", to = "{new}" }}]'
    config.write_text(f'{bound}\n[[migrations]]\ntag = "v1"\n{renamed}\n')


@pytest.fixture(scope="module")
def reborn(hosts, tmp_path_factory):
    """A server that was stopped after objects had written, and started again."""
    project = shutil.copytree(PROJECT, tmp_path_factory.mktemp("restart") / "project")
    found = SimpleNamespace()
    with RunningServer(project, "serve", "--hosts", hosts, ahead=0) as server:
        world = World(server)
        found.keeper, found.speaker, found.actor, found.deleted = (
            world.new(binding).name for binding in ("KEEPER", "SPEAKER", "ACTOR", "KEEPER")
        )
        Thing(world, "KEEPER", found.keeper).steps(
            storage.put({"a": [1, {"b": None}], "\U0001f600": "x"}),
            execute("CREATE TABLE t(x PRIMARY KEY); INSERT INTO t VALUES (1), (2)"),
        )
        Thing(world, "KEEPER", found.deleted).steps(storage.put("a", 1), storage.delete_all())
        Thing(world, "ACTOR", found.actor).call("writes", "value", 1)
        Thing(world, "ACTOR", found.actor).call("appends", 1)
        found.ids = world.run("ids_of_name", found.keeper)
        found.sleeper, found.early, found.forgetful = (
            world.new(binding).name for binding in ("SLEEPER", "SLEEPER", "FORGETFUL")
        )
        leaver = world.new("LEAVER")
        leaver.call("constructions")
        found.leaver = leaver.name
        found.due = world.advance() + 600_000
        for binding, name, due in (
            ("SLEEPER", found.sleeper, found.due),
            ("SLEEPER", found.early, found.due + 7_200_000),
            ("FORGETFUL", found.forgetful, found.due),
        ):
            Thing(world, binding, name).call("sets", due)
        world.close()
        assert server.stop() == 0
    module = project / "forgetful.py"
    module.write_text(module.read_text().replace("def alarm(", "def was_alarm("))
    rename_class(project, "actor", "Actor", "Player")
    with RunningServer(project, "serve", "--hosts", hosts, ahead=3600) as server:
        found.server = server
        found.world = World(server)
        yield found
        found.world.close()


def test_ids_are_the_same(reborn):
    """semantics 1.1: they follow from what is stored beside the data."""
    assert reborn.world.run("ids_of_name", reborn.keeper) == reborn.ids


def test_entries_and_tables_are_there(reborn):
    """semantics 5.1, 5.3: exactly as they were."""
    outcomes = Thing(reborn.world, "KEEPER", reborn.keeper).steps(
        storage.list(), execute("SELECT x FROM t ORDER BY x")
    )
    assert outcomes == [{"a": [1, {"b": None}], "\U0001f600": "x"}, [[1], [2]]]


def test_last_words_are_there(reborn):
    """semantics 3.14: a stop in good order is a reason to be told, and waits for what is written."""
    assert Thing(reborn.world, "LEAVER", reborn.leaver).call("finds") == ["inactive", 1]


def test_what_was_deleted_stays_deleted(reborn):
    """semantics 5.1, trap 39."""
    assert Thing(reborn.world, "KEEPER", reborn.deleted).steps(storage.list()) == [{}]


def test_a_renamed_class_keeps_its_objects(reborn):
    """semantics 9: the same ids, the same data, another class."""
    actor = Thing(reborn.world, "ACTOR", reborn.actor)
    assert [actor.call("class_name"), actor.call("value")] == ["Player", 1]


def test_memory_is_gone(reborn):
    """semantics 3.5: only what is stored survives."""
    actor = Thing(reborn.world, "ACTOR", reborn.actor)
    assert [actor.call("remembered"), actor.call("value")] == [[], 1]


def test_an_object_knows_its_name_from_its_file(reborn):
    """semantics 1.13, trap 38: also when it is called by its bare id."""
    text = reborn.world.run("ids_of_name", reborn.actor)[0]
    told = reborn.world.call(binding="ACTOR", id=text, method="own_name", arguments=[], named={})
    assert told["result"] == reborn.actor


def test_an_alarm_that_became_due_while_down_fires_at_the_start(reborn):
    """semantics 6.17, 1.13, 6.5: once, with its own time, and the object knows its name."""
    sleeper = Thing(reborn.world, "SLEEPER", reborn.sleeper)
    reborn.world.until(lambda: sleeper.call("saw"), [[0, False, reborn.due]])
    assert [sleeper.call("value"), sleeper.call("gets")] == [reborn.sleeper, None]


def test_an_alarm_that_is_not_due_yet_waits_on(reborn):
    """semantics 6.17: for its own time."""
    sleeper = Thing(reborn.world, "SLEEPER", reborn.early)
    assert [sleeper.call("saw"), sleeper.call("gets")] == [[], reborn.due + 7_200_000]
    reborn.world.advance(7_200)
    reborn.world.until(lambda: sleeper.call("saw"), [[0, False, reborn.due + 7_200_000]])


def test_a_class_that_has_lost_its_handler(reborn):
    """semantics 6.13: a warning, no retry, and the alarm is gone."""
    forgetful = Thing(reborn.world, "FORGETFUL", reborn.forgetful)
    reborn.world.until(lambda: forgetful.call("gets"), None)
    said = reborn.server.everything
    assert wait_until(lambda: "scheduled alarm without a handler" in said(), 10), said()
