"""Run Autobahn|Testsuite, other people's suite for RFC 6455 and RFC 7692, against a real server.

It needs CPython 2.7, so it is no part of the tests that run by themselves:

    python2.7 -m virtualenv ab && ab/bin/pip install autobahntestsuite
    python -m tests.autobahn.run ab/bin/wstest

Prints a table for docs/websockets-conformance.md; ends with 1 when a case failed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.system.server import RunningServer

PROJECT = Path(__file__).parent / "project"
AGENTS = ("hibernating", "accepted")
SECTIONS = {
    "1": "Framing: any length, text and binary",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Close handling",
    "9": "Limits and performance",
    "10": "Automatic fragmentation",
    "12": "Compression, by size",
    "13": "Compression, by parameters",
}
# As the suite calls them; what is not here failed.
PASSED = ("OK", "NON-STRICT", "INFORMATIONAL")


def main() -> int:
    """Run the suite against both ways of taking a socket; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wstest", help="the command that starts the suite")
    parser.add_argument("--cases", default="*", help="which, with commas: 1.*,6.2.*")
    parser.add_argument("--hosts", default="1")
    parser.add_argument("--keep", type=Path, help="a folder for the suite's own report")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = shutil.copytree(PROJECT, Path(folder) / "project")
        with RunningServer(project, "serve", "--hosts", options.hosts) as server:
            started = time.monotonic()
            results = _fuzz(options, server, Path(folder))
            seconds = time.monotonic() - started
    _print(results)
    sys.stdout.write(f"\n{seconds:.0f} s, {options.hosts} hosts\n")
    failed = [
        f"{agent} {case}: {told['behavior']}, closing {told['behaviorClose']}"
        for agent, cases in results.items()
        for case, told in cases.items()
        if _verdict(told) not in PASSED
    ]
    sys.stdout.write("".join(f"{line}\n" for line in failed))
    return 1 if failed else 0


def _fuzz(
    options: argparse.Namespace, server: RunningServer, folder: Path
) -> dict[str, dict[str, dict[str, str]]]:
    """Have the suite's client talk to the server; return its verdicts by agent and case."""
    reports = options.keep or folder / "reports"
    url = "ws" + server.url.removeprefix("http")
    specification = folder / "fuzzingclient.json"
    specification.write_text(
        json.dumps(
            {
                "outdir": str(reports),
                "servers": [
                    {"agent": agent, "url": f"{url}/echo/{agent}/{agent}"} for agent in AGENTS
                ],
                "cases": options.cases.split(","),
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        )
    )
    command = [*shlex.split(options.wstest), "-m", "fuzzingclient", "-s", str(specification)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, dict[str, dict[str, str]]] = json.loads((reports / "index.json").read_text())
    return found


def _verdict(told: dict[str, str]) -> str:
    """Return the worse of what the suite says of the frames and of the close."""
    worst = [told["behavior"], told["behaviorClose"]]
    return next((each for each in worst if each not in PASSED), worst[0])


def _print(results: dict[str, dict[str, dict[str, str]]]) -> None:
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for agent, cases in results.items():
        for case, told in cases.items():
            counts[case.partition(".")[0], agent][_verdict(told)] += 1
    sys.stdout.write(f"| section | {' | '.join(results)} |\n|---{'|---' * len(results)}|\n")
    for section, name in SECTIONS.items():
        cells = [_cell(counts[section, agent]) for agent in results]
        if any(counts[section, agent] for agent in results):
            sys.stdout.write(f"| {section} {name} | {' | '.join(cells)} |\n")
    totals = [
        sum((counts[section, agent] for section in SECTIONS), Counter[str]()) for agent in results
    ]
    sys.stdout.write(f"| all | {' | '.join(map(_cell, totals))} |\n")


def _cell(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.most_common())


if __name__ == "__main__":
    sys.exit(main())
