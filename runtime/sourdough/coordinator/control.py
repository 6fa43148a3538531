"""The language of the control socket: what commands ask a running server, and what it answers.

    message = length (4 bytes, big endian) + MessagePack of one tagged Struct

    client                        server
      Hello(protocol, version) ->
                               <- Hello, or Failed and the end where the protocols differ
      one request              ->
                               <- Ok or Failed, then the next request or the end

This module is pure: `control_server` and `control_client` move the bytes. Requests are small and
bounded; answers may be large (a page of a listing) but are bounded too.
"""

from __future__ import annotations

import msgspec

from sourdough.errors import SourdoughError, WireError

PROTOCOL = 1
LENGTH_BYTES = 4
# A reference holds a name of at most 1,024 bytes; anything longer is not a request of ours.
MAX_REQUEST_BYTES = 64 * 1024
# A page of a listing has at most 10,000 objects, an inspection at most its limit of keys.
MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_PAGE = 10_000


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The first message of each side."""

    protocol: int
    version: str
    """Of Sourdough; told to people, never compared."""


class Status(msgspec.Struct, frozen=True, tag="status"):
    """Answered by `sourdough.observe.status.Snapshot`."""


class List(msgspec.Struct, frozen=True, kw_only=True, tag="list"):
    """Answered by `sourdough.coordinator.listing.Listing`."""

    namespace: str | None = None
    """Binding, class or storage name; None for all."""
    after: str | None = None
    """The `next` of the page before."""
    limit: int = 1000


class Inspect(msgspec.Struct, frozen=True, kw_only=True, tag="inspect"):
    """Answered by `sourdough.coordinator.inspection.Inspection`."""

    reference: str
    """As a person writes it; see `sourdough.coordinator.reference`."""
    limit: int = 100
    """How many keys at most."""


class Remove(msgspec.Struct, frozen=True, kw_only=True, tag="remove"):
    """Answered by `sourdough.coordinator.inspection.Removed`."""

    reference: str


class RemoveClass(msgspec.Struct, frozen=True, kw_only=True, tag="remove_class"):
    """Answered by `sourdough.coordinator.inspection.RemovedClass`."""

    name: str
    """A class or a storage name."""
    confirmed: bool = False
    """Without it, nothing is deleted: the answer says what would be."""
    after: str | None = None
    """The `next` of the answer before, where there were too many for one."""


class Lift(msgspec.Struct, frozen=True, kw_only=True, tag="lift"):
    """End a quarantine. Answered by `sourdough.observe.status.QuarantinedStatus`, as it was."""

    reference: str
    """BINDING:name or a whole id."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True, tag="trigger"):
    """Run the entrypoint's `scheduled`. Answered by `sourdough.coordinator.inspection.Triggered`."""

    cron: str | None = None
    """One of `triggers.crons`; None for the only one."""
    time: float | None = None
    """What it is told of when it was due (Unix seconds); None for now."""


class WantedClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class that hosts are to run; `source` is its module's file, where that is known."""

    binding: str
    module: str
    class_name: str
    source: str | None = None


class Register(msgspec.Struct, frozen=True, tag="register"):
    """Have the hosts run these classes too. Answered by None when they do."""

    classes: tuple[WantedClass, ...]


class Attach(msgspec.Struct, frozen=True, kw_only=True, tag="attach"):
    """Use the hosts of this server from another process. Answered by None; from then on the
    connection carries `wire.messages`, as that of any child does.
    """

    pid: int
    classes: tuple[WantedClass, ...]


class Run(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """Call a method of an object, or send it a request. Answered by `inspection.Ran`."""

    reference: str
    """BINDING:name, BINDING:id or an id; the object need not exist yet."""
    method: str
    body: bytes = b""
    target: str | None = None
    """The path of a request; None for a call, whose `body` is its arguments, encoded."""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 30.0


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Drain and end. Answered by None as soon as draining has begun."""


class Advance(msgspec.Struct, frozen=True, kw_only=True, tag="advance"):
    """In test mode: move the clocks of all processes ahead. Answered by `Moved`."""

    seconds: float


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What the time is now."""

    now: float
    """Seconds since the Unix epoch."""
    ahead: float
    """How many seconds the clock is ahead of the machine's."""
    running: int
    """How many runs of alarms have not ended."""


Request = (
    Status
    | List
    | Inspect
    | Remove
    | RemoveClass
    | Lift
    | Trigger
    | Run
    | Stop
    | Advance
    | Register
    | Attach
)


class Ok(msgspec.Struct, frozen=True, tag="ok"):
    """The answer, encoded; its type follows from the request."""

    payload: msgspec.Raw

    @classmethod
    def of(cls, value: object) -> Ok:
        return cls(msgspec.Raw(_encoder.encode(value)))


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Why there is no answer, as a SourdoughError says it."""

    message: str
    hint: str | None = None
    code: int = 1
    """The exit code of the command that asked."""

    @classmethod
    def of(cls, error: SourdoughError) -> Failed:
        return cls(message=error.message, hint=error.hint, code=error.exit_code)


Reply = Ok | Failed

_encoder = msgspec.msgpack.Encoder()
_from_client: msgspec.msgpack.Decoder[Hello | Request] = msgspec.msgpack.Decoder(Hello | Request)
_from_server: msgspec.msgpack.Decoder[Hello | Reply] = msgspec.msgpack.Decoder(Hello | Reply)


class ControlError(SourdoughError):
    """The server answered a command with a failure; its sentence, hint and exit code."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message, hint=failed.hint)
        self.exit_code = failed.code


def encode(message: Hello | Request | Reply) -> bytes:
    """Return a message as it goes over the socket."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def body_length(prefix: bytes, limit: int) -> int:
    """Read the length in front of a message. Raises WireError for one above the limit."""
    length = int.from_bytes(prefix, "big")
    if length > limit:
        raise WireError(f"a control message of {length} bytes is longer than {limit}")
    return length


def decode_from_client(body: bytes) -> Hello | Request:
    """Read what a client sent. Raises WireError for anything else."""
    try:
        return _from_client.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WireError(f"not a control request: {error}") from error


def decode_from_server(body: bytes) -> Hello | Reply:
    """Read what a server sent. Raises WireError for anything else."""
    try:
        return _from_server.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WireError(f"not a control reply: {error}") from error


def refuse_protocol(theirs: Hello, ours: Hello) -> Failed | None:
    """Return the sentence for a peer that speaks another protocol; None when it speaks ours."""
    if theirs.protocol == ours.protocol:
        return None
    return Failed(
        message=f"This command is of Sourdough {theirs.version}, the server of {ours.version}; "
        "they do not understand each other.",
        hint="Use the command of the server's version, or restart the server.",
    )
