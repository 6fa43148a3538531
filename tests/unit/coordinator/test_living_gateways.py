"""Who tells hosts of WebSockets: gateways, and programs with the library that take clients (W4)."""

from __future__ import annotations

from sourdough.coordinator.clients import Clients
from sourdough.wire.messages import Assign, Gateways, Ready
from sourdough.wire.sockets import DOORS


def _serials(worker) -> tuple[int, ...]:
    return worker.child.last(Gateways).serials


async def test_a_host_knows_the_gateways_before_it_has_a_seat(make):
    """It must not take an event before it knows whose sockets it has to wait for (W4)."""
    server = make(hosts=1, gateways=2)
    server.supervisor.start()
    gateway, late = server.supervisor.gateways
    server.ready(gateway)
    (host,) = server.supervisor.hosts
    server.ready(host)
    kinds = [type(message) for message in host.child.told]
    assert kinds.index(Gateways) < kinds.index(Assign)
    assert _serials(host) == (gateway.serial,)
    server.ready(late)
    assert _serials(host) == (gateway.serial, late.serial)


async def test_hosts_hear_of_the_end_of_a_gateway_and_of_its_successor(make):
    """Who is gone is not waited for, whoever comes instead is."""
    server = make(hosts=1, standby=True, gateways=2).start()
    gateway, other = server.supervisor.gateways
    server.crash(gateway)
    for host in server.supervisor.hosts:
        assert _serials(host) == (other.serial,)
    server.up()
    successor = server.supervisor.gateways[-1]
    assert successor.serial not in {gateway.serial, other.serial}
    for host in server.supervisor.hosts:
        assert _serials(host) == (other.serial, successor.serial)


async def test_a_host_that_is_gone_or_starts_is_told_nothing(make):
    """The gateways that it will hear of are those of that moment."""
    server = make(hosts=1, gateways=1)
    server.supervisor.start()
    (host,) = server.supervisor.hosts
    server.ready(server.gateway())
    assert host.child.last(Gateways) is None


async def test_a_program_counts_from_the_moment_it_takes_clients(make):
    """One that only calls objects holds no sockets, so nobody waits for it."""
    server = make(hosts=1, gateways=0).start()
    (host,) = server.supervisor.hosts
    client = Clients(server.supervisor).admit(TwinClient())
    server.ready(client)
    assert _serials(host) == ()
    server.supervisor.on_message(client, Ready(pid=1, door=DOORS + 7))
    assert _serials(host) == (DOORS + 7,)
    server.supervisor.on_exit(client, 0)
    assert _serials(host) == ()


class TwinClient:
    """A client's end of its connection; what it is told is kept."""

    pid = 1

    def __init__(self) -> None:
        self.told: list = []

    def send(self, message) -> None:
        self.told.append(message)

    def kill(self) -> None: ...

    def signal(self, number: int) -> None: ...
