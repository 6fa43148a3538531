"""From a request's target to the object it is for. A look-up in a cache on the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.config.routes import BadRoute, NoRoute, RouteMatch, RouteTable
from sourdough.gateway.edge import Exchange, Failure
from sourdough.http import Headers
from sourdough.ids import IdFactory
from sourdough.placement import slot_of_key
from sourdough.transport.outgoing import ENTRY
from sourdough.wire.heads import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sourdough.config.model import Config

# Paths remembered; a full cache is emptied, which costs 2 us for each path that comes again.
_CACHED_PATHS = 65_536


class Destination:
    """Where a request goes: an object, or the entrypoint (no key)."""

    __slots__ = ("class_name", "key", "kind", "mount", "name", "slot")

    def __init__(
        self, key: bytes, name: bytes | None, class_name: str | None, mount: int = 0
    ) -> None:
        self.mount = mount
        """Bytes of the target that the route's pattern took before its final `/*`."""
        self.key = key
        self.name = name
        self.class_name = class_name
        self.kind = Kind.FETCH if key else Kind.ENTRY
        self.slot = slot_of_key(key) if key else ENTRY

    @property
    def label(self) -> str | None:
        """The object's name, or the first digits of its id."""
        key, name = self.key, self.name
        if not key:
            return None
        return key[-32:].hex()[:12] if name is None else name.decode()


_ENTRYPOINT = Destination(b"", None, None)


class Router:
    """The routes of the configuration, applied."""

    def __init__(
        self, config: Config, *, application: str, storage_names: Mapping[str, str]
    ) -> None:
        self._table = RouteTable(config.routes)
        self._has_entrypoint = config.main is not None
        self._cache: dict[bytes, Destination] = {}
        self._bindings = {
            binding.name: (binding.class_name, storage_names[binding.class_name])
            for binding in config.bindings
        }
        self._ids = {
            storage_name: IdFactory(application, storage_name)
            for _, storage_name in self._bindings.values()
        }

    def route(self, exchange: Exchange) -> Destination | Failure:
        """Return where a request goes, or why it goes nowhere."""
        path, _, query = exchange.target.partition(b"?")
        found = self._cache.get(path)
        if found is not None:
            return found
        return self.locate(path, query, lambda: exchange.headers)

    def locate(
        self, path: bytes, query: bytes, headers: Callable[[], bytes]
    ) -> Destination | Failure:
        """Find the destination of a path, by the routes."""

        def header(name: str) -> str | None:
            return Headers.from_block(headers()).get(name)

        match = self._table.match(path.decode("latin-1"), query.decode("latin-1"), header)
        if isinstance(match, BadRoute):
            return Failure(400, "bad_route", match.message)
        if isinstance(match, NoRoute):
            found = self._no_route()
        else:
            found = self._object(match, mount_length(path, match.mount))
        if match.cacheable and isinstance(found, Destination):
            if len(self._cache) >= _CACHED_PATHS:
                self._cache.clear()
            self._cache[path] = found
        return found

    def _no_route(self) -> Destination | Failure:
        if self._has_entrypoint:
            return _ENTRYPOINT
        return Failure(404, "no_route", "No route takes this path.", "sourdough.toml lists them.")

    def _object(self, match: RouteMatch, mount: int) -> Destination | Failure:
        class_name, storage_name = self._bindings[match.binding]
        ids, name = self._ids[storage_name], match.name
        try:
            found = ids.from_string(match.hex_id or "") if name is None else ids.from_name(name)
        except (TypeError, ValueError) as error:
            return Failure(400, "bad_id", str(error))
        kept = None if found.name is None else found.name.encode()
        return Destination(storage_name.encode() + found.raw, kept, class_name, mount)


def mount_length(path: bytes, segments: int) -> int:
    """Return how many bytes the first `segments` segments of a path take, slashes included."""
    if not segments:
        return 0
    parts = path.split(b"/", segments + 1)[: segments + 1]
    return len(b"/".join(parts))
