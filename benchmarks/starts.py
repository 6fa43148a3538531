"""How long a server takes to its first good answer: started clean, and after `kill -9`."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from contenders import UVICORN
from load import RefusedError, run
from processes import tree
from results import Starts
from touch import touch

if TYPE_CHECKING:
    from pathlib import Path

    from contenders import Contender
    from servers import Serving

_PATIENCE_SECONDS = 30.0
_OBJECTS = 100


def measure(contender: Contender, folder: Path, count: int) -> Starts:
    """Start it `count` times in each way, over the same storage."""
    path = "/" if contender.key == UVICORN else "/counter/o%d"
    with contender.start(folder) as serving:
        run(serving.url, path, connections=8, seconds=1, objects=_OBJECTS)
    clean = [_timed(contender, folder, path, kill=False) for _ in range(count)]
    _timed(contender, folder, path, kill=True)
    after_kill = [_timed(contender, folder, path, kill=True) for _ in range(count)]
    return Starts(clean=clean, after_kill=after_kill)


def _timed(contender: Contender, folder: Path, path: str, *, kill: bool) -> float:
    began = time.perf_counter()
    with contender.start(folder) as serving:
        _first_answer(serving, path.replace("%d", "1"))
        took = (time.perf_counter() - began) * 1e3
        if kill:
            # Writes of just before are what the next start has to recover.
            run(serving.url, path, connections=8, seconds=1, objects=_OBJECTS)
            _kill(serving)
    return took


def _first_answer(serving: Serving, path: str) -> None:
    patience = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with contextlib.suppress(OSError, EOFError, RefusedError):
            touch(serving.port, path + "?%d", 1)
            return
        if time.monotonic() > patience:
            message = f"{path} was not answered within {_PATIENCE_SECONDS:.0f} s of the start"
            raise TimeoutError(message)
        time.sleep(0.002)


def _kill(serving: Serving) -> None:
    pids = tree(serving.process.pid)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    serving.process.wait()
