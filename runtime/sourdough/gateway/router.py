"""From a request's target to the object it is for. A look-up in a cache on the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.config.routes import BadRoute, NoRoute, RouteTable
from sourdough.gateway.edge import Exchange, Failure
from sourdough.http import Headers
from sourdough.ids import IdFactory
from sourdough.wire.heads import SECURE, Kind, RequestHead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sourdough.config.model import Config

# Paths remembered; a full cache is emptied, which costs 2 us for each path that comes again.
_CACHED_PATHS = 65_536


class Destination:
    """Where a request goes: an object (`key`), or the entrypoint (no key)."""

    __slots__ = ("class_name", "key", "name")

    def __init__(self, key: bytes, name: bytes | None, class_name: str | None) -> None:
        self.key = key
        self.name = name
        self.class_name = class_name

    @property
    def label(self) -> str | None:
        """The object's name, or the first digits of its id."""
        if not self.key:
            return None
        return self.key[-32:].hex()[:12] if self.name is None else self.name.decode()


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

    def route(self, exchange: Exchange) -> RequestHead | Failure:
        """Return the head of the event that a request becomes, or why it becomes none."""
        path, _, query = exchange.target.partition(b"?")
        found = self._cache.get(path)
        if found is None:
            located = self.locate(path, query, lambda: exchange.headers)
            if isinstance(located, Failure):
                return located
            found = located
        return RequestHead(
            kind=Kind.FETCH if found.key else Kind.ENTRY,
            key=found.key,
            name=found.name,
            method=exchange.method,
            target=exchange.target,
            client=exchange.client.encode(),
            headers=exchange.headers,
            body=exchange.body if exchange.body_complete else b"",
            flags=SECURE if exchange.scheme == "https" else 0,
            number=exchange.number,
        )

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
            found = self._object(match.binding, match.name, match.hex_id)
        if match.cacheable and isinstance(found, Destination):
            if len(self._cache) >= _CACHED_PATHS:
                self._cache.clear()
            self._cache[path] = found
        return found

    def _no_route(self) -> Destination | Failure:
        if self._has_entrypoint:
            return _ENTRYPOINT
        return Failure(404, "no_route", "No route takes this path.", "sourdough.toml lists them.")

    def _object(self, binding: str, name: str | None, hex_id: str | None) -> Destination | Failure:
        class_name, storage_name = self._bindings[binding]
        ids = self._ids[storage_name]
        try:
            found = ids.from_string(hex_id or "") if name is None else ids.from_name(name)
        except (TypeError, ValueError) as error:
            return Failure(400, "bad_id", str(error))
        kept = None if found.name is None else found.name.encode()
        return Destination(storage_name.encode() + found.raw, kept, class_name)
