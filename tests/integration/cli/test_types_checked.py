"""The types of `env`, as pyright sees them: real signatures, and no others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from sourdough.config.load import load
from sourdough_cli.envtypes.env import env_source

TEMPLATE = Path(__file__).parents[3] / "templates" / "counter"
SHOP = '''
from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypedDict

from sourdough import DurableObject, DurableObjectNamespace
from sourdough_env import Env


class Item(TypedDict):
    name: str


class Shop(DurableObject[Env]):
    async def add(self, name: str, *, number: int = 1) -> Item:
        return {"name": name * number}

    def count(self) -> int:
        return len(self.env.greeting)

    async def watch(self) -> AsyncIterator[Item]:
        yield {"name": "a"}

    @property
    def title(self) -> str:
        return "shop"


class Old(DurableObject):
    """Without a type for its env: anything goes."""

    async def anything(self) -> object:
        return await self.env.SHOP.get_by_name("a").nothing(3)


async def use(env: Env, shops: DurableObjectNamespace[Shop]) -> None:
    shop = env.SHOP.get_by_name("a")
    item: Item = await shop.with_timeout(5).add("a", number=2)
    count: int = await shop.count()
    title: str = await shop.title
    async for each in shop.watch():
        item = each
    print(item, count, title, shops.id_from_name("a"), shop.id)
    await use(env, env.SHOP)


async def misuse(env: Env) -> None:
    shop = env.SHOP.get_by_name("a")
    await shop.add(3)
    await shop.add("a", 2)
    await shop.added("a")
    wrong: str = await shop.count()
    shop.count() + 1
    env.SHOPS
'''
CONFIG = """
name = "shop"
[[durable_objects.bindings]]
name = "SHOP"
class_name = "Shop"
module = "shop.py"
[vars]
greeting = "hello"
"""


def errors(folder: Path, *projects: str) -> list[tuple[str, int, str]]:
    """Return what pyright finds wrong in the projects of a folder: file, line, rule."""
    roots = [{"root": each} for each in projects]
    settings = {"typeCheckingMode": "standard", "executionEnvironments": roots}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable],
        cwd=folder, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)["generalDiagnostics"]
    return sorted(
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["rule"])
        for each in found
        if each["severity"] == "error"
    )


def test_stubs_have_the_signatures_of_their_methods(tmp_path):
    """Right uses pass; wrong arguments, results, names and a missing await do not."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "sourdough.toml").write_text(CONFIG)
    (shop / "shop.py").write_text(SHOP)
    (shop / "sourdough_env.py").write_text(env_source(load(shop / "sourdough.toml")))
    left_out = shutil.ignore_patterns("test_*", ".*", "__pycache__")
    shutil.copytree(TEMPLATE, tmp_path / "template", ignore=left_out)
    lines = SHOP.splitlines()
    first = lines.index("async def misuse(env: Env) -> None:") + 3
    assert errors(tmp_path, "shop", "template") == [
        ("shop.py", first, "reportArgumentType"),
        ("shop.py", first + 1, "reportCallIssue"),
        ("shop.py", first + 2, "reportAttributeAccessIssue"),
        ("shop.py", first + 3, "reportAssignmentType"),
        ("shop.py", first + 4, "reportOperatorIssue"),
        ("shop.py", first + 5, "reportAttributeAccessIssue"),
    ]
