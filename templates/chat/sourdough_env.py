# Written by `sourdough types`. Do not edit: run it again when a method or a binding changes.
"""The types of `env`, for code that says `DurableObject[Env]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import chat as _chat
    import sourdough as _sourdough
    import typing as _typing

    class RoomStub:
        """Reaches one object of chat.Room."""

        id: _sourdough.ObjectId
        name: str | None

        def with_timeout(self, seconds: float) -> RoomStub: ...

        async def fetch(
            self,
            request: _sourdough.Request | str,
            *,
            method: str = "GET",
            headers: _sourdough.Headers | _typing.Mapping[str, str] | None = None,
            body: _typing.Any = None,
        ) -> _sourdough.Response: ...

        async def history(self) -> list[_chat.Message]: ...

        async def people(self) -> list[str]: ...

    class RoomNamespace(_sourdough.DurableObjectNamespace[_chat.Room]):
        def get(self, object_id: _sourdough.ObjectId) -> RoomStub: ...  # type: ignore[override]
        def get_by_name(self, name: str) -> RoomStub: ...  # type: ignore[override]

    class Env:
        """What sourdough.toml puts into `env`."""

        ROOM: RoomNamespace

else:
    from sourdough import Env

__all__ = ["Env"]
