"""A client that keeps its connection, and clients that load a server and keep account."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One keep-alive connection. A broken one raises; the next request opens another."""

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=timeout
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: bytes = b"") -> Answer:
        return self.request("POST", path, body)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request; raises OSError or HTTPException when no whole answer comes."""
        try:
            self._connection.request(method, path, body or None, headers or {})
            response = self._connection.getresponse()
            return Answer(status=response.status, headers=response.headers, body=response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise


@dataclass(slots=True)
class Account:
    """What clients were told about one counter."""

    acknowledged: int = 0
    unknown: int = 0
    """Sent, and answered by 503 or by a broken connection: it may or may not have run."""


@dataclass(slots=True)
class Load:
    """Threads that send requests until they are stopped, and what came of it."""

    url: str
    step: Callable[[Client, int], None]
    """(client, number of the thread): one request; what it raises is a failure."""
    threads: int
    requests: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._running = [
            threading.Thread(target=self._run, args=(number,)) for number in range(self.threads)
        ]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._running)

    def _run(self, number: int) -> None:
        with Client(self.url) as client:
            while not self._stop.is_set():
                try:
                    self.step(client, number)
                except ConnectionRefusedError:
                    with self._lock:
                        self.refused += 1
                except Exception as error:  # noqa: BLE001 (every kind is counted)
                    with self._lock:
                        self.failures.append(f"{type(error).__name__}: {error}")
                with self._lock:
                    self.requests += 1

    def kinds(self) -> str:
        """Return the failures by kind, for a report."""
        return ", ".join(f"{count} x {what}" for what, count in self._kinds())

    def _kinds(self) -> Iterator[tuple[str, int]]:
        yield from Counter(self.failures).most_common(5)
