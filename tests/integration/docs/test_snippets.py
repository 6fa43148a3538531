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

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[ ]*(?:project=(\S+))?\n((?:.*\n)*?)```$", re.MULTILINE)

BLOCKS = [
    (document, *match.groups())
    for document in DOCUMENTS
    for match in BLOCK.finditer(document.read_text(encoding="utf-8"))
]
PROJECTS = sorted({document for document, _, project_file, _ in BLOCKS if project_file})


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, timeout=30, check=False
    )


def test_all_code_belongs_to_a_project():
    """No Python stands in a document without being run by the test below."""
    assert ROOT / "README.md" in PROJECTS
    assert [text for _, language, file, text in BLOCKS if language == "python" and not file] == []


@pytest.mark.parametrize("document", PROJECTS, ids=lambda path: path.name)
def test_a_documents_project_passes_the_check(document, tmp_path):
    """Its files fit together: every class, binding, route and import."""
    for where, _, project_file, text in BLOCKS:
        if where == document and project_file:
            (tmp_path / project_file).write_text(text)
    done = run("-m", "sourdough_cli", "check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    modules = sorted(file.stem for file in tmp_path.glob("*.py"))
    loaded = run("-W", "error", "-c", f"import {', '.join(modules)}", cwd=tmp_path)
    assert loaded.returncode == 0, loaded.stderr
