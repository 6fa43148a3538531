"""Objects over real databases in a temporary folder, called without a link in between."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from sourdough.http import Request
from sourdough.objects.attribution import Attribution
from sourdough.objects.backlog import QueueLimits
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import Event
from sourdough.objects.eviction import Residency
from sourdough.objects.failure import decode_error, encode_error
from sourdough.objects.registry import ObjectClass, Registry
from sourdough.storage.database import Database
from sourdough.storage.disk import sync_data
from sourdough.storage.engine import Durability
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.wal_engine import WalEngine
from sourdough.testing import FakeClock
from sourdough.values import decode, encode
from tests.integration.objects.gateways import Gateways
from tests.integration.objects.rooms import Room
from tests.integration.objects.sleepers import Index, Sleeper

if TYPE_CHECKING:
    from concurrent.futures import Future

STORAGE_NAME = "Thing"

_RESIDENCY = [field.name for field in dataclasses.fields(Residency)]
_QUEUE = [field.name for field in dataclasses.fields(QueueLimits)]


class Waiting:
    """A caller that waits: `objects.event.Reply`."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.times = 0

    def _resolve(self, value: Any) -> None:
        self.times += 1
        if not self.answer.done():
            self.answer.set_result(value)

    def respond(self, response) -> None:
        taken = response.web_socket is not None
        self._resolve(response if taken else (response.status, response.take_body()))

    async def stream(self, response, before_chunk) -> None:
        chunks = []
        async for chunk in response.stream():
            waiter = before_chunk()
            if waiter is not None:
                await waiter
            chunks.append(chunk)
        self._resolve((response.status, chunks))

    def returned(self, value: bytes) -> None:
        self._resolve(decode(value))

    def failed(self, error: BaseException) -> None:
        self.times += 1
        if not self.answer.done():
            told = decode_error(encode_error(error))
            self.answer.set_exception(told)
            self.answer.exception()


class Disk:
    """A sync function that can be held back and made to fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.error: OSError | None = None
        self._held: set[threading.Thread] = set()

    def __call__(self, fd: int) -> None:
        if not self.go.is_set():
            self._wait()
        if self.error is not None:
            raise self.error
        sync_data(fd)

    @property
    def held(self) -> int:
        """How many syncs are held back."""
        return len(self._held)

    def _wait(self) -> None:
        thread = threading.current_thread()
        assert thread is not threading.main_thread(), (
            "the loop stands still for a disk that is held"
        )
        self._held.add(thread)
        assert self.go.wait(30), "nobody let the disk go on"
        self._held.discard(thread)


class World:
    """A registry with one class, and callers."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.alarms = None  # storage.alarm.AlarmIndex
        self.disk = Disk()
        self.engine_options: dict[str, Any] = {"sync": self.disk}
        self.failed: list[Exception] = []
        self.engine: WalEngine | None = None
        self.syncs: list[Future] = []
        self.registries: list[Registry] = []
        self.created: list[Database] = []

    def host(self, cls: type, **options: Any) -> Registry:
        """Return a registry for a class of the test."""
        loop = asyncio.get_running_loop()
        if self.engine is None:
            self.engine = WalEngine(
                loop=loop,
                durability=Durability.DISK,
                on_failed=self.failed.append,
                on_congested=self._congested,
                **self.engine_options,
            )
            self._keep_syncs(self.engine)
        residency = {name: options.pop(name) for name in _RESIDENCY if name in options}
        queue = {name: options.pop(name) for name in _QUEUE if name in options}
        self.cls = cls
        self.registry = Registry(
            loop=loop,
            classes=[self.bound("disk")],
            open_database=self._open,
            queue=QueueLimits(**queue),
            residency=Residency(**residency),
            **options,
        )
        self.registries.append(self.registry)
        return self.registry

    def _keep_syncs(self, engine: WalEngine) -> None:
        submit = engine.submit

        def kept(file, target):
            self.syncs.append(submit(file, target))
            return self.syncs[-1]

        engine.submit = kept

    @property
    def disk_rests(self) -> bool:
        """Whether each sync has ended, and was told to the loop, or is held back."""
        running = sum(not sync.done() for sync in self.syncs)
        return running == self.disk.held and not self.engine._delivery_due

    def bound(self, durability: str) -> ObjectClass:
        """Return the class of the test with a durability."""
        return ObjectClass(
            name=self.cls.__name__,
            storage_name=STORAGE_NAME,
            type=self.cls,
            env=None,
            durability=durability,
        )

    def _congested(self, congested: bool) -> None:
        self.registry.congestion(congested)

    def _open(self, cls, object_id, on_broken) -> Database:
        database = Database(
            path=self.folder / STORAGE_NAME / str(object_id)[:3] / f"{object_id}.sqlite",
            meta=ObjectMeta(
                storage_name=STORAGE_NAME,
                class_name=cls.name,
                id=object_id.raw,
                name=object_id.name,
            ),
            engine=self.engine,
            schedule=asyncio.get_running_loop().call_soon,
            clock=self.clock,
            on_broken=on_broken,
            alarms=self.alarms,
        )
        self.created.append(database)
        return database

    @staticmethod
    def key(label: str = "a") -> bytes:
        return STORAGE_NAME.encode() + hashlib.sha256(label.encode()).digest()

    def send(self, method: str, *args: Any, label: str = "a", name: bytes | None = None) -> Waiting:
        """Deliver a call; the answer is a future of what is returned."""
        waiting = Waiting()
        arguments = encode((args, {}))
        event = Event(waiting, 1, 1, None, method, arguments)
        self.registry.deliver(self.key(label), name, event)
        return waiting

    def call(self, method: str, *args: Any, label: str = "a", name: bytes | None = None):
        return self.send(method, *args, label=label, name=name).answer

    def fetch(self, label: str = "a") -> asyncio.Future[Any]:
        waiting = Waiting()
        event = Event(waiting, 1, 1, Request("/"))
        self.registry.deliver(self.key(label), None, event)
        return waiting.answer

    def container(self, label: str = "a"):
        return self.registry.get(self.key(label))


