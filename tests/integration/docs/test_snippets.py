"""The code in our documents works: what a reader copies is what was run here.

A fenced block with `project=FILE` is a file of the document's project, which must pass
`sourdough check`. There is no other Python.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.coordinator.shell import command

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[ ]*(?:project=(\S+))?\n((?:.*\n)*?)```$", re.MULTILINE)

BLOCKS = [
    (document, *match.groups())
    for document in DOCUMENTS
    for match in BLOCK.finditer(document.read_text(encoding="utf-8"))
]
PROJECTS = sorted({document for document, _, project_file, _ in BLOCKS if project_file})


def write_project(document: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for where, _, project_file, text in BLOCKS:
        if where == document and project_file:
            (folder / project_file).write_text(text)


def test_all_code_belongs_to_a_project():
    """No Python stands in a document without being run by the test below."""
    assert ROOT / "README.md" in PROJECTS
    assert [text for _, language, file, text in BLOCKS if language == "python" and not file] == []


@pytest.mark.parametrize("document", PROJECTS, ids=lambda path: path.name)
def test_a_documents_project_passes_the_check(document, tmp_path):
    """Its files fit together: every class, binding, route and import."""
    write_project(document, tmp_path)
    done = command(tmp_path, "check")
    assert done.returncode == 0, done.stdout + done.stderr


# Imports all modules of each folder, and forgets them: the next folder has others of their names.
IMPORTING = """
import importlib, pathlib, sys
for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    names = sorted(file.stem for file in pathlib.Path(folder).glob("*.py"))
    for name in names:
        assert importlib.import_module(name).__file__.startswith(folder), name
    for name in names:
        del sys.modules[name]
    sys.path.remove(folder)
    print(*names)
"""


def test_no_module_of_a_document_warns(tmp_path):
    """Also those that no configuration names: clients, scripts."""
    folders = [tmp_path / document.stem for document in PROJECTS]
    for document, folder in zip(PROJECTS, folders, strict=True):
        write_project(document, folder)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTING, *folders],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == len(folders)
