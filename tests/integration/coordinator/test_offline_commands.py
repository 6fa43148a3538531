"""`ls`, `inspect` and `rm` on a folder where no server runs, as a person runs them."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from sourdough.clock import SystemClock
from sourdough.coordinator.catalogue import Catalogue, KnownObject
from sourdough.coordinator.inspection import Inspection, Life
from sourdough.coordinator.listing import Listing
from sourdough.coordinator.lock import FolderLock
from sourdough.ids import IdFactory
from sourdough.storage import Database, Durability, Layout, ObjectMeta, Storage, WalEngine
from tests.integration.coordinator.shell import Done, command

CONFIG = """
name = "app"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
module = "counter"
"""
IDS = IdFactory("app", "Counter")


@pytest.fixture
async def project(tmp_path):
    """A project with the counters "ab", "bb" and a nameless one, stored and known."""
    (tmp_path / "sourdough.toml").write_text(CONFIG)
    (tmp_path / "counter.py").write_text("class Counter: ...\n")
    layout = Layout.open(tmp_path / ".sourdough", "app", ["Counter"])
    broken = []
    engine = WalEngine(
        loop=asyncio.get_running_loop(), on_failed=broken.append, durability=Durability.DISK
    )
    catalogue = await Catalogue.open(layout.root)
    for made in (IDS.from_name("ab"), IDS.from_name("bb"), IDS.unique(bytes(16))):
        await write(layout, engine, made)
        known = KnownObject(storage_name="Counter", id=str(made), name=made.name)
        await catalogue.add([known])
    await catalogue.close()
    engine.close()
    assert broken == []
    return tmp_path


async def write(layout, engine, made):
    """Store two keys and a table, as the object itself would."""
    meta = ObjectMeta(storage_name="Counter", class_name="Counter", id=made.raw, name=made.name)
    database = Database(
        path=layout.path("Counter", made.raw),
        meta=meta,
        engine=engine,
        schedule=asyncio.get_running_loop().call_soon,
        clock=SystemClock(),
        on_broken=lambda error: pytest.fail(str(error)),
    )
    database.mark_constructed()
    storage = Storage(database)
    await storage.put({"value": 1204, "profile": {"name": "Ada"}})
    storage.sql.exec("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)")
    storage.sql.exec("INSERT INTO messages (body) VALUES ('x'), ('y')")
    await asyncio.sleep(0)
    await database.close()


async def sourdough(*words: str, cwd: Path) -> Done:
    """Run the command beside the loop of this test; return its exit code and what it printed."""
    return await asyncio.to_thread(command, cwd, *words)


async def in_a_terminal(*words: str, cwd: Path, terminal: int) -> int:
    """Run the command in a process of its own, on a terminal; return its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sourdough_cli", *words, cwd=cwd,
        stdin=terminal, stdout=terminal, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


def file_of(project: Path, made) -> Path:
    return project / ".sourdough" / "Counter" / str(made)[:3] / f"{made}.sqlite"


async def test_ls_lists_what_is_on_disk(project):
    """Names come from the files, and pages follow each other."""
    code, out, err = await sourdough("ls", "--json", "--limit", "2", cwd=project)
    assert (code, err) == (0, "")
    first = msgspec.json.decode(out, type=Listing)
    _, out, _ = await sourdough("ls", "COUNTER", "--json", "--after", first.next, cwd=project)
    assert (await sourdough("ls", "--after", "nonsense", cwd=project))[0] == 2
    second = msgspec.json.decode(out, type=Listing)
    both = first.objects + second.objects
    assert {each.name for each in both} == {"ab", "bb", None}
    assert [each.id for each in both] == sorted(each.id for each in both)
    assert (first.total, second.total, second.next) == (3, 3, None)
    assert {each.binding for each in both} == {"COUNTER"}


async def test_inspect_shows_values_and_tables(project):
    """Keys are decoded, rows counted, and nothing claims to be live."""
    code, out, err = await sourdough("inspect", "COUNTER:ab", cwd=project)
    assert (code, err) == (0, "")
    assert out.startswith('Counter "ab"   not running, read from disk, slot 0x')
    assert str(IDS.from_name("ab")) in out
    for words in ('"profile"', "{'name': 'Ada'}", "1204", "messages", "id INTEGER PRIMARY KEY"):
        assert words in out
    assert file_of(Path(), IDS.from_name("ab")).as_posix() in out


