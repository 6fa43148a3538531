"""A class without any handler."""

from __future__ import annotations

from sourdough import DurableObject


class Silent(DurableObject):
    pass
