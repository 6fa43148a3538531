"""The closed model of `sourdough.toml`: the one place that knows its keys, types, bounds and defaults.

The parser, the JSON schema, the example file's test and the texts of `sourdough schema` all walk
these classes. Sizes are bytes and durations seconds, without exception. A field whose TOML key is
not its Python name (`hostCount`) is accepted under both.

`Config` is what a file says; `Project` is a Config together with the place it belongs to.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003  msgspec resolves the annotations of the model at run time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from msgspec import Meta, field

from sourdough.config.lifecycle import Export, Lifecycle, Migration
from sourdough.config.limits import Limits
from sourdough.config.modulename import split_entry
from sourdough.config.table import LONGEST, Table
from sourdough.config.triggers import Triggers
from sourdough.config.websockets import WebSockets

if TYPE_CHECKING:
    from pathlib import Path

# (?!\n) because Python's "$" also matches in front of a final newline; harmless in JSON schema.
_IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)"
_APPLICATION = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$(?!\n)"

Durability = Literal["disk", "os", "memory"]
"""How far a commit must get before the answer leaves: synced, in the kernel, or in memory."""

DurabilityEngine = Literal["journal", "wal"]

SocketsOnReset = Literal["close", "keep"]
"""What becomes of an object's WebSockets when its own failure resets it (semantics 7.17)."""


class ClassRef(NamedTuple):
    """A Durable Object class by the dotted name of its module and its own name."""

    module: str
    class_name: str


class Binding(Table, frozen=True, kw_only=True):
    """A Durable Object class under the name it has in `env`."""

    name: Annotated[
        str,
        Meta(
            description="The name in env: COUNTER is env.COUNTER.",
            pattern=_IDENTIFIER,
            examples=["COUNTER"],
        ),
    ]
    class_name: Annotated[
        str,
        Meta(
            description="The class, as written in its module.",
            pattern=_IDENTIFIER,
            examples=["Counter"],
        ),
    ]
    module: Annotated[
        str,
        Meta(
            description="Where the class is: a file beside this one, or a dotted module.",
            min_length=1,
            examples=["counter", "counter.py", "shop.cart"],
        ),
    ]
    durability: Annotated[
        Durability | None,
        Meta(description="Overrides storage.durability for the objects of this class."),
    ] = None
    sockets_on_reset: Annotated[
        SocketsOnReset | None,
        Meta(
            description="What becomes of an object's WebSockets when abort() or its own failure "
            "resets it: close, the default, ends them with code 1011; keep leaves them to the "
            "next instance."
        ),
    ] = None

    @property
    def class_ref(self) -> ClassRef:
        return ClassRef(self.module, self.class_name)


class DurableObjects(Table, frozen=True, kw_only=True):
    """The Durable Object classes of the application."""

    bindings: Annotated[
        tuple[Binding, ...], Meta(description="One table for each class: its name in env.")
    ] = ()


class Route(Table, frozen=True, kw_only=True):
    """Requests that go straight to an object; everything else goes to the entrypoint."""

    pattern: Annotated[
        str,
        Meta(
            description="The paths it takes: {x} is one segment, {x*} spans slashes, a final /* "
            "is nothing or anything. The most specific pattern wins.",
            pattern=r"^/",
            examples=["/counter/{name}/*"],
        ),
    ]
    binding: Annotated[
        str, Meta(description="The binding whose object gets the request.", pattern=_IDENTIFIER)
    ]
    id: Annotated[
        str | None,
        Meta(
            description="The object's name: a template of captures, ?parameter, header:name, or "
            "a constant.",
            examples=["{name}", "?room", "header:x-room", "main"],
        ),
    ] = None
    id_hex: Annotated[
        str | None,
        Meta(
            description="Instead of id: the same forms, yielding the 64 hex digits of an id.",
            examples=["{id}"],
        ),
    ] = None


class Storage(Table, frozen=True, kw_only=True):
    """Where the objects' databases are, and how durable a write is."""

    path: Annotated[
        str,
        Meta(description="The storage folder, relative to this file.", min_length=1),
    ] = ".sourdough"
    durability: Annotated[
        Durability,
        Meta(
            description="What an answer waits for: disk survives a power cut, os survives a "
            "crash of the process, memory survives neither."
        ),
    ] = "disk"
    durability_engine: Annotated[
        DurabilityEngine,
        Meta(
            description="How writes become durable: journal syncs one file for all objects of a "
            "host, wal each object's own. Changes with the next start."
        ),
    ] = "journal"


