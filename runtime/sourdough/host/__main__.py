"""The host process: `python -P -m sourdough.host --module M --class C [--module M --class C ...]`.

With `--check` it imports the classes, says what is wrong as one JSON object, and ends (0 or 3).
Otherwise it is started by the coordinator, with inherited descriptors.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
import uvloop

from sourdough.config.packed import unpack
from sourdough.host import guard
from sourdough.host.loading import Loaded, LoadError, load
from sourdough.host.output import OutputHandler
from sourdough.host.runtime import HostRuntime
from sourdough.movable import ShiftedClock
from sourdough.observe.breadcrumb import Breadcrumb
from sourdough.transport.process import (
    ORPHAN_SECONDS,
    ControlledProcess,
    Descriptors,
    connect_unix,
    settle,
)  # fmt: skip
from sourdough.wire.envelope import encode
from sourdough.wire.messages import LoadFailed

EXIT_LOAD_FAILED = 3
# How often a CPU-bound thread of user code hands the interpreter back (data plane: at the default
# of 5 ms one such thread doubles the latency of everything else).
_SWITCH_SECONDS = 0.0005
# What threads of user code get to end by themselves when everything else has.
_THREADS_SECONDS = 1.0


def main() -> int:
    """Run a host; return its exit code."""
    options = _options()
    guard.enter_host()
    references = list(zip(options.module or [], options.cls or [], strict=True))
    root = Path(options.root).resolve()
    if options.check:
        return _check(references, options.main, root)
    inherited = Descriptors(
        control=options.control_fd,
        listen=options.listen_fd,
        lock=options.lock_fd,
        parent=options.parent,
    )
    settle(inherited)
    if options.dev:
        # Two saves within a second would otherwise find the first one's bytecode.
        sys.dont_write_bytecode = True
    try:
        loaded = load(
            references,
            options.main,
            root,
            path=options.path,
            sources=dict(each.split("=", 1) for each in options.source),
        )
    except LoadError as error:
        _tell_load_failed(error, inherited.control)
        return EXIT_LOAD_FAILED
    sys.setswitchinterval(_SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(loaded, inherited, options.breadcrumb))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sourdough.host", description=__doc__)
    parser.add_argument("--module", action="append", help="a module that holds a class")
    parser.add_argument("--class", action="append", dest="cls", help="a class of that module")
    parser.add_argument("--main", help="the module of the entrypoint")
    parser.add_argument("--root", default=".", help="the project's folder")
    parser.add_argument("--path", action="append", default=[], help="where modules are, besides")
    parser.add_argument("--source", action="append", default=[], metavar="MODULE=FILE")
    parser.add_argument("--check", action="store_true", help="import and report, nothing else")
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--control-fd", type=int)
    parser.add_argument("--listen-fd", type=int)
    parser.add_argument("--lock-fd", type=int)
    parser.add_argument("--parent", type=int)
    parser.add_argument("--breadcrumb")
    options = parser.parse_args()
    if len(options.module or []) != len(options.cls or []):
        parser.error("--module and --class come in pairs")
    if not options.check and options.control_fd is None:
        parser.error(
            "hosts are started by `sourdough dev` and `sourdough serve`; --check works alone"
        )
    return options


def _check(references: list[tuple[str, str]], main: str | None, root: Path) -> int:
    sys.dont_write_bytecode = True
    try:
        load(references, main, root)
    except LoadError as error:
        sys.stdout.buffer.write(msgspec.json.encode(error.fault) + b"\n")
        return EXIT_LOAD_FAILED
    return 0


def _tell_load_failed(error: LoadError, control: int) -> None:
    fault = error.fault
    message = LoadFailed(
        error=fault.error,
        place=fault.place,
        source=fault.source,
        hint=fault.hint,
        traceback=fault.traceback,
    )
    with socket.socket(fileno=control) as sock:
        sock.sendall(encode(message))


async def _serve(loaded: Loaded, inherited: Descriptors, breadcrumb: str | None) -> int:
    loop = asyncio.get_running_loop()
    process = ControlledProcess()
    setup = await process.open(inherited.control)
    config = unpack(setup.config)
    clock = ShiftedClock.of(setup.ahead)
    code = 0

    def exit_with(result: int) -> None:
        nonlocal code
        code = result
        process.ended.set()

    _log_to(OutputHandler(loop, process.channel, clock))
    runtime = HostRuntime(
        loop=loop,
        setup=setup,
        config=config,
        loaded=loaded,
        clock=clock,
        channel=process.channel,
        connect=connect_unix,
        breadcrumb=Breadcrumb(Path(breadcrumb) if breadcrumb else None),
        on_exit=exit_with,
        pid=os.getpid(),
    )
    # A loop that stops ticking is killed by the coordinator; should that be gone too, by this.
    hang = config.limits.hang_timeout + 5
    runtime.on_tick = lambda: faulthandler.dump_traceback_later(hang, exit=True)
    listening = socket.socket(fileno=inherited.listen)
    server = await loop.create_unix_server(runtime.new_link, sock=listening)
    runtime.start()
    process.listen(runtime.receive)
    await process.ended.wait()
    faulthandler.cancel_dump_traceback_later()
    server.close()
    if process.orphaned and not code:
        async with asyncio.timeout(ORPHAN_SECONDS):
            await runtime.close()
    _end_soon()
    return code


def _end_soon() -> None:
    """Let the kernel end this process if the interpreter cannot: it waits for threads of the user.

    All is closed by now; what they still do is theirs alone, and could take for ever.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _THREADS_SECONDS)


def _log_to(handler: logging.Handler) -> None:
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
