"""A running server with the conformance project, and objects in it that cases talk to."""

from __future__ import annotations

import json
import shutil
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.steps import Step, outcome
from tests.system.client import Answer, Client
from tests.system.server import RunningServer, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROJECT = Path(__file__).parent / "project"


@contextmanager
def running_world(folder: Path, command: str, *, hosts: str) -> Iterator[World]:
    """Run the project in a folder until the end of the block. command: "serve" or "dev"."""
    project = shutil.copytree(PROJECT, folder / "project")
    with RunningServer(project, command, "--hosts", hosts, ahead=0) as server:
        world = World(server)
        yield world
        world.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a caller saw of an exception."""

    type: str
    text: str
    remote: bool
    retryable: bool
    overloaded: bool
    durable_object_reset: bool


class CallFailedError(AssertionError):
    """A call raised where the case expected a result."""


class World:
    """Objects by binding and name; names are fresh, so that cases do not meet."""

    def __init__(self, server: RunningServer) -> None:
        self.server = self._server = server
        self._client = Client(server.url)
        self._others: list[Client] = []
        self._calls = ThreadPoolExecutor(4)
        self._fresh = 0
        self._mark = uuid.uuid4().hex[:8]

    def close(self) -> None:
        for client in [self._client, *self._others]:
            client.__exit__()
        self._calls.shutdown()

    def reconnect(self) -> None:
        """Open a new connection with the next call: who held the old one has died."""
        self._client.__exit__()

    def name(self, prefix: str = "case") -> str:
        """Return a name that no other case has."""
        self._fresh += 1
        return f"{prefix}-{self._mark}-{self._fresh}"

    def new(self, binding: str, prefix: str = "case") -> Thing:
        """Return an object that nobody has called yet."""
        return Thing(self, binding, self.name(prefix))

    # --- time

    def advance(self, seconds: float = 0.0) -> int:
        """Move the clocks of all processes; return the time in ms.

        What became due has happened then; runs of alarms have ended, but for those that wait.
        """
        self._client.__exit__()  # for the server, it was idle for as long
        return int(self._server.advance(seconds).now * 1000)

    def until(self, condition: Callable[[], Any], wanted: Any) -> None:
        """Return when a condition gives what is wanted; fails in time."""
        wait_until(lambda: condition() == wanted, 10)
        assert condition() == wanted

    def begin(self, thing: Thing, method: str, *arguments: Any) -> Future[dict[str, Any]]:
        """Call a method that takes a while, on a connection of its own; see `result`, `failure`."""
        client = Client(self._server.url)
        self._others.append(client)
        wanted = {"binding": thing.binding, "name": thing.name, "method": method,
                  "arguments": arguments, "named": {}}  # fmt: skip
        body = json.dumps(wanted).encode()
        return self._calls.submit(lambda: client.post("/call", body).json())

    def begin_run(self, scenario: str, *arguments: Any) -> Future[dict[str, Any]]:
        """Run a scenario that takes a while, on a connection of its own; see `result`."""
        client = Client(self._server.url)
        self._others.append(client)
        body = json.dumps({"scenario": scenario, "arguments": arguments}).encode()
        return self._calls.submit(lambda: client.post("/call", body).json())

    def begin_request(self, method: str, path: str) -> Future[Answer]:
        """Send a request that takes a while, on a connection of its own."""
        client = Client(self._server.url)
        self._others.append(client)
        return self._calls.submit(lambda: client.request(method, path))

    # --- calls

    def run(self, scenario: str, *arguments: Any) -> Any:
        """Run a function of the project's callers or borrowers in the entrypoint; return its result."""
        return result(self._ask({"scenario": scenario, "arguments": arguments}))

    def failure(self, scenario: str, *arguments: Any) -> Failure:
        """Run a scenario that raises; return what it raised."""
        return failure(self._ask({"scenario": scenario, "arguments": arguments}))

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request as a client does."""
        return self._client.request(method, path, body, dict(headers or {}))

    def call(self, **wanted: Any) -> dict[str, Any]:
        """Call a method; see the project's `app.py`."""
        return self._ask(wanted)

    def _ask(self, wanted: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post("/call", json.dumps(wanted).encode())
        assert answer.status == 200, answer.body
        return answer.json()


@dataclass(frozen=True, slots=True)
class Thing:
    """One object, seen from outside."""

    world: World
    binding: str
    name: str

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method; return its result."""
        return result(self._ask(method, arguments, named))

    def fails(self, method: str, *arguments: Any, **named: Any) -> Failure:
        """Call a method that raises; return what the caller saw."""
        return failure(self._ask(method, arguments, named))

    def steps(self, *steps: Step) -> list[Any]:
        """Run storage steps in one event of a Keeper; return their outcomes."""
        return outcome(self.call("run", steps))

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request over the object's route."""
        return self.world.request(
            method, f"/{self.binding.lower()}/{self.name}/{path}", body, headers
        )

    def _ask(self, method: str, arguments: Any, named: Any) -> dict[str, Any]:
        return self.world.call(
            binding=self.binding, name=self.name, method=method, arguments=arguments, named=named
        )


def result(answer: dict[str, Any]) -> Any:
    """Return what a call returned."""
    if "error" in answer:
        raise CallFailedError(str(answer["error"]))
    return answer["result"]


def failure(answer: dict[str, Any]) -> Failure:
    """Return what a call raised."""
    assert "error" in answer, f"nothing was raised, but returned: {answer}"
    return Failure(**answer["error"])
