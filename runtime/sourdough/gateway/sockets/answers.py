"""What objects have set for all their sockets, and the texts that the gateway answers by itself."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from sourdough.gateway.sockets.frames import message_frame

if TYPE_CHECKING:
    from sourdough.wire.sockets import Settings

# Hosts tell the settings of an object just before its first socket.
_WITHOUT_SOCKETS = 256


class AutoAnswer:
    """A text that is answered without the object, and the answer (semantics 7.6)."""

    __slots__ = ("data", "frame", "request")

    def __init__(self, request: str, response: str) -> None:
        self.request = request.encode()
        self.data = response.encode()
        self.frame = message_frame(self.data, True)


class ObjectSettings:
    """The settings of objects, by key."""

    def __init__(self) -> None:
        self._settings: dict[bytes, Settings] = {}
        self._early: OrderedDict[bytes, Settings] = OrderedDict()
        self._answers: dict[bytes, AutoAnswer] = {}

    def of(self, key: bytes) -> Settings | None:
        """Return what an object has set."""
        return self._settings.get(key)

    def answer(self, key: bytes) -> AutoAnswer | None:
        """Return what is answered for an object."""
        return self._answers.get(key)

    def put(self, settings: Settings, *, has_sockets: bool) -> None:
        """Take what an object sets. Without sockets here it is kept for a short while only."""
        key = settings.key
        if not has_sockets:
            self._early[key] = settings
            self._early.move_to_end(key)
            if len(self._early) > _WITHOUT_SOCKETS:
                self._early.popitem(last=False)
            return
        self._settings[key] = settings
        if settings.request is None or settings.response is None:
            self._answers.pop(key, None)
        else:
            self._answers[key] = AutoAnswer(settings.request, settings.response)

    def socket_bound(self, key: bytes) -> Settings | None:
        """An object has its first socket here; return what it has set just before, if anything."""
        settings = self._early.pop(key, None)
        if settings is not None:
            self.put(settings, has_sockets=True)
        return settings

    def forget(self, key: bytes) -> None:
        """The last socket of an object is gone."""
        self._settings.pop(key, None)
        self._answers.pop(key, None)
