"""Who is measured, and what an answer to a write waits for there."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import workerd_package
from servers import sourdough, uvicorn, workerd

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from servers import Serving

UVICORN, JOURNAL, WAL, WORKERD = "uvicorn", "journal", "wal", "workerd"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A server that can be started."""

    key: str
    label: str
    version: str
    durability: str | None
    """In Sourdough's words: disk, os or memory; None stores nothing."""
    means: str
    """What is done before a write is answered."""
    start: Callable[[Path], AbstractContextManager[Serving]]
    """Takes the folder of its storage, which stays."""


def contenders(*, workerd_version: str) -> tuple[list[Contender], list[str]]:
    """Return who can be measured here, and why others cannot."""
    found = [_uvicorn(), _sourdough(JOURNAL, _JOURNAL), _sourdough(WAL, _WAL)]
    try:
        program = workerd_package.install(workerd_version)
    except workerd_package.NotInstalledError as error:
        return found, [f"workerd: {error}"]
    return [*found, _workerd(program, workerd_version)], []


_JOURNAL = "one fdatasync of the host's journal, shared by all commits that wait"
_WAL = "fdatasync of each object's own WAL, in threads"
# Not documented; seen with strace, and counted again in every run (`syncs.py`).
_WORKERD = "fsync of each object's own WAL, on the thread that runs JavaScript"


def _uvicorn() -> Contender:
    return Contender(
        key=UVICORN,
        label="bare uvicorn",
        version=version("uvicorn"),
        durability=None,
        means="stores nothing",
        start=lambda _: uvicorn(),
    )


def _sourdough(engine: str, means: str) -> Contender:
    return Contender(
        key=engine,
        label=f"Sourdough, {engine}",
        version=version("sourdough-runtime"),
        durability="disk",
        means=means,
        start=lambda folder: sourdough(hosts=1, engine=engine, folder=folder),
    )


def _workerd(program: Path, told: str) -> Contender:
    return Contender(
        key=WORKERD,
        label="workerd",
        version=told,
        durability="disk",
        means=_WORKERD,
        start=functools.partial(workerd, program),
    )
