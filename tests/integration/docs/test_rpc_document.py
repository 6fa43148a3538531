"""The examples of docs/rpc.md do what they say, in a server of their own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.system.client import Client
from tests.system.server import RunningServer

DOCUMENT = Path(__file__).parents[3] / "docs" / "rpc.md"
BLOCK = re.compile(r"^```\w+ project=(\S+)\n((?:.*\n)*?)```$", re.MULTILINE)
FILES = dict(BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")))

RUNNER = """
import importlib
import traceback
from sourdough import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        module, name = request.path.strip("/").split("/")
        try:
            await getattr(importlib.import_module(module), name)(self.env)
        except Exception:
            return Response(traceback.format_exc(), status=500)
        return Response("done")
"""


def examples() -> list[tuple[str, str]]:
    """Every function of the document that takes `env`."""
    return [
        (file.removesuffix(".py"), node.name)
        for file, text in FILES.items()
        if file.endswith(".py")
        for node in ast.parse(text).body
        if isinstance(node, ast.AsyncFunctionDef)
        and [each.arg for each in node.args.args] == ["env"]
    ]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of a server that runs the examples."""
    project = tmp_path_factory.mktemp("document")
    for file, text in FILES.items():
        (project / file).write_text(text.replace('"main.py"', '"runner.py"'))
    (project / "runner.py").write_text(RUNNER)
    with RunningServer(project, "serve", "--hosts", "0") as server, Client(server.url) as client:
        yield client


def test_the_examples_are_found():
    """The test below looks at something."""
    assert len(examples()) >= 10


@pytest.mark.parametrize(("module", "name"), examples(), ids="/".join)
def test_an_example_does_what_it_says(client, module, name):
    """Its assertions hold."""
    answer = client.get(f"/{module}/{name}")
    assert answer.status == 200, answer.body.decode()
