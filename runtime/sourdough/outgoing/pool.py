"""The connections of this process to other servers: one pool for each event loop.

The libraries are imported and the TLS context made at the first request, in a thread: both take
some 60 ms, which projects without outgoing requests never pay and which must not stop the loop.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sourdough.outgoing import timeouts

if TYPE_CHECKING:
    from httpx2 import AsyncClient

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Future[AsyncClient]] = (
    WeakKeyDictionary()
)
_holders: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


async def client() -> AsyncClient:
    """Return the pool of the running loop, made at the first call."""
    loop = asyncio.get_running_loop()
    made = _clients.get(loop)
    if made is None:
        # In a context of its own: it belongs to no object, whichever needs it first.
        made = _clients[loop] = Context().run(loop.run_in_executor, None, _make)
    # Shielded: who gives up must not take it from the others.
    return await asyncio.shield(made)


def hold() -> None:
    """A host uses the pool of the running loop; in one process there may be two, in a reload."""
    loop = asyncio.get_running_loop()
    _holders[loop] = _holders.get(loop, 0) + 1


async def let_go() -> None:
    """A host has ended; the last one closes the connections."""
    loop = asyncio.get_running_loop()
    _holders[loop] = left = _holders.get(loop, 0) - 1
    if left <= 0:
        _holders.pop(loop)
        await close()


async def close() -> None:
    """Close the connections of the running loop; the next request makes a new pool."""
    made = _clients.pop(asyncio.get_running_loop(), None)
    if made is not None:
        await (await made).aclose()


def _make() -> AsyncClient:
    from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415 (see above)

    from httpx2 import AsyncClient, Limits  # noqa: PLC0415 (see above)

    return AsyncClient(
        headers={"user-agent": "sourdough"},
        # The pool is everybody's: what a server gives to one object is not another's to send.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        limits=Limits(
            max_connections=timeouts.CONNECTIONS,
            max_keepalive_connections=timeouts.KEPT_CONNECTIONS,
            keepalive_expiry=timeouts.KEEP_SECONDS,
        ),
        max_redirects=timeouts.REDIRECTS,
    )
