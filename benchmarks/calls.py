"""Calls from object to object, in one host and between two: p50, p99 and calls per second.

    python benchmarks/calls.py [--rounds 3] [--count 20000] [--slow 10000] [--json FILE]

One object calls another and takes the time itself, so HTTP is no part of it. The last rows measure
a fast call while thousands of slow ones wait in the same object, and the items of a generator.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from urllib.request import urlopen

from servers import sourdough

from sourdough.ids import IdFactory
from sourdough.placement import seat_of, slot_of

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--slow", type=int, default=10_000)
    parser.add_argument("--json")
    options = parser.parse_args()
    count, slow = options.count, options.slow
    results = []
    with sourdough(hosts=2, app=HERE / "calls_app") as server:
        for place, callee in (("same host", name_on(1)), ("other host", name_on(2))):
            for what, path in (
                ("1 in flight", f"calls?count={count}&flight=1"),
                ("32 in flight", f"calls?count={count}&flight=32"),
                (f"beside {slow} slow ones", f"beside?count={count // 10}&slow={slow}"),
                ("items of a generator", f"items?count={count}"),
            ):
                url = f"{server.url}/{name_on(1, 'Caller')}/{path}&target={callee}"
                rounds = [measured(url) for _ in range(options.rounds)]
                results.append({"case": f"{place}, {what}", **best(rounds, count)})
    print(f"{'case':44} {'p50 us':>9} {'p99 us':>9} {'per s':>10}")
    for each in results:
        p50, p99, rate = each["p50_us"], each["p99_us"], each["per_second"]
        print(f"{each['case']:44} {p50:9.0f} {p99:9.0f} {rate:10.0f}")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


def name_on(seat: int, cls: str = "Callee") -> str:
    """Return a name whose object lives on a seat of two."""
    ids = IdFactory("calls", cls)
    names = (f"o{number}" for number in range(1000))
    return next(name for name in names if seat_of(slot_of(ids.from_name(name).raw), 2) == seat)


def measured(url: str) -> dict:
    with urlopen(url, timeout=300) as answer:
        return json.loads(answer.read())


def best(rounds: list[dict], count: int) -> dict[str, float]:
    """Return the medians of all rounds; an idle machine shows in their agreement."""

    def at(share: float) -> float:
        found = [sorted(each["took"])[int(len(each["took"]) * share)] for each in rounds]
        return statistics.median(found) * 1e6

    timed = bool(rounds[0]["took"])
    counts = [len(each["took"]) or count for each in rounds]
    rates = [number / each["seconds"] for number, each in zip(counts, rounds, strict=True)]
    return {
        "p50_us": at(0.5) if timed else 0.0,
        "p99_us": at(0.99) if timed else 0.0,
        "per_second": statistics.median(rates),
    }


if __name__ == "__main__":
    main()
