"""What stands for an argument that was not given, where None is a value."""

from __future__ import annotations


class _Missing:
    def __repr__(self) -> str:
        return "..."


MISSING = _Missing()
