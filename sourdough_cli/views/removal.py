"""What `sourdough rm` says before and after. Pure: inspection -> text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sourdough_cli.views.escape import escape
from sourdough_cli.views.numbers import counted, size
from sourdough_cli.views.palette import BROKEN

if TYPE_CHECKING:
    from sourdough.coordinator.inspection import Inspection, Removed
