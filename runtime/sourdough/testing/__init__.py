"""What tests of applications and of Sourdough itself stand on."""

from __future__ import annotations

from sourdough.testing.clock import FakeClock

__all__ = ["FakeClock"]
