"""The gateway process: started by the coordinator with inherited descriptors."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys

import uvloop

from sourdough.config.packed import unpack
from sourdough.gateway.gateway import Gateway
from sourdough.movable import ShiftedClock
from sourdough.transport.process import ControlledProcess, Descriptors, connect_unix, settle


def main() -> int:
    """Run a gateway; return its exit code."""
    parser = argparse.ArgumentParser(prog="sourdough.gateway", description=__doc__)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--lock-fd", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    options = parser.parse_args()
    inherited = Descriptors(
        control=options.control_fd,
        listen=options.listen_fd,
        lock=options.lock_fd,
        parent=options.parent,
    )
    settle(inherited)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(inherited))


async def _serve(inherited: Descriptors) -> int:
    process = ControlledProcess()
    setup = await process.open(inherited.control)
    gateway = Gateway(
        loop=asyncio.get_running_loop(),
        setup=setup,
        config=unpack(setup.config),
        clock=ShiftedClock.of(setup.ahead),
        channel=process.channel,
        connect=connect_unix,
        listening=socket.socket(fileno=inherited.listen),
        on_exit=process.ended.set,
        pid=os.getpid(),
    )
    await gateway.start()
    process.listen(gateway.receive)
    await process.ended.wait()
    if process.orphaned:
        await gateway.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