@pytest.mark.parametrize("digits", [8, 12, 64])
async def test_inspect_takes_an_id_or_its_beginning(project, digits):
    """JSON has the documented shape, whichever way the object was named."""
    made = IDS.unique(bytes(16))
    code, out, _ = await sourdough("inspect", str(made)[:digits], "--json", cwd=project)
    found = msgspec.json.decode(out, type=Inspection)
    assert (code, found.id, found.name, found.life) == (0, str(made), None, Life.NOT_RUNNING)
    assert (found.seat, found.host_pid) == (None, None)
    assert found.report.entry_count == 2


async def test_looking_changes_nothing(project):
    """Neither folding nor creating: the same bytes before and after (invariant S10)."""
    files = [path for path in (project / ".sourdough").rglob("*.sqlite*") if path.is_file()]
    before = {path: path.read_bytes() for path in files if "catalogue" not in path.name}
    assert len(before) >= 3
    await sourdough("inspect", "COUNTER:ab", cwd=project)
    await sourdough("ls", cwd=project)
    assert {path: path.read_bytes() for path in before} == before


async def test_an_unknown_name_is_told_with_its_neighbours(project):
    """The sentence of the terminal, with exit code 1."""
    code, out, err = await sourdough("inspect", "COUNTER:b", cwd=project)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        'No object of COUNTER has the name "b". Nearest: "bb", "ab".',
        "`sourdough ls COUNTER` lists 3.",
    ]


async def test_rm_without_a_terminal_needs_yes(project):
    """A script that did not say --yes deletes nothing, and learns how to."""
    made = IDS.from_name("bb")
    code, out, err = await sourdough("rm", "COUNTER:bb", cwd=project)
    assert code == 1
    assert str(made) in out
    assert "--yes" in err
    assert file_of(project, made).exists()


async def test_rm_deletes_the_files_and_the_entry(project):
    """Afterwards neither the disk nor the catalogue knows the object."""
    made = IDS.from_name("bb")
    for numbers in ("1", "1.2"):  # its facets' databases
        path = file_of(project, made)
        shutil.copy(path, path.with_name(f"{made}.{numbers}.sqlite"))
    code, out, _ = await sourdough("rm", str(made)[:12], "--yes", cwd=project)
    assert code == 0
    assert 'Deleted Counter "bb"' in out
    assert list(file_of(project, made).parent.glob(f"{made}*")) == []
    catalogue = await Catalogue.open(project / ".sourdough")
    assert {each.name for each in await catalogue.page(None, None, 10)} == {"ab", None}
    await catalogue.close()
    assert file_of(project, IDS.from_name("ab")).exists()


@pytest.mark.parametrize(("answer", "deleted"), [(b"y\n", True), (b"n\n", False)])
async def test_rm_asks_on_a_terminal(project, answer, deleted):
    """A person is asked, and what they say is done."""
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    code = await in_a_terminal("rm", "bb", cwd=project, terminal=theirs)
    os.close(theirs)
    os.close(ours)
    assert code == (0 if deleted else 1)
    assert file_of(project, IDS.from_name("bb")).exists() is not deleted


async def test_a_folder_in_use_is_left_alone(project, monkeypatch):
    """Something that is no server but holds the lock: exit code 5 and nothing read."""
    monkeypatch.setitem(FolderLock.acquire.__kwdefaults__, "wait_seconds", 0.1)
    with FolderLock.acquire(project / ".sourdough"):
        code, out, err = await sourdough("ls", cwd=project)
    assert (code, out) == (5, "")
    assert "holds the lock" in err


async def test_no_storage_folder_is_exit_code_4(tmp_path):
    """Looking creates nothing, not even the folder."""
    code, _, err = await sourdough("ls", cwd=tmp_path)
    assert code == 4
    assert ".sourdough" in err
    assert list(tmp_path.iterdir()) == []


async def test_a_configuration_that_lost_a_class_still_shows_its_objects(project):
    """What is on disk has a name even when nothing binds it."""
    text = (project / "sourdough.toml").read_text().replace("Counter", "Other")
    (project / "sourdough.toml").write_text(text)
    (project / "counter.py").write_text("class Other: ...\n")
    _, out, _ = await sourdough("ls", "Counter", "--json", cwd=project)
    assert {each["binding"] for each in json.loads(out)["objects"]} == {None}
