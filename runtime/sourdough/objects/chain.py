"""The calls that led here, of which one waits in a critical section: how deadlocks are told.

An object in a critical section (the constructor, `block_concurrency_while`, a transaction) lets no
event in. If the section awaits a call, and what is called comes back to that object, neither can
ever go on. So a call that a section makes says so, and so do the calls that are made to answer it,
as long as each is awaited by the very task that answers: only then is it sure that the section
waits for the last. Calls of other tasks (of `gather`, for example) carry nothing on; if they lock
up, the section's own limit of 30 s ends it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from sourdough.errors import DeadlockError
from sourdough.objects.gates import current_section
from sourdough.wire.heads import MAX_CHAIN_BYTES

if TYPE_CHECKING:
    from sourdough.objects.container import Container
    from sourdough.objects.event import Event


class Hop(msgspec.Struct, frozen=True, array_like=True):
    """An object that waits for a call it has made."""

    key: bytes
    what: str
    """What it does, in words for people: "Room:a join()"."""


Chain = tuple[Hop, ...]
"""From the object that waits in a critical section on; never empty."""

_decoder = msgspec.msgpack.Decoder(Chain)


def chain_of_call(event: Event | None) -> Chain | None:
    """Return what a call that is made now carries; None for nearly all of them."""
    section = current_section.get()
    if section is None and (event is None or event.chain is None):
        return None
    container = None if event is None else event.container
    if event is None or container is None:
        return None
    task = asyncio.current_task()
    hop = Hop(container.key, f"{container.label} {event.what}")
    if section is not None and not section.ended:
        parent = section.parent
        awaits = parent is not None and parent.children is not None and task in parent.children
        return (hop,) if awaits else None
    if event.chain is None or container.events.get(event, event) not in (task, None):
        return None  # None: an eager task, which is not known yet while it runs for the first time
    return (*event.chain, hop)


def deadlock(event: Event, container: Container) -> DeadlockError | None:
    """Return the error of an event that can never enter, None for any other."""
    if event.chain is None or container.gate.open:
        return None
    for number, hop in enumerate(event.chain):
        if hop.key == container.key:
            way = [each.what for each in event.chain[number:]]
            way.append(f"{container.label} {event.what}")
            return DeadlockError(
                f"Deadlock: {' -> '.join(way)}. {container.label} waits for this call in a "
                "critical section, and lets nothing in before the section has ended."
            )
    return None


def lead(event: Event, chain: Chain | None, container: Container | None) -> None:
    """Tell an event which calls led to it. Raises DeadlockError for one that can never enter.

    container: of the object that it is for, where that is in memory.
    """
    event.chain = chain
    found = None if container is None else deadlock(event, container)
    if found is not None:
        raise found


def pack(chain: Chain | None) -> bytes:
    """Return the form in which a chain travels; nothing for none, or for one too long to travel."""
    if chain is None:
        return b""
    packed = msgspec.msgpack.encode(chain)
    return packed if len(packed) <= MAX_CHAIN_BYTES else b""


def unpack(packed: bytes) -> Chain | None:
    """Return a chain that came with a call."""
    return _decoder.decode(packed) if packed else None
