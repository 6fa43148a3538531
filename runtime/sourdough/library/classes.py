"""The classes that a program uses, and how hosts find them: by module, those of a script by file.

With `host_count=0` nothing is looked for: the objects are made of the very classes of the program.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.config.fault import ConfigFaults, Fault
from sourdough.config.load import binding_name
from sourdough.config.model import ClassRef
from sourdough.config.modulename import module_name, shadowed
from sourdough.coordinator.control import WantedClass
from sourdough.objects.durable_object import DurableObject

if TYPE_CHECKING:
    from collections.abc import Mapping

# A script whose file name cannot be the name of a module is called this in hosts.
_SCRIPT = "host_main"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClass:
    """A class of the program under its name in `env`."""

    binding: str
    type: type[DurableObject]
    ref: ClassRef
    source: str | None

    @property
    def wanted(self) -> WantedClass:
        """How hosts are told of it."""
        module, class_name = self.ref
        return WantedClass(
            binding=self.binding, module=module, class_name=class_name, source=self.source
        )


class ClassBook:
    """All classes that a coordinator knows; one that is in use stays."""

    def __init__(
        self, durable_objects: Mapping[str, type[DurableObject]], *, what: str, in_place: bool
    ) -> None:
        """what: the call whose arguments they are, for faults. in_place: hosts import nothing.

        Raises TypeError for what is no class of objects, ConfigFaults for one that hosts cannot
        import.
        """
        self._what = what
        self._in_place = in_place
        self._known: dict[str, KnownClass] = {}
        for binding, cls in durable_objects.items():
            self._add(binding, cls)

    def __len__(self) -> int:
        return len(self._known)

    @property
    def wanted(self) -> tuple[WantedClass, ...]:
        """How hosts are told of all of them."""
        return tuple(each.wanted for each in self._known.values())

    def type_of(self, ref: ClassRef) -> type[DurableObject]:
        """Return the class of the program; it is one that was added."""
        return next(each.type for each in self._known.values() if each.ref == ref)

    def add(self, cls: type[DurableObject]) -> KnownClass:
        """Return a class of the book, added under its usual name if it is new; raises as `__init__`."""
        for each in self._known.values():
            if each.type is cls:
                return each
        _require_class(cls)
        return self._add(binding_name(cls.__name__), cls)

    def forget(self, known: KnownClass) -> None:
        """Take a class out that turned out not to fit; nobody has used it."""
        del self._known[known.binding]

    def _add(self, binding: str, cls: type[DurableObject]) -> KnownClass:
        _require_class(cls)
        module, source = (cls.__module__, None) if self._in_place else self._locate(cls)
        ref = ClassRef(module, cls.__name__)
        for other in self._known.values():
            if other.type is not cls and (
                other.binding == binding or other.ref.class_name == ref.class_name
            ):
                shown = f"{other.type.__module__}.{other.type.__qualname__}"
                raise self._fault(
                    cls,
                    f"another class of this name is known: {shown}",
                    "give one of them another name",
                )
        known = KnownClass(binding=binding, type=cls, ref=ref, source=source)
        self._known[binding] = known
        return known

    def _locate(self, cls: type[DurableObject]) -> tuple[str, str | None]:
        if "." in cls.__qualname__:
            raise self._fault(
                cls,
                f"{cls.__qualname__} is defined inside of something else, where hosts cannot "
                "import it",
                "define it at the top of a module, or use host_count=0",
            )
        module = sys.modules.get(cls.__module__)
        file = getattr(module, "__file__", None)
        if cls.__module__ != "__main__":
            return cls.__module__, None if file is None else str(Path(file).resolve())
        spec = getattr(module, "__spec__", None)
        if spec is not None:  # python -m package
            return spec.name, None
        if file is None or not Path(file).is_file():
            raise self._fault(
                cls,
                f"{cls.__name__} is defined in no file, so hosts cannot import it",
                "put it into a module, or use host_count=0",
            )
        return _script_name(Path(file).stem), str(Path(file).resolve())

    def _fault(self, cls: type[DurableObject], message: str, hint: str) -> ConfigFaults:
        fault = Fault(file=self._what, line=None, field=cls.__name__, message=message, hint=hint)
        return ConfigFaults(self._what, [fault])


def _require_class(cls: object) -> None:
    if not isinstance(cls, type) or not issubclass(cls, DurableObject):
        raise TypeError(f"expected a class that derives from DurableObject, got {cls!r}")


def _script_name(stem: str) -> str:
    usable = module_name(stem) is not None and shadowed(stem) is None
    return stem if usable and stem not in sys.modules else _SCRIPT
