"""What a save leads to: a configuration waits for its code, and its faults are one line each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sourdough.config.load import load
from sourdough.coordinator.folder import open_folder
from sourdough.coordinator.launcher import Application
from sourdough.coordinator.saves import Saves
from sourdough.observe.records import Migrated, ReloadFailed, Warned
from sourdough.wire.messages import Setup

CONFIG = """\
name = "app"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
module = "code_of.py"
"""
RENAMED = (
    CONFIG.replace("Counter", "Tally")
    + """
[[migrations]]
tag = "v1"
renamed_classes = [{ from = "Counter", to = "Tally" }]
"""
)


@pytest.fixture
async def world(make, tmp_path):
    """A server whose project and storage are real files; nothing runs."""
    (tmp_path / "sourdough.toml").write_text(CONFIG)
    (tmp_path / "code_of.py").write_text("class Counter: ...\n")
    project = load(tmp_path / "sourdough.toml")
    layout = open_folder(project, tmp_path / "data")
    (tmp_path / "data" / "Counter" / "000").mkdir(parents=True)
    (tmp_path / "data" / "Counter" / "000" / "x.sqlite").touch()
    server = make(hosts=1)
    options = replace(
        server.supervisor.application.options, project=project, storage=tmp_path / "data"
    )
    server.supervisor.application = Application(
        options, application="app", storage_names=layout.storage_names
    )
    server.adopted = []
    server.saves = Saves(
        supervisor=server.supervisor,
        reload=server.reload,
        clock=server.clock,
        record=server.records.append,
        adopted=lambda *both: server.adopted.append(both),
    )
    server.folder = tmp_path
    return server.start()


def save(server, config, *, code="class Tally: ...\n"):
    """Save the configuration and the code."""
    (server.folder / "code_of.py").write_text(code)
    (server.folder / "sourdough.toml").write_text(config)
    server.saves.take(["code_of.py", "sourdough.toml"])


def new_host(server):
    generation = server.supervisor.generation
    return next(each for each in server.supervisor.hosts if each.generation == generation)


async def test_hosts_start_with_a_configuration_that_gateways_learn_of_later(world):
    """The folder too: it changes when the code is loaded, and not before."""
    register = world.folder / "data" / "namespaces.json"
    before = register.read_text()
    save(world, RENAMED)
    application, worker = world.supervisor.application, new_host(world)
    assert application.setup(worker).storage_names == {"Tally": "Counter"}
    assert application.setup(world.gateway()).storage_names == {"Counter": "Counter"}
    assert "Tally" in application.for_hosts.host_arguments()
    assert register.read_text() == before
    world.ready(worker)
    assert world.gateway().child.last(Setup).storage_names == {"Tally": "Counter"}
    assert '"v1"' in register.read_text()
    assert len(world.adopted) == 1
    assert "Counter is Tally now" in world.of(Migrated)[0].text


async def test_code_that_does_not_load_leaves_the_folder_alone(world):
    """And the next save of the code alone brings both."""
    before = (world.folder / "data" / "namespaces.json").read_text()
    save(world, RENAMED)
    world.load_fails(new_host(world))
    assert (world.folder / "data" / "namespaces.json").read_text() == before
    world.saves.take(["code_of.py"])
    world.ready(new_host(world))
    assert len(world.adopted) == 1


async def test_faults_are_told_as_one_line_at_the_first(world):
    """`sourdough check` shows the others."""
    save(world, CONFIG + "x = 1\ny = 2\n", code="class Counter: ...\n")
    (told,) = world.of(ReloadFailed)
    assert "\n" not in told.error
    assert "unknown key" in told.error
    assert "sourdough check" in told.error
    assert told.place.endswith("sourdough.toml:6")
    assert len(world.supervisor.hosts) == 1


async def test_a_configuration_with_faults_is_read_again_when_the_code_is_saved(world):
    """A class that is not there yet is a fault of the configuration, which the code corrects."""
    save(world, RENAMED, code="class Counter: ...\n")
    assert len(world.of(ReloadFailed)) == 1
    (world.folder / "code_of.py").write_text("class Tally: ...\n")
    world.saves.take(["code_of.py"])
    assert "Tally" in world.supervisor.application.for_hosts.host_arguments()


async def test_a_migration_that_does_not_fit_is_told_at_its_line(world):
    """Nothing is loaded for it."""
    save(world, RENAMED.replace('from = "Counter"', 'from = "Conter"'))
    (told,) = world.of(ReloadFailed)
    assert told.place.endswith("sourdough.toml:9")
    assert "did you mean Counter?" in told.error
    assert len(world.supervisor.hosts) == 1


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("[websockets]\nmessage_bytes = 10\n[limits]\nbody_bytes = 10\n", []),
        ("[dev]\nport = 1\n", ["[dev] takes effect at the next start"]),
        (
            'hostCount = 3\n[storage]\ndurability = "os"\n[dev]\nport = 1\n',
            ["hostCount, [storage] and [dev] take effect at the next start"],
        ),
    ],
)
async def test_what_a_reload_does_not_bring_is_named(world, added, told):
    """Exactly what was changed of it, and nothing where everything changes at once."""
    keys, _, tables = added.partition("[")
    save(world, keys + CONFIG + "[" + tables, code="class Counter: ...\n")
    assert [each.text for each in world.of(Warned)] == told
