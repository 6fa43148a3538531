"""One append-only file per host that makes the commits of all its objects durable together."""

from __future__ import annotations
