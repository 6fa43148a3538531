"""What a server says about itself when it starts."""

from __future__ import annotations

import msgspec


class RouteLine(msgspec.Struct, frozen=True, kw_only=True):
    """One way in: what a pattern of paths leads to."""

    binding: str
    pattern: str
    target: str
    """"counter.Counter": module and class."""


class Banner(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the first lines of `sourdough dev`; nothing in it changes while it runs."""

    version: str
    name: str
    mode: str
    """"dev", "serve" or "library"."""
    python: str
    url: str
    routes: tuple[RouteLine, ...]
    entrypoint: str | None = None
    """"worker.Main" where the application has one; it gets what no route takes."""
    storage: str
    durability: str
    """"disk", "os" or "memory"."""
    sync_seconds: float | None
    """What one sync of this disk takes; None where nothing is synced."""
    watched_files: int | None
    """How many files are watched for changes; None when none are."""
    memory: bool = False
    """Whether the storage folder is a temporary one that is deleted at the end."""
    config_file: str | None = None
    """The file the configuration came from; None when the command line named the class."""
