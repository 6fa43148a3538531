"""HTTP to the world outside, on behalf of objects and of the entrypoint."""

from __future__ import annotations
