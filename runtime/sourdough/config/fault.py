"""One fault of a configuration, and the error that carries all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong at one place.

    field is the path of a key ("routes[0].binding"), "" where no key is concerned. message says
    what was expected; hint what to do, mostly the nearest known name. line and column count from 1
    and are None where the configuration is not a file.
    """

    file: str
    line: int | None
    field: str
    message: str
    hint: str | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """The place as editors and terminals understand it: file:line or file:line:column."""
        numbers = (number for number in (self.line, self.column) if number is not None)
        return ":".join((self.file, *map(str, numbers)))

    @property
    def text(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ConfigFaults(ConfigError):  # noqa: N818  it is the faults
    """Raised by `load` with every fault of a configuration at once, in the order of their lines."""

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__(
            "\n".join([self.title, *(f"  {_line(fault)}" for fault in self.faults)]),
            hint="Nothing was started. `sourdough schema` describes every key.",
        )

    @property
    def title(self) -> str:
        number = len(self.faults)
        return f"{self.file} has {number} {'fault' if number == 1 else 'faults'}"


def _line(fault: Fault) -> str:
    return "  ".join(part for part in (fault.place, fault.field, fault.text) if part)
