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

from msgspec import Meta, Struct, field

if TYPE_CHECKING:
    from pathlib import Path

# (?!\n) because Python's "$" also matches in front of a final newline; harmless in JSON schema.
_IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)"
_APPLICATION = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$(?!\n)"

# A day: longer waits are mistakes (milliseconds taken for seconds), and no timer needs them.
_LONGEST = 86_400
# More of anything than fits into memory; keeps every number within 64 bits.
_MOST = 1_000_000_000

Durability = Literal["disk", "os", "memory"]
"""How far a commit must get before the answer leaves: synced, in the kernel, or in memory."""


class ClassRef(NamedTuple):
    """A Durable Object class by the dotted name of its module and its own name."""

    module: str
    class_name: str


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that accepts its fields and nothing else."""


class Binding(_Table, frozen=True, kw_only=True):
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

    @property
    def class_ref(self) -> ClassRef:
        return ClassRef(self.module, self.class_name)


class DurableObjects(_Table, frozen=True, kw_only=True):
    """The Durable Object classes of the application."""

    bindings: Annotated[
        tuple[Binding, ...], Meta(description="One table for each class: its name in env.")
    ] = ()


class Route(_Table, frozen=True, kw_only=True):
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


class Storage(_Table, frozen=True, kw_only=True):
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


class Server(_Table, frozen=True, kw_only=True):
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
            description="Seconds that running requests get to end before a stop or a reload.",
            ge=0,
            le=_LONGEST,
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
            description="Seconds that running requests get to end before a stop or a reload.",
            ge=0,
            le=_LONGEST,
        ),
    ] = 5.0


class Limits(_Table, frozen=True, kw_only=True):
    """What clients and objects may use. Beyond a limit is a clear answer, never a slow death."""

    header_bytes: Annotated[
        int, Meta(description="The head of a request; more is 431.", ge=256, le=1 << 19)
    ] = 32_768
    url_bytes: Annotated[
        int, Meta(description="The URL of a request; more is 414.", ge=16, le=65_535)
    ] = 16_384
    headers: Annotated[
        int, Meta(description="Header lines of a request; more is 431.", ge=1, le=10_000)
    ] = 128
    body_bytes: Annotated[
        int,
        Meta(description="The body of a request; more is 413. 0 is no limit.", ge=0, le=1 << 50),
    ] = 104_857_600
    header_timeout: Annotated[
        float,
        Meta(description="Seconds for the head to arrive, then 408.", gt=0, le=_LONGEST),
    ] = 10.0
    idle_timeout: Annotated[
        float,
        Meta(
            description="Seconds an idle connection is kept open between requests.",
            gt=0,
            le=_LONGEST,
        ),
    ] = 75.0
    body_timeout: Annotated[
        float,
        Meta(description="Seconds without progress of a body, then 408.", gt=0, le=_LONGEST),
    ] = 30.0
    request_timeout: Annotated[
        float,
        Meta(
            description="Seconds until the head of the response, then 504. 0 is no limit.",
            ge=0,
            le=_LONGEST,
        ),
    ] = 120.0
    park_timeout: Annotated[
        float,
        Meta(
            description="Seconds that a request waits for a host that is being replaced.",
            ge=0,
            le=_LONGEST,
        ),
    ] = 35.0
    parked_requests: Annotated[
        int,
        Meta(description="Requests of one gateway that may wait so; more is 503.", ge=0, le=_MOST),
    ] = 10_000
    object_queue: Annotated[
        int, Meta(description="Events that may wait for one object; more is 503.", ge=1, le=_MOST)
    ] = 1_000
    host_events: Annotated[
        int, Meta(description="Events in flight in one host; more is 503.", ge=1, le=_MOST)
    ] = 20_000
    resident_objects: Annotated[
        int,
        Meta(
            description="Objects that one host keeps in memory; the idle ones beyond are evicted.",
            ge=1,
            le=_MOST,
        ),
    ] = 10_000
    ready_timeout: Annotated[
        float,
        Meta(description="Seconds for a host to import its modules.", gt=0, le=_LONGEST),
    ] = 30.0
    hang_timeout: Annotated[
        float,
        Meta(
            description="Seconds that a host may not answer before it is killed; longer than "
            "heartbeat.",
            gt=0,
            le=_LONGEST,
        ),
    ] = 30.0
    heartbeat: Annotated[
        float,
        Meta(description="Seconds between two signs of life of a process.", ge=0.01, le=60),
    ] = 1.0
    connections: Annotated[
        int, Meta(description="Client connections of one gateway; more wait.", ge=1, le=_MOST)
    ] = 20_000


_RouteItem = Annotated[
    Route,
    Meta(extra_json_schema={"oneOf": [{"required": ["id"]}, {"required": ["id_hex"]}]}),
]


class Config(_Table, frozen=True, kw_only=True):
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
            "takes.",
            examples=["app.py"],
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
    vars: Annotated[dict[str, Any], Meta(description="Values of any type, as they are in env.")] = (
        field(default_factory=dict)
    )
    storage: Storage = Storage()
    dev: DevServer = DevServer()
    serve: Server = Server()
    limits: Limits = Limits()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self.durable_objects.bindings

    @property
    def classes(self) -> tuple[ClassRef, ...]:
        """The classes to host, each once, in the order of their bindings."""
        return tuple(dict.fromkeys(binding.class_ref for binding in self.bindings))

    @property
    def modules(self) -> tuple[str, ...]:
        """The dotted names of the user's modules, each once; the entrypoint last."""
        found = dict.fromkeys(reference.module for reference in self.classes)
        if self.main is not None:
            found[self.main] = None
        return tuple(found)

    def durability_of(self, reference: ClassRef) -> Durability:
        """Return how durable the writes of a class's objects are."""
        for binding in self.bindings:
            if binding.class_ref == reference and binding.durability is not None:
                return binding.durability
        return self.storage.durability


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A configuration and where it belongs.

    root is the absolute folder that modules and storage are relative to; file is the configuration
    file, None where the configuration was made from command-line options.
    """

    config: Config
    root: Path
    file: Path | None = None

    @property
    def storage_path(self) -> Path:
        return self.root / self.config.storage.path
