"""What every file of the project has in common."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import sourdough

ROOT = Path(__file__).parents[2]
FOLDERS = ("runtime", "sourdough_cli", "templates", "tests", "docs", "benchmarks", ".ci")
LEFT_OUT = ("__pycache__", ".sourdough")
LONGEST = 400

PUBLIC = [
    "CallTimeoutError",
    "CloseEvent",
    "ClusterCoordinator",
    "DeadlockError",
    "DurableObject",
    "DurableObjectError",
    "DurableObjectNamespace",
    "DurableObjectState",
    "Env",
    "ErrorEvent",
    "FacetStart",
    "FacetStub",
    "FetchError",
    "Headers",
    "MessageEvent",
    "ObjectId",
    "QuarantinedError",
    "RemoteError",
    "RemoteStub",
    "Request",
    "Response",
    "RestoredSocket",
    "RpcTarget",
    "ScheduledController",
    "ShutdownReason",
    "SourdoughError",
    "StorageClosedError",
    "StorageError",
    "StorageFullError",
    "WebSocket",
    "WebSocketClosedError",
    "WebSocketError",
    "WebSocketPair",
    "WebSocketRequestResponsePair",
    "WorkerEntrypoint",
    "connect",
    "fetch",
    "route",
    "run",
    "serve",
]


def is_text(path: Path) -> bool:
    """Whether a file is one that people write."""
    hidden = any(part in LEFT_OUT or part.endswith("_cache") for part in path.parts)
    return path.is_file() and not hidden and b"\0" not in path.read_bytes()


FILES = sorted(
    path.relative_to(ROOT)
    for path in (
        *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*")),
        *(file for file in ROOT.glob("*") if file.suffix in {".md", ".toml", ".example"}),
    )
    if is_text(path)
)
PYTHON = [path for path in FILES if path.suffix == ".py"]
SHIPPED = [path for path in PYTHON if path.parts[0] in {"runtime", "sourdough_cli"}]


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_files_are_found():
    """The tests below look at something."""
    assert Path("runtime/sourdough/ids.py") in SHIPPED
    assert Path("README.md") in FILES
    assert Path("tests/unit/test_structure.py") in PYTHON


def test_no_file_is_long():
    """What is longer holds more than one noun and is cut by concern."""
    lengths = {str(path): len(text_of(path).splitlines()) for path in PYTHON}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_module_says_what_it_is():
    """Its docstring is the first thing in it; an empty __init__.py has nothing to say."""
    silent = [path for path in PYTHON if not ast.get_docstring(ast.parse(text_of(path)))]
    assert [str(path) for path in silent if path.name != "__init__.py" or text_of(path)] == []


def test_a_file_is_named_after_what_it_defines():
    """Names that fit anything collect anything."""
    vague = {"utils", "util", "helpers", "common", "misc"}
    assert [str(path) for path in SHIPPED if vague & {path.stem, *path.parent.parts}] == []


def test_the_public_names_are_these():
    """A name is added or taken away on purpose, here and in the changelog."""
    assert sourdough.__all__ == PUBLIC
    assert all(hasattr(sourdough, name) for name in PUBLIC)


def test_no_path_of_a_machine():
    """Nothing that only one machine has: no working folder, environment or home of anybody."""
    places = "|".join(("wo" + "rk", "opt" + "/sd", "ro" + "ot"))
    pattern = re.compile(rf"(?<![\w.~)}}/])/({places})(?=/|\b)")
    found = {str(path): pattern.search(text_of(path)) for path in FILES}
    assert {path: match.group() for path, match in found.items() if match} == {}