class Server(Table, frozen=True, kw_only=True):
    """How `sourdough serve` listens and stops."""

    host: Annotated[
        str,
        Meta(
            description="The address to listen on. 0.0.0.0 is every IPv4 address.",
            pattern=r"^[^\s/]+$(?!\n)",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(description="The port to listen on; 0 takes a free one.", ge=0, le=65_535)
    ] = 8787
    gateways: Annotated[int, Meta(description="Processes that share the port.", ge=1, le=64)] = 1
    standby: Annotated[
        bool, Meta(description="Keep one more host ready to replace another at once.")
    ] = True
    drain_timeout: Annotated[
        float,
        Meta(
            description="Seconds that running requests get to end before a stop or a reload; "
            "answers that stream, since they began.",
            ge=0,
            le=LONGEST,
        ),
    ] = 30.0
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses or networks whose X-Forwarded-* headers are believed.",
            examples=[["10.0.0.0/8", "::1"]],
        ),
    ] = ()


class DevServer(Server, frozen=True, kw_only=True):
    """How `sourdough dev` listens and stops."""

    standby: Annotated[
        bool, Meta(description="Keep one more host ready to replace another at once.")
    ] = False
    drain_timeout: Annotated[
        float,
        Meta(
            description="Seconds that running requests get to end before a stop or a reload; "
            "answers that stream, since they began.",
            ge=0,
            le=LONGEST,
        ),
    ] = 5.0


_RouteItem = Annotated[
    Route,
    Meta(extra_json_schema={"oneOf": [{"required": ["id"]}, {"required": ["id_hex"]}]}),
]


class Config(Table, frozen=True, kw_only=True):
    """The configuration of a Sourdough application."""

    name: Annotated[
        str,
        Meta(
            description="The application. Ids are derived from it: change it and every name "
            "leads to another object.",
            pattern=_APPLICATION,
            examples=["chat-app"],
        ),
    ]
    main: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="The entrypoint: a file or a dotted module that answers what no route "
            'takes, or "app:api" for the ASGI or WSGI app of this name in it.',
            examples=["app.py", "app:api"],
        ),
    ] = None
    host_count: Annotated[
        int,
        Meta(
            description="Processes that run your code; 0 runs everything in one process.",
            ge=0,
            le=1024,
        ),
    ] = field(default=2, name="hostCount")
    compatibility_date: Annotated[
        dt.date | None,
        Meta(
            description="The date whose behaviour is wanted. Checked, but without effect so far.",
            examples=["2026-01-01"],
        ),
    ] = None
    durable_objects: DurableObjects = DurableObjects()
    routes: Annotated[
        tuple[_RouteItem, ...],
        Meta(description="One table for each route; their order does not matter."),
    ] = ()
    migrations: Annotated[
        tuple[Migration, ...],
        Meta(description="What became of the classes, step by step; a new class needs none."),
    ] = ()
    exports: Annotated[
        dict[str, Export],
        Meta(description="The same as a state: one table for each class, by its name."),
    ] = field(default_factory=dict)
    vars: Annotated[dict[str, Any], Meta(description="Values of any type, as they are in env.")] = (
        field(default_factory=dict)
    )
    triggers: Triggers = Triggers()
    storage: Storage = Storage()
    dev: DevServer = DevServer()
    serve: Server = Server()
    limits: Limits = Limits()
    websockets: WebSockets = WebSockets()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self.durable_objects.bindings

    @property
    def classes(self) -> tuple[ClassRef, ...]:
        """The classes to host, each once, in the order of their bindings."""
        return tuple(dict.fromkeys(binding.class_ref for binding in self.bindings))

    @property
    def lifecycle(self) -> Lifecycle:
        """What became of the classes, for the storage folder."""
        return Lifecycle(migrations=self.migrations, exports=self.exports)

    @property
    def modules(self) -> tuple[str, ...]:
        """The dotted names of the user's modules, each once; the entrypoint last."""
        found = dict.fromkeys(reference.module for reference in self.classes)
        if self.main is not None:
            found[split_entry(self.main)[0]] = None
        return tuple(found)

    def durability_of(self, reference: ClassRef) -> Durability:
        """Return how durable the writes of a class's objects are."""
        for binding in self.bindings:
            if binding.class_ref == reference and binding.durability is not None:
                return binding.durability
        return self.storage.durability

    def sockets_on_reset_of(self, reference: ClassRef) -> SocketsOnReset:
        """Return what becomes of the WebSockets of a class's objects that are reset."""
        for binding in self.bindings:
            if binding.class_ref == reference and binding.sockets_on_reset is not None:
                return binding.sockets_on_reset
        return "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A configuration and where it belongs.

    root is the absolute folder that modules and storage are relative to; file is the configuration
    file, None where the configuration was made of options: origin says whose. path is where modules
    are looked for besides; sources are the files of modules that may not be found there.
    """

    config: Config
    root: Path
    file: Path | None = None
    path: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    origin: str = "the command line"

    @property
    def storage_path(self) -> Path:
        return self.root / self.config.storage.path
