"""`sourdough types`: what a method of a class is on its stub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from sourdough.config.load import load
from sourdough.errors import ConfigError
from sourdough_cli.envtypes.env import env_source

ROOT = Path(__file__).parents[3]
CONFIG = """
name = "shop"
[[durable_objects.bindings]]
name = "SHOP"
class_name = "Shop"
module = "sd_shop.py"
"""


@pytest.fixture
def written(tmp_path):
    """Return the lines that are written for the body of a class; `before` stands above it."""

    def write(body, *, before="", config=CONFIG, bases="DurableObject", **files):
        (tmp_path / "sourdough.toml").write_text(config)
        head = f"from sourdough import DurableObject, RpcTarget\n{dedent(before)}\n"
        text = f"{head}class Shop({bases}):\n{indent(dedent(body), '    ')}\n    pass\n"
        (tmp_path / "sd_shop.py").write_text(text)
        for name, source in files.items():
            (tmp_path / f"{name}.py").write_text(dedent(source))
        source = env_source(load(tmp_path / "sourdough.toml"))
        compile(source, "sourdough_env.py", "exec")
        return [line.strip() for line in source.splitlines()]

    return write


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ("async def add(self, by: int = 1) -> int: ...",
         "async def add(self, by: int=1) -> int: ..."),
        ("def plain(self) -> str: ...", "async def plain(self) -> str: ..."),
        ("def later(self) -> Awaitable[str]: ...", "async def later(self) -> str: ..."),
        ("def later(self) -> Coroutine[None, None, str]: ...", "async def later(self) -> str: ..."),
        ("async def bare(self, a, *b): ...",
         "async def bare(self, a: _typing.Any, *b: _typing.Any) -> _typing.Any: ..."),
        ("async def key(self, a: int, /, *, b: str) -> None: ...",
         "async def key(self, a: int, /, *, b: str) -> None: ..."),
        ("async def now(self, at=dt.date.today()) -> dt.date: ...",
         "async def now(self, at: _typing.Any=...) -> _datetime.date: ..."),
        ("async def watch(self) -> AsyncIterator[Item]:\n    yield 1",
         "def watch(self) -> _collections_abc.AsyncIterator[_sd_shop.Item]: ..."),
        ("def watch(self) -> Iterator[int]:\n    yield 1",
         "def watch(self) -> _collections_abc.AsyncIterator[int]: ..."),
        ("async def inner(self) -> int:\n    def f():\n        yield 1\n    return 2",
         "async def inner(self) -> int: ..."),
        ("@property\ndef title(self) -> str: ...",
         "def title(self) -> _collections_abc.Awaitable[str]: ..."),
        ("@staticmethod\ndef made(x: int) -> bool: ...",
         "async def made(self, x: int) -> bool: ..."),
        ("@classmethod\ndef made(cls) -> bool: ...", "async def made(self) -> bool: ..."),
        ("async def quoted(self, a: 'Item | None') -> 'list[Item]': ...",
         "async def quoted(self, a: _sd_shop.Item | None) -> list[_sd_shop.Item]: ..."),
        ("async def mode(self, a: Literal['Item', 'b']) -> Key: ...",
         "async def mode(self, a: _typing.Literal['Item', 'b']) -> _sd_shop.Key: ..."),
        ("async def open(self) -> Handle: ...", "async def open(self) -> _typing.Any: ..."),
        ("async def me(self) -> Self: ...", "async def me(self) -> _typing.Any: ..."),
        ("async def decimal(self) -> Decimal: ...",
         "async def decimal(self) -> _decimal.Decimal: ..."),
        ("async def unknown(self) -> Nowhere: ...", "async def unknown(self) -> _typing.Any: ..."),
    ],
)  # fmt: skip
def test_a_method_on_its_stub(written, method, line):
    """Asynchronous, with its own arguments, and with names that mean the same there."""
    before = """
        import datetime as dt
        from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
        from typing import TYPE_CHECKING, Literal, Self, TypedDict
        if TYPE_CHECKING:
            from decimal import Decimal
        class Item(TypedDict):
            name: str
        class Handle(RpcTarget): ...
        Key = str | int
    """
    assert line in written(method, before=before)


def test_what_callers_cannot_reach_is_not_there(written):
    """Private names, handlers, what the base class brings."""
    lines = written("""
        async def fetch(self, request): ...
        async def alarm(self): ...
        def _private(self): ...
        def __init__(self, ctx, env): ...
        value = 3
    """)
    assert not [line for line in lines if "alarm" in line or "private" in line or "init" in line]
    assert sum("async def" in line for line in lines) == 1  # fetch, as every stub has it


def test_methods_of_bases_and_of_other_modules(written):
    """A mixin of another module brings its methods, with names of its own module."""
    lines = written(
        "async def own(self) -> Thing: ...\nasync def shared(self) -> int: ...",
        before="from sd_base import Audited, Item as Thing",
        bases="Audited, DurableObject",
        sd_base="""
            class Item: ...
            class Audited:
                async def audit(self) -> Item: ...
                async def shared(self) -> str: ...
        """,
    )
    assert "async def audit(self) -> _sd_base.Item: ..." in lines
    assert "async def own(self) -> _sd_base.Item: ..." in lines
    assert [line for line in lines if "shared" in line] == ["async def shared(self) -> int: ..."]


def test_vars_have_their_types(written):
    """What TOML knows."""
    config = CONFIG + '[vars]\na = "x"\nb = 1\nc = 1.5\nd = true\ne = [1]\nf = { g = 1 }\n'
    lines = written("", config=config)
    for line in ("a: str", "b: int", "c: float", "d: bool", "SHOP: ShopNamespace"):
        assert line in lines
    assert "e: list[_typing.Any]" in lines
    assert "f: dict[str, _typing.Any]" in lines


def test_source_that_is_no_python_is_told(written):
    """File and line."""
    with pytest.raises(ConfigError, match="not valid Python"):
        written("", before="from sd_bad import Base", bases="Base", sd_bad="def broken(:")


def sourdough(*words, cwd):
    command = [sys.executable, "-m", "sourdough_cli", "types", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)


def test_the_command_writes_and_checks(tmp_path):
    """The file is written once; --check fails when it is out of date, and writes nothing."""
    (tmp_path / "sourdough.toml").write_text(CONFIG)
    shop = tmp_path / "sd_shop.py"
    head = "from sourdough import DurableObject\nclass Shop(DurableObject):\n    x = 1\n"
    shop.write_text(head)
    assert sourdough("--check", cwd=tmp_path).returncode == 1
    assert not (tmp_path / "sourdough_env.py").exists()
    assert sourdough(cwd=tmp_path).stdout == "sourdough_env.py is written.\n"
    assert sourdough("--check", cwd=tmp_path).stdout == "sourdough_env.py is up to date.\n"
    shop.write_text(head + "    async def new(self) -> int: ...\n")
    done = sourdough("--check", cwd=tmp_path)
    assert (done.returncode, "out of date" in done.stderr) == (1, True)
    done = sourdough("-o", "nowhere/env.py", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "nowhere/env.py cannot be written: No such file or directory.\n"


@pytest.mark.parametrize("template", sorted((ROOT / "templates").iterdir()), ids=lambda p: p.name)
def test_the_types_of_the_templates_are_up_to_date(template):
    """What `sourdough new` copies."""
    assert (template / "sourdough_env.py").read_text() == env_source(
        load(template / "sourdough.toml")
    )
