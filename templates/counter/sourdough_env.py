# Written by `sourdough types`. Do not edit: run it again when a method or a binding changes.
"""The types of `env`, for code that says `DurableObject[Env]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import counter as _counter
    import sourdough as _sourdough
    import typing as _typing

    class CounterStub:
        """Reaches one object of counter.Counter."""

        id: _sourdough.ObjectId
        name: str | None

        def with_timeout(self, seconds: float) -> CounterStub: ...

        async def fetch(
            self,
            request: _sourdough.Request | str,
            *,
            method: str = "GET",
            headers: _sourdough.Headers | _typing.Mapping[str, str] | None = None,
            body: _typing.Any = None,
        ) -> _sourdough.Response: ...

        async def value(self) -> int: ...

        async def increment(self, by: int=1) -> int: ...

    class CounterNamespace(_sourdough.DurableObjectNamespace[_counter.Counter]):
        def get(self, object_id: _sourdough.ObjectId) -> CounterStub: ...  # type: ignore[override]
        def get_by_name(self, name: str) -> CounterStub: ...  # type: ignore[override]

    class Env:
        """What sourdough.toml puts into `env`."""

        COUNTER: CounterNamespace

else:
    from sourdough import Env

__all__ = ["Env"]
