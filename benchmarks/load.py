"""Drives wrk and reads what it found. Runs with any answer but 2xx are refused."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass

# Requests are made before the load begins: what the client computes, the servers lack.
_SPREAD = """
local requests = {{}}
local next = 0
init = function()
  for i = 1, {count} do
    requests[i] = wrk.format("GET", string.format("{path}", i))
  end
end
request = function()
  next = next % {count} + 1
  return requests[next]
end
"""


# Beyond a run itself: starting wrk, formatting requests, answers that are on their way.
_PATIENCE_SECONDS = 30


class RefusedError(Exception):
    """A run does not count: an answer was not 2xx, or there was none."""


@dataclass(frozen=True)
class Run:
    """One run of wrk."""

    per_second: float
    p50: float
    """Milliseconds."""
    p99: float


def run(url: str, path: str, *, connections: int, seconds: int, objects: int = 1) -> Run:
    """Load a path; `%d` in it becomes the number of one of `objects` objects."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SPREAD.format(count=objects, path=path))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        command += ["--timeout", "10s", "-s", script.name, url]
        try:
            output = subprocess.run(
                command, capture_output=True, text=True, check=True,
                timeout=seconds + _PATIENCE_SECONDS,
            ).stdout  # fmt: skip
        except subprocess.SubprocessError as error:
            raise RefusedError(f"{url}{path}: {error}") from error
    if "Non-2xx" in output or "Socket errors" in output:
        raise RefusedError(f"{url}{path}: not every answer was good\n{output}")
    return Run(
        per_second=float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        p50=_milliseconds(re.search(r"^\s+50%\s+(\S+)", output, re.MULTILINE)[1]),
        p99=_milliseconds(re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE)[1]),
    )


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]
