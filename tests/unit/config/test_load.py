"""A configuration file is found, read, and its modules are looked at without being run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sourdough.config.fault import ConfigFaults
from sourdough.config.load import application_name, binding_name, find, for_class, load, located_at
from sourdough.config.model import ClassRef
from sourdough.config.problem import Problem
from sourdough.errors import ConfigError

TOML = """\
name = "chat"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
module = "counter"
"""


@pytest.fixture
def project(tmp_path):
    """A folder with a configuration and no module yet."""
    (tmp_path / "sourdough.toml").write_text(TOML)
    return tmp_path


def faults(folder):
    """Return the faults of a folder's configuration, places relative to it."""
    with pytest.raises(ConfigFaults) as caught:
        load(folder / "sourdough.toml")
    assert caught.value.exit_code == 2
    return [
        f"{each.place} {each.field} {each.text}".replace(f"{folder}/", "")
        for each in caught.value.faults
    ]


@pytest.mark.parametrize(
    "source",
    [
        "class Counter: ...",
        "Counter = make()",
        "Counter: type = make()",
        "from elsewhere import Thing as Counter",
        "from elsewhere import *",
        "def __getattr__(name): ...",
        "if True:\n    class Counter: ...",
        "try:\n    from a import Counter\nexcept ImportError:\n    pass",
        "globals()['Coun' + 'ter'] = 1",
        "@as_class\ndef Counter(): ...",
        "raise SystemExit('never run')\nclass Counter: ...",
    ],
)
def test_classes_that_may_be_there_are_accepted_without_running_them(project, source):
    """Defined, assigned, imported or made: the class may be there, and nothing is executed."""
    (project / "counter.py").write_text(source)
    assert load(project / "sourdough.toml").config.classes == (ClassRef("counter", "Counter"),)


@pytest.mark.parametrize(
    "source",
    [
        "class Conter: ...",
        "class Conter:\n    class Counter: ...",
        "class Conter: ...\ndef f():\n    Counter = 1",
        "class Conter: ...\ndef Counter(): ...",
    ],
)
def test_a_missing_class_names_the_nearest(project, source):
    """What is inside of classes and functions, or is a function, is no class of the module."""
    (project / "counter.py").write_text(source)
    assert faults(project) == [
        (
            "sourdough.toml:4 durable_objects.bindings[0].class_name "
            'counter.py has no class "Counter"; did you mean Conter?'
        )
    ]


def test_a_missing_module_names_the_nearest(project):
    """The fault says which file was expected."""
    (project / "conter.py").write_text("")
    (fault,) = faults(project)
    assert fault.startswith("sourdough.toml:5 durable_objects.bindings[0].module no module counter")
    assert fault.endswith("did you mean conter?")


def test_a_syntax_error_is_a_fault_of_its_own_file(project):
    """The place is that in the user's module, beside the faults of the configuration."""
    (project / "counter.py").write_text("class Counter:\n    x = (1\n")
    (project / "sourdough.toml").write_text(f"hostCont = 1\n{TOML}")
    assert faults(project) == [
        "sourdough.toml:1 hostCont unknown key; did you mean hostCount?",
        "counter.py:2:9  SyntaxError: '(' was never closed",
    ]


def test_modules_in_packages(project):
    """Dotted modules are files below folders, with or without __init__.py."""
    (project / "shop").mkdir()
    (project / "shop" / "cart.py").write_text("class Counter: ...")
    path = project / "sourdough.toml"
    path.write_text(TOML.replace('"counter"', '"shop.cart"'))
    assert load(path).config.modules == ("shop.cart",)
    path.write_text(TOML.replace('"counter"', '"shop"'))
    assert "no module shop" in faults(project)[0]


def test_installed_modules_are_found_but_not_the_current_folder(project, tmp_path_factory):
    """A module may be installed; one that merely lies in the current folder is not found."""
    path = project / "sourdough.toml"
    path.write_text(TOML.replace('"counter"', '"msgspec"').replace("Counter", "Struct"))
    assert load(path).config.classes == (ClassRef("msgspec", "Struct"),)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "counter.py").write_text("class Counter: ...")
    path.write_text(TOML)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        patch.syspath_prepend("")
        assert "no module counter" in faults(project)[0]


def test_the_storage_is_beside_the_configuration(project):
    """Relative paths belong to the file, not to the current folder."""
    (project / "counter.py").write_text("class Counter: ...")
    found = load(project / "sourdough.toml")
    assert (found.root, found.file) == (project, project / "sourdough.toml")
    assert found.storage_path == project / ".sourdough"


def test_text_that_is_not_utf8_is_a_fault(project):
    """The line is named."""
    (project / "sourdough.toml").write_bytes(b'name = "a"\nmain = "\xff"\n')
    assert faults(project) == ["sourdough.toml:2  not valid TOML: not UTF-8"]


def test_find_takes_a_file_a_folder_or_the_current_folder(project, monkeypatch):
    """-c names a file or its folder; without it the current folder counts."""
    assert find(project) == find(project / "sourdough.toml") == project / "sourdough.toml"
    monkeypatch.chdir(project)
    assert find() == Path("sourdough.toml")


def test_find_says_how_to_begin(tmp_path, monkeypatch):
    """Without a configuration the error points to `sourdough new`."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"There is no sourdough\.toml") as caught:
        find()
    assert "sourdough new" in (caught.value.hint or "")


def test_a_class_without_a_file(tmp_path):
    """--module and --class make a project with one route."""
    (tmp_path / "chat.py").write_text("class ChatRoom: ...")
    found = for_class("chat.py", "ChatRoom", tmp_path)
    (binding,), (route,) = found.config.bindings, found.config.routes
    assert (binding.name, binding.module, binding.class_name) == ("CHAT_ROOM", "chat", "ChatRoom")
    assert (route.pattern, route.binding, route.id) == ("/{name}/*", "CHAT_ROOM", "{name}")
    assert (found.root, found.file) == (tmp_path, None)


@pytest.mark.parametrize(
    ("module", "class_name", "expected"),
    [
        ("chat", "ChatRom", "did you mean ChatRoom?"),
        ("chta", "ChatRoom", "did you mean chat?"),
        ("json", "ChatRoom", "standard library"),
        ("a b", "ChatRoom", "expected a file or a dotted module"),
    ],
)
def test_a_class_that_is_not_there(tmp_path, module, class_name, expected):
    """Wrong options are faults as well."""
    (tmp_path / "chat.py").write_text("class ChatRoom: ...")
    with pytest.raises(ConfigFaults) as caught:
        for_class(module, class_name, tmp_path)
    assert expected in str(caught.value)


def test_names_are_made_from_folders_and_classes():
    """Any folder gives a valid application name, any class its usual name in env."""
    assert [application_name(each) for each in ("my app", "é", "", "-x.")] == [
        "my-app",
        "app",
        "app",
        "x",
    ]
    assert [binding_name(each) for each in ("Counter", "ChatRoom", "HTTPThing")] == [
        "COUNTER",
        "CHAT_ROOM",
        "HTTP_THING",
    ]


def test_a_problem_found_later_has_the_name_that_people_see(tmp_path, monkeypatch):
    """The file as seen from the current folder, as for every other fault."""
    (tmp_path / "sourdough.toml").write_text(TOML)
    (tmp_path / "counter.py").write_text("class Counter: ...\n")
    monkeypatch.chdir(tmp_path)
    problem = Problem(path=("name",), message="no")
    (fault,) = located_at(load(find()), problem).faults
    assert fault.place == "sourdough.toml:1"
