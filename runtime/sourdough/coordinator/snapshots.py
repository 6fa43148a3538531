"""Puts one `Snapshot` together from what the coordinator knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.coordinator.seats import SeatState
from sourdough.observe.status import GatewayStatus, HostStatus, State

if TYPE_CHECKING:
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker


def host_statuses(supervisor: Supervisor, traceback: str | None) -> tuple[HostStatus, ...]:
    """Return a line for each seat, whoever sits there."""
    return tuple(
        _seat(supervisor, number, traceback) for number in range(1, len(supervisor.seats) + 1)
    )


def standby_status(supervisor: Supervisor) -> HostStatus | None:
    """Return the line of the host that waits for a seat."""
    if not supervisor.application.options.standby:
        return None
    worker = supervisor.standby()
    if worker is not None:
        return _host(supervisor, worker, 0, 0)
    if not supervisor.restarts.pending_hosts:
        return None
    return HostStatus(index=0, pid=None, state=State.BACKOFF, since=0.0)


def gateway_statuses(supervisor: Supervisor) -> tuple[GatewayStatus, ...]:
    """Return a line for each gateway."""
    return tuple(
        _gateway(supervisor, index)
        for index in range(1, supervisor.application.options.gateways + 1)
    )


def _seat(supervisor: Supervisor, number: int, traceback: str | None) -> HostStatus:
    seat = supervisor.seats.number(number)
    worker = supervisor.occupant(number)
    if seat is not None and worker is not None:
        return _host(supervisor, worker, number, seat.epoch)
    lane = supervisor.lane("host", number)
    waits = supervisor.restarts.pending_hosts and supervisor.standby() is None
    state = State.BACKOFF if waits else State.STARTING
    return HostStatus(
        index=number,
        pid=None,
        state=State.FAILED if traceback is not None else state,
        since=0.0,
        restarts=lane.restarts,
        last_exit=lane.last_exit,
        traceback=traceback,
    )


def _host(supervisor: Supervisor, worker: Worker, number: int, epoch: int) -> HostStatus:
    lane = supervisor.lane("host", number)
    figures = worker.figures
    return HostStatus(
        index=number,
        pid=worker.pid,
        state=_state(supervisor, worker),
        since=worker.since,
        restarts=lane.restarts,
        last_exit=lane.last_exit,
        memory=figures.beat.memory,
        cpu=figures.cpu,
        requests_per_second=figures.requests_per_second,
        p50=figures.latency(0.5),
        p99=figures.latency(0.99),
        objects=figures.beat.objects,
        events=figures.beat.events,
        epoch=epoch,
        loop_lag=figures.beat.lag * 1e3,
    )


def _state(supervisor: Supervisor, worker: Worker) -> State:
    seat = supervisor.seats.of(worker.serial)
    if seat is not None and seat.state is SeatState.ASSIGNED:
        return State.STARTING
    return worker.state


def _gateway(supervisor: Supervisor, index: int) -> GatewayStatus:
    lane = supervisor.lane("gateway", index)
    worker = next((each for each in supervisor.gateways if each.index == index), None)
    if worker is None:
        return GatewayStatus(
            index=index,
            pid=None,
            state=State.BACKOFF,
            since=0.0,
            restarts=lane.restarts,
            last_exit=lane.last_exit,
        )
    figures = worker.figures
    return GatewayStatus(
        index=index,
        pid=worker.pid,
        state=worker.state,
        since=worker.since,
        restarts=lane.restarts,
        last_exit=lane.last_exit,
        memory=figures.beat.memory,
        cpu=figures.cpu,
        requests_per_second=figures.requests_per_second,
        p50=figures.latency(0.5),
        p99=figures.latency(0.99),
        connections=figures.beat.connections,
        sockets=figures.beat.sockets,
        parked=figures.beat.parked,
    )
