"""How hosts are told of the classes of a program."""

from __future__ import annotations

import importlib.machinery
import sys
import types

import pytest

from sourdough import DurableObject
from sourdough.config.fault import ConfigFaults
from sourdough.library.classes import ClassBook


@pytest.fixture
def main(monkeypatch):
    """A stand-in for the script that was started; `main(...)` returns a class of it."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)

    def define(**attributes):
        vars(module).update(__spec__=None, **attributes)
        return type("Tally", (DurableObject,), {"__module__": "__main__", "__qualname__": "Tally"})

    return define


def book_of(**classes):
    return ClassBook(classes, what="serve", in_place=False)


@pytest.mark.parametrize(
    ("file", "module"),
    [("tally.py", "tally"), ("my-script.py", "host_main"), ("random.py", "host_main")],
)
def test_a_script_is_imported_by_its_file(main, tmp_path, file, module):
    """Under its own name where that can be the name of a module and hides no other."""
    script = tmp_path / file
    script.write_text("")
    wanted = book_of(TALLY=main(__file__=str(script))).wanted[0]
    assert (wanted.binding, wanted.module, wanted.class_name) == ("TALLY", module, "Tally")
    assert wanted.source == str(script.resolve())


def test_a_package_that_was_run_is_imported_by_its_name(main):
    """`python -m shop` runs `shop.__main__`, which hosts can import."""
    cls = main()
    vars(sys.modules["__main__"])["__spec__"] = importlib.machinery.ModuleSpec("shop.app", None)
    wanted = book_of(TALLY=cls).wanted[0]
    assert (wanted.module, wanted.source) == ("shop.app", None)


def test_a_class_that_was_typed_in_cannot_be_imported(main):
    """There is no file; one process can run it all the same."""
    cls = main()
    with pytest.raises(ConfigFaults, match="in no file") as failed:
        book_of(TALLY=cls)
    assert failed.value.faults[0].field == "Tally"
    assert failed.value.faults[0].hint is not None
    assert ClassBook({"TALLY": cls}, what="serve", in_place=True).wanted[0].module == "__main__"


def test_a_class_is_called_in_env_as_was_said_or_by_its_name(main, tmp_path):
    """A class that is there already keeps the name it has."""
    script = tmp_path / "tally.py"
    script.write_text("")
    cls = main(__file__=str(script))
    book = book_of(COUNT=cls)
    assert book.add(cls).binding == "COUNT"
    assert book_of().add(cls).binding == "TALLY"
    book.forget(book.add(cls))
    assert len(book) == 0
