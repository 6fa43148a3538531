"""Classes are renamed and deleted by a reload and by a start, and their objects stay."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.coordinator.shell import command
from tests.system.client import Client
from tests.system.server import RunningServer, wait_until
from tests.system.server import command as served

if TYPE_CHECKING:
    from pathlib import Path

CODE = """\
from sourdough import DurableObject, Response


class Counter(DurableObject):
    async def fetch(self, request):
        if request.method == "POST":
            await self.ctx.storage.put("value", "kept")
        return Response.json([type(self).__name__, await self.ctx.storage.get("value")])
"""
CONFIG = """\
name = "app"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "{class_name}"
module = "code_of.py"
[[routes]]
pattern = "/{path}/{{name}}"
binding = "COUNTER"
id = "{{name}}"
"""
RENAMED = """\
[[migrations]]
tag = "v1"
renamed_classes = [{ from = "Counter", to = "Tally" }]
"""
DELETED = """\
[[migrations]]
tag = "v2"
deleted_classes = ["Tally"]
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "code_of.py").write_text(CODE)
    configure(tmp_path, config_for("Counter", "old"))
    return tmp_path


def config_for(class_name: str, path: str) -> str:
    return CONFIG.format(class_name=class_name, path=path)


def configure(project: Path, *parts: str) -> None:
    (project / "sourdough.toml").write_text("\n".join(parts))


def rename(project: Path, new: str) -> None:
    (project / "code_of.py").write_text(CODE.replace("class Counter", f"class {new}"))


def register(project: Path) -> dict:
    return json.loads((project / ".sourdough" / "namespaces.json").read_text())


def answer(server: RunningServer, path: str) -> tuple[int, object]:
    with Client(server.url) as client:
        found = client.get(path)
    return found.status, found.json() if found.status == 200 else None


def test_a_class_is_renamed_and_deleted_by_reloads(project):
    """semantics 9: objects follow the new name, and outlive the class until they are removed."""
    with RunningServer(project, "dev", "--hosts", "1") as server:
        with Client(server.url) as client:
            assert client.post("/old/a").json() == ["Counter", "kept"]

        # Code that does not load: the new route is not there, the old one answers.
        (project / "code_of.py").write_text("raise RuntimeError('no')\n")
        configure(project, config_for("Tally", "new"), RENAMED)
        assert wait_until(lambda: "not loaded" in server.everything(), 20), server.everything()
        assert answer(server, "/old/a") == (200, ["Counter", "kept"])
        assert answer(server, "/new/a")[0] == 404
        assert register(project)["migrations"] == []

        rename(project, "Tally")
        kept = (200, ["Tally", "kept"])
        assert wait_until(lambda: answer(server, "/new/a") == kept, 20), server.everything()
        assert register(project)["namespaces"] == {"Tally": {"storage": "Counter"}}
        assert "the class Counter is Tally now" in server.everything()

        # One that is bound goes on empty, its instances too.
        emptied = command(project, "rm", "--class", "Tally", "--yes")
        assert "1 object of the class Tally, which is bound as COUNTER" in emptied.stdout
        assert answer(server, "/new/a") == (200, ["Tally", None])
        with Client(server.url) as client:
            assert client.post("/new/a").json() == ["Tally", "kept"]

        rename(project, "Other")
        configure(project, config_for("Other", "third"), RENAMED, DELETED)
        empty = (200, ["Other", None])
        assert wait_until(lambda: answer(server, "/third/a") == empty, 20), server.everything()
        assert list((project / ".sourdough" / "Counter").glob("*/*.sqlite"))
        removed = command(project, "rm", "--class", "Tally", "--yes")
        assert removed.returncode == 0, removed.stderr
        assert "Deleted 1 object of Tally" in removed.stdout
        assert not (project / ".sourdough" / "Counter").exists()
        assert register(project)["deleted"] == []
        assert json.loads(command(project, "ls", "--json").stdout)["total"] == 0
        server.signal(signal.SIGKILL)
        server.wait()
        server.left_after(5)
    # The journal still has what they wrote: a recovery brings none of them back (S7).
    assert json.loads(command(project, "ls", "--json").stdout)["total"] == 0
    assert not (project / ".sourdough" / "Counter").exists()


def test_a_start_applies_migrations_and_refuses_a_changed_history(project):
    """By `serve` and by `check`: file, line, what was applied. Then the class is removed offline."""
    with RunningServer(project, "serve", "--hosts", "0") as server, Client(server.url) as client:
        client.post("/old/a")
    rename(project, "Tally")
    config = config_for("Tally", "old")
    configure(project, config, RENAMED)
    with RunningServer(project, "serve", "--hosts", "0") as server:
        assert answer(server, "/old/a") == (200, ["Tally", "kept"])
        server.wait_for_event("migrated")
    configure(project, config, RENAMED.replace('"v1"', '"v7"'))
    for done in (served(project, "serve", "--hosts", "0"), command(project, "check")):
        assert done.returncode == 2, done
        assert "sourdough.toml:11" in done.stderr, done.stderr
        assert 'the migration "v1" was applied' in " ".join(done.stderr.split()), done.stderr

    shown = command(project, "rm", "--class", "Tally")
    assert shown.returncode == 1
    assert "1 object of the class Tally" in shown.stdout
    assert "sourdough rm --class Counter --yes" in shown.stderr
    assert list((project / ".sourdough" / "Counter").glob("*/*.sqlite"))
    assert command(project, "rm", "--class", "Taly", "--yes").returncode == 1
    assert command(project, "rm", "--class", "Tally", "--yes").returncode == 0
    assert not (project / ".sourdough" / "Counter").exists()
    # Without any object there is nothing that a changed history could hide.
    assert command(project, "check").returncode == 0
