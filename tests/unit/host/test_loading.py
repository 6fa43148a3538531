"""The user's modules: what is found, and how precisely a fault is named."""

from __future__ import annotations

import sys

import pytest

from sourdough.host.loading import LoadError, forget_modules, load

GOOD = """
from sourdough import DurableObject, WorkerEntrypoint

class Counter(DurableObject):
    pass

class Default(WorkerEntrypoint):
    pass

class Other:
    pass

constant = 7
"""


@pytest.fixture
def project(tmp_path):
    """A project's folder; afterwards the interpreter is as it was."""
    path, known = list(sys.path), set(sys.modules)
    writing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    yield tmp_path
    sys.path[:] = path
    sys.dont_write_bytecode = writing
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def fault(project, module="sd_thing", name="Counter", main=None):
    with pytest.raises(LoadError) as raised:
        load([(module, name)], main, project)
    return raised.value.fault


def test_classes_and_the_entrypoint_are_found(project):
    """By module and name; the entrypoint is called Default."""
    (project / "sd_thing.py").write_text(GOOD)
    loaded = load([("sd_thing", "Counter")], "sd_thing", project)
    assert loaded.classes[("sd_thing", "Counter")].__name__ == "Counter"
    assert loaded.entrypoint.__name__ == "Default"


def test_a_syntax_error_names_its_line(project):
    """File, line, source and the parser's words."""
    (project / "sd_thing.py").write_text("x = 1\ndef broken(:\n    pass\n")
    found = fault(project)
    assert found.error.startswith("SyntaxError: ")
    assert found.place == "sd_thing.py:2"
    assert found.source == "def broken(:"
    assert "SyntaxError" in found.traceback


def test_an_error_at_import_names_the_users_line(project):
    """Not ours, and not the import system's."""
    (project / "sd_thing.py").write_text("import sd_helper\n")
    (project / "sd_helper.py").write_text("\n\nraise KeyError('config')\n")
    found = fault(project)
    assert found.error == "KeyError: 'config'"
    assert found.place == "sd_helper.py:3"
    assert found.source == "raise KeyError('config')"


def test_a_missing_module_says_which_file_was_expected(project):
    """The hint is a path."""
    found = fault(project, module="sd_missing.part")
    assert "No module named" in found.error
    (project / "sd_thing.py").write_text(GOOD)
    found = fault(project, module="sd_nowhere")
    assert "sd_nowhere.py" in found.hint


def test_a_missing_dependency_says_how_to_install_it(project):
    """The hint is a command, and the place is the user's import."""
    (project / "sd_thing.py").write_text("import sd_not_installed.part\n")
    found = fault(project)
    assert found.place == "sd_thing.py:1"
    assert "pip install sd_not_installed" in found.hint


def test_a_missing_class_names_the_nearest(project):
    """A typing mistake is recognised; otherwise the class to write is shown."""
    (project / "sd_thing.py").write_text(GOOD)
    found = fault(project, name="Conter")
    assert found.error == "module sd_thing has no class Conter"
    assert found.hint == "did you mean Counter?"
    assert "class Zebra(DurableObject)" in fault(project, name="Zebra").hint


@pytest.mark.parametrize("name", ["Other", "constant", "Default"])
def test_what_is_no_durable_object_is_refused(project, name):
    """The class has to derive from DurableObject."""
    (project / "sd_thing.py").write_text(GOOD)
    found = fault(project, name=name)
    assert "is not a DurableObject class" in found.error
    assert "from sourdough import DurableObject" in found.hint


def test_an_entrypoint_has_to_be_one(project):
    """Default derives from WorkerEntrypoint."""
    (project / "sd_thing.py").write_text(GOOD.replace("(WorkerEntrypoint)", ""))
    found = fault(project, main="sd_thing")
    assert found.error == "Default in module sd_thing is not a WorkerEntrypoint class"


@pytest.mark.parametrize("statement", ["sys.exit(3)", "raise KeyboardInterrupt"])
def test_an_exit_at_import_is_a_fault(project, statement):
    """A module may not end the process that loads it."""
    (project / "sd_thing.py").write_text(f"import sys\n{statement}\n")
    found = fault(project)
    assert found.place == "sd_thing.py:2"


def test_forgotten_modules_are_imported_anew(project):
    """A reload in one process sees the new file; what is not the project's stays."""
    (project / "sd_thing.py").write_text(GOOD)
    first = load([("sd_thing", "Counter")], None, project)
    forgotten = forget_modules(project)
    assert set(forgotten) == {"sd_thing"}
    assert "json" not in forgotten
    second = load([("sd_thing", "Counter")], None, project)
    key = ("sd_thing", "Counter")
    assert second.classes[key] is not first.classes[key]
