"""Everything side by side in one go: Sourdough, workerd and a bare uvicorn, on this machine.

    python benchmarks/suite.py [--quick | --whole] [--json FILE] [--plot FILE] [--readme]

Needs wrk and npm on the PATH and the `bench` extra. A full run takes under 20 minutes, `--quick`
under 3, `--whole`, which is every operation under every load, under 60; `--limit` is kept whatever
happens: a slow machine gets fewer rounds. What cannot be measured is named, and the program ends
with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import footprint
import machine
import plot
import recovery
import report
import scaling
import sockets
import starts
import throughput
import workerd_package
from cases import CASES, WHOLE, Case
from contenders import JOURNAL, WAL, WORKERD, Contender, contenders
from results import Results
from syncs import syncs_per_write

README = Path(__file__).parent / "README.md"
PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks.png"
IMAGE = "![Rates side by side, ratios to workerd, and hosts](../docs/benchmarks.png)"
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of everything."""

    limit: int
    """Seconds for everything."""
    throughput: float
    """The part of it after which throughput has to be over."""
    rounds: int
    seconds: int
    cases: tuple[Case, ...]
    objects: int
    starts: int
    kills: int
    standby_kills: int
    sockets: sockets.Plan
    only_cases: bool = False


FULL = Scale(
    limit=1_150,
    throughput=0.55,
    rounds=3,
    seconds=2,
    cases=CASES,
    objects=2_000,
    starts=3,
    kills=3,
    standby_kills=2,
    sockets=sockets.Plan(rounds=3, seconds=2.0),
)
WHOLE_SCALE = replace(FULL, limit=3_400, throughput=0.84, cases=WHOLE)
QUICK = Scale(
    limit=170, throughput=0.5, rounds=2, seconds=1, cases=tuple(each for each in CASES if each.quick),
    objects=300, starts=1, kills=1, standby_kills=0,
    sockets=sockets.Plan(rounds=1, seconds=1.0, broadcasts=5, idle=500, rooms=50),
)  # fmt: skip


class TimeUpError(KeyboardInterrupt):
    """The limit is reached. Of this kind because event loops swallow every other."""


class Suite:
    """One run: measures part after part and keeps what it found."""

    def __init__(self, *, scale: Scale, who: list[Contender], folder: Path, began: float) -> None:
        self._scale = scale
        self._who = who
        self._folder = folder
        self._began = began
        self.results = Results(
            machine=machine.describe(folder),
            method=_METHOD.format(rounds=scale.rounds, seconds=scale.seconds),
        )

    def run(self) -> None:
        """Measure everything; a part that fails is named and the next one begins."""
        print(f"{self.results.machine}\n", flush=True)
        parts = [self._durability, self._throughput]
        if not self._scale.only_cases:
            parts += [
                self._scaling, self._footprints, self._starts, self._kills, self._sockets,
                self._idle_sockets,
            ]  # fmt: skip
        for part in parts:
            try:
                part()
            except TimeUpError:
                self.results.missing.append("what was left at the limit of time")
                break
            except (Exception, SystemExit) as error:  # noqa: BLE001 - named, whatever it is
                self._miss(part.__name__.strip("_"), error)
        self.results.seconds = round(time.monotonic() - self._began, 1)

    def _miss(self, what: str, error: BaseException) -> None:
        self.results.missing.append(
            f"{what}: {str(error).splitlines()[0] if str(error) else error!r}"
        )
        print(f"not measured: {self.results.missing[-1]}", flush=True)

    def _of(self, *keys: str) -> list[Contender]:
        return [each for each in self._who if each.key in keys]

    def _durability(self) -> None:
        for each in self._who:
            counted = None
            if each.durability is not None:
                with each.start(self._place("syncs", each.key)) as serving:
                    counted = syncs_per_write(serving)
            told = {key: getattr(each, key) for key in ("key", "label", "version", "durability")}
            self.results.contenders.append(
                {**told, "means": each.means, "syncs_per_write": counted}
            )
            print(f"{each.label} {each.version}: {each.means}; syncs per write: {counted}")

    def _footprints(self) -> None:
        for each in self._of(JOURNAL, WORKERD):
            with self._alone(f"memory of {each.label}"):
                found = footprint.measure(
                    each, self._place("footprint", each.key), self._scale.objects
                )
                self.results.footprints[each.key] = found
                print(f"{each.label}: {found}", flush=True)

    def _starts(self) -> None:
        for each in self._who:
            if each.key != WAL:
                with self._alone(f"start of {each.label}"):
                    found = starts.measure(
                        each, self._place("starts", each.key), self._scale.starts
                    )
                    self.results.starts[each.key] = found
                    print(f"{each.label}: {found}", flush=True)

    def _kills(self) -> None:
        for name, count in (
            ("no standby", self._scale.kills), ("with a standby", self._scale.standby_kills),
        ):  # fmt: skip
            if count:
                with self._alone(f"a killed host, {name}"):
                    found = recovery.kills(
                        count, standby=name != "no standby", folder=self._place("kills", name)
                    )
                    self.results.host_killed_ms[name] = found
                    print(f"host killed, {name}: {found} ms", flush=True)

    def _scaling(self) -> None:
        self.results.scaling = scaling.measure(
            self._place("scaling"), rounds=self._scale.rounds, seconds=self._scale.seconds
        )
        print(f"a handler that computes: {self.results.scaling}", flush=True)

    def _throughput(self) -> None:
        levels = {each.key: each.durability for each in self._who}
        plan = throughput.Plan(
            rounds=self._scale.rounds,
            seconds=self._scale.seconds,
            until=self._began + self._scale.limit * self._scale.throughput,
        )
        with contextlib.ExitStack() as stack:
            servers = {
                each.key: stack.enter_context(each.start(self._place("load", each.key)))
                for each in self._who
            }

            def found(result) -> None:
                self.results.cases.append(result)
                for key, measured in result.by.items():
                    if not measured.counts:
                        refused = (measured.refused or "no time").splitlines()[0]
                        self.results.missing.append(f"{result.name}, {key}: {refused}")
                print(report.case_lines(result, levels), flush=True)

            throughput.measure(servers, list(self._scale.cases), plan, found=found)

    def _sockets(self) -> None:
        def found(result: sockets.SocketResult) -> None:
            self.results.sockets.append(result)
            print(sockets.line(result), flush=True)

        sockets.in_rounds(sockets.CASES, self._scale.sockets, found)

    def _idle_sockets(self) -> None:
        def found(result: sockets.IdleSockets) -> None:
            self.results.idle_sockets.append(result)
            print(sockets.line(result), flush=True)

        sockets.while_idle(self._scale.sockets, found)

    @contextlib.contextmanager
    def _alone(self, what: str):
        """Let a failure end nothing but this."""
        try:
            yield
        except (Exception, SystemExit) as error:  # noqa: BLE001 - named, whatever it is
            self._miss(what, error)

    def _place(self, *names: str) -> Path:
        place = self._folder.joinpath(*names)
        place.mkdir(parents=True, exist_ok=True)
        return place