@pytest.fixture
async def world(tmp_path):
    """A world whose databases are all closed at the test's end."""
    made = World(tmp_path)
    attribution = Attribution.install(asyncio.get_running_loop())
    yield made
    attribution.uninstall()
    made.disk.go.set()
    made.disk.error = None
    for registry in made.registries:
        await registry.release_all()
    for database in made.created:
        database.abandon()
    if made.engine is not None:
        made.engine.close()


class Stepped(DurableObject):
    """Runs what a test wants inside an event; notes what happened."""

    steps: ClassVar[dict[str, Any]] = {}

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.storage = ctx.storage
        self.notes = []

    async def do(self, what, *args):
        return await self.steps[what](self, *args)

    async def get(self, key):
        return await self.storage.get(key)

    async def everything(self):
        return await self.storage.list()


@pytest.fixture
def run(world):
    """Run an async function as an event of an object, which is made on first use."""
    Stepped.steps.clear()

    def begin(step, *args):
        if not world.registries:
            world.host(Stepped, **begin.options)
        Stepped.steps[step.__name__] = step
        return world.call("do", step.__name__, *args)

    begin.options = {}
    return begin


@pytest.fixture
async def index(world):
    world.alarms = Index()
    return world.alarms


@pytest.fixture
async def sleeper(world, index):
    """A host with a fresh class of sleepers."""

    class Fresh(Sleeper):
        infos: list = []  # noqa: RUF012

    world.host(Fresh, section_seconds=5.0)
    return Fresh


@pytest.fixture
async def gateways(world):
    """A host of rooms; each test has a class of its own."""
    made = Gateways(world)

    class Fresh(Room):
        seen: ClassVar[list[Any]] = []
        instances: ClassVar[list[Any]] = []
        steps: ClassVar[dict[str, Any]] = {}

    world.host(Fresh, sockets=made.store, clock=world.clock)
    return made


@pytest.fixture
def room(gateways, world):
    return world.cls


@pytest.fixture
def inside(room, world):
    """Run a function of the test inside the object."""

    def begin(step, *args):
        room.steps[step.__name__] = step
        return world.call("do", step.__name__, *args)

    return begin
