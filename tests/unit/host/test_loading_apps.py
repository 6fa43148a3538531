"""`main = "app:api"`: an app as the entrypoint, or a precise reason why not."""

from __future__ import annotations

import sys

import pytest

from sourdough.apps.kind import Kind
from sourdough.host.app import AppEntrypoint
from sourdough.host.loading import LoadError, forget_modules, load

SOURCE = """
from sourdough import WorkerEntrypoint

class Api:
    async def __call__(self, scope, receive, send): ...

class Own(WorkerEntrypoint): ...

api = Api()

async def plain(scope, receive, send): ...

def old(environ, start_response): ...

def create():
    return api

words = {}
"""


@pytest.fixture
def project(tmp_path):
    """A project with a module of every kind of thing; nothing of it stays imported."""
    (tmp_path / "sd_entry.py").write_text(SOURCE)
    before = list(sys.path)
    yield tmp_path
    forget_modules(tmp_path)
    sys.path[:] = before


@pytest.mark.parametrize(
    ("name", "kind"), [("api", Kind.ASGI), ("plain", Kind.ASGI), ("old", Kind.WSGI)]
)
def test_an_app_is_loaded(project, name, kind):
    """By what it is, not by its name."""
    found = load([], f"sd_entry:{name}", project).entrypoint
    assert issubclass(found, AppEntrypoint)
    assert (found.kind, found.__name__) == (kind, name)


def test_a_class_may_have_any_name(project):
    """What stands behind the colon may be a WorkerEntrypoint."""
    assert load([], "sd_entry:Own", project).entrypoint.__name__ == "Own"


@pytest.mark.parametrize(
    ("main", "error", "hint"),
    [
        ("sd_entry:words", "words in module sd_entry is a dict", "an ASGI app or a WSGI app"),
        ("sd_entry:create", "takes no arguments: it looks like a function that", "an ASGI app"),
        ("sd_entry:Api", "Api in module sd_entry is a class, not an app", "an ASGI app"),
        ("sd_entry:apy", "has nothing named apy", 'did you mean "sd_entry:api"?'),
        ("sd_entry", "has no class Default", 'main = "sd_entry:api"'),
    ],
)
def test_what_is_no_entrypoint_is_told(project, main, error, hint):
    """The file, what the thing is, and what to write."""
    with pytest.raises(LoadError) as raised:
        load([], main, project)
    fault = raised.value.fault
    assert error in fault.error
    assert hint in fault.hint
    assert fault.place == "sd_entry.py"