_METHOD = """\
All servers run side by side and are loaded in turn, back and forth, by wrk with one thread on the
same cores: {rounds} rounds of {seconds} s for each case, fewer where the time was up. Figures are
medians of the rounds; a ratio is the median of the rounds' ratios, with the smallest and the
largest. Every object exists before it is measured. A run with any answer but 2xx, or with none
within 10 s, is refused. One gateway and one host of Sourdough, one process of workerd, one of
uvicorn; all storage is on one disk. Beside writes uvicorn answers a no-op."""


def main() -> None:
    options = _options()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not on the PATH: install it from your system's packages")
    scale = _scale(options)
    began = time.monotonic()
    signal.signal(signal.SIGALRM, _time_up)
    signal.alarm(scale.limit)
    with tempfile.TemporaryDirectory(
        prefix="sourdough-bench-", dir=options.folder, ignore_cleanup_errors=True
    ) as folder:
        who, missing = contenders(workerd_version=options.workerd)
        suite = Suite(scale=scale, who=who, folder=Path(folder), began=began)
        suite.results.missing += missing
        suite.run()
        signal.alarm(0)
    _write(suite.results, options)
    sys.exit(1 if suite.results.missing else 0)


def _scale(options: argparse.Namespace) -> Scale:
    scale = QUICK if options.quick else WHOLE_SCALE if options.whole else FULL
    if options.limit:
        scale = replace(scale, limit=options.limit)
    if options.only:
        cases = tuple(each for each in scale.cases if options.only in each.name)
        scale = replace(scale, cases=cases, only_cases=True, throughput=0.95)
    return scale


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds")
    parser.add_argument("--whole", action="store_true", help="every operation under every load")
    parser.add_argument("--only", help="nothing but the cases whose name contains this")
    parser.add_argument("--limit", type=int, help="seconds after which it ends")
    parser.add_argument("--json", type=Path, default=RESULTS / "latest.json")
    parser.add_argument("--plot", type=Path, help="where the PNG goes; with --readme into docs/")
    parser.add_argument("--readme", action="store_true", help="put the figures into README.md")
    parser.add_argument(
        "--folder", type=Path, default=Path.home(), help="whose disk is measured; default: home"
    )
    parser.add_argument("--workerd", default=workerd_package.VERSION, help="a version on npm")
    return parser.parse_args()


def _time_up(number: int, frame: object) -> None:
    raise TimeUpError


def _write(results: Results, options: argparse.Namespace) -> None:
    figures = report.markdown(results)
    print(f"\n{figures}\n")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(asdict(results), indent=2) + "\n")
    picture = options.plot or (PICTURE if options.readme else RESULTS / "latest.png")
    try:
        plot.draw(results, picture)
    except ImportError:
        print("no plot: matplotlib is not installed (pip install -e '.[bench]')")
    if options.readme:
        shown = f"{IMAGE}\n\n{figures}"
        README.write_text(report.with_figures(README.read_text(), shown))
    print(f"{options.json}, {picture}; {results.seconds:.0f} s")


if __name__ == "__main__":
    main()
