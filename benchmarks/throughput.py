"""Requests per second beside a bare uvicorn, in one run, alternating: believe the ratios.

    python benchmarks/throughput.py [--rounds 5] [--seconds 2] [--hosts 1] [--json FILE]

Needs wrk on the PATH and the `bench` extra. The first column to read is the ratio: the median of
the ratios of the rounds, each of which measures both servers within a few seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from load import run
from servers import sourdough, uvicorn

CASES = [
    # name, path, connections, objects
    ("no-op, 1 connection", "/noop/o%d", 1, 100),
    ("no-op, 32 connections", "/noop/o%d", 32, 100),
    ("no-op, 256 connections", "/noop/o%d", 256, 100),
    ("durable increment, 1 connection", "/counter/o%d", 1, 100),
    ("durable increment, 32 connections", "/counter/o%d", 32, 100),
    ("durable increment through the entrypoint, 32 connections", "/via/o%d", 32, 100),
    ("durable increment of one object, 32 connections", "/counter/o%d", 32, 1),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--only", help="cases whose name contains this")
    options = parser.parse_args()
    results = []
    with uvicorn() as bare, sourdough(hosts=options.hosts) as ours:
        for name, path, connections, objects in CASES:
            if options.only and options.only not in name:
                continue
            load = {"connections": connections, "seconds": options.seconds}
            run(ours.url, path, connections=connections, seconds=1, objects=objects)
            ratios, rates, bares, p50, p99 = [], [], [], [], []
            for _ in range(options.rounds):
                measure = run(bare.url, "/", **load)
                found = run(ours.url, path, objects=objects, **load)
                ratios.append(found.per_second / measure.per_second)
                rates.append(found.per_second)
                bares.append(measure.per_second)
                p50.append(found.p50)
                p99.append(found.p99)
            results.append({
                "case": name, "objects": objects, "hosts": options.hosts,
                "ratio": statistics.median(ratios), "ratios": ratios,
                "per_second": statistics.median(rates), "bare": statistics.median(bares),
                "p50_ms": statistics.median(p50), "p99_ms": statistics.median(p99),
            })  # fmt: skip
            _show(results[-1])
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2))


def _show(result: dict) -> None:
    spread = f"{min(result['ratios']):.2f}-{max(result['ratios']):.2f}"
    print(
        f"{result['case']:58} {result['ratio']:5.2f} x uvicorn ({spread})"
        f" {result['per_second']:9,.0f}/s  bare {result['bare']:9,.0f}/s"
        f"  p50 {result['p50_ms']:.2f} ms  p99 {result['p99_ms']:.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
