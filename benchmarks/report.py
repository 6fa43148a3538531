"""Tables of a run: for a terminal, and in Markdown for the README."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from contenders import JOURNAL, UVICORN, WAL, WORKERD
from targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from results import CaseResult, Measured, Results

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

LABELS = {
    JOURNAL: "Sourdough, journal",
    WAL: "Sourdough, wal",
    WORKERD: "workerd",
    UVICORN: "bare uvicorn",
}


def case_lines(case: CaseResult, levels: dict[str, str | None]) -> str:
    """Return one case for a terminal: a line for each contender."""
    lines = [f"{case.name}  (rounds: {max(len(each.per_second) for each in case.by.values())})"]
    for key, label in LABELS.items():
        if key in case.by:
            lines.append(f"  {label:20}{_line(case, key, levels)}")
    return "\n".join(lines)


def _line(case: CaseResult, key: str, levels: dict[str, str | None]) -> str:
    found = case.by[key]
    if not found.counts:
        return f"refused: {found.refused or 'not measured'}"
    text = f"{found.rate:9,.0f}/s  p50 {found.p50:7.2f} ms  p99 {found.p99:7.2f} ms"
    text += _against(case, key, UVICORN) + _against(case, key, WORKERD)
    return f"{text}  {level(case, key, levels)}"


def _against(case: CaseResult, key: str, other: str) -> str:
    ratios = case.ratios(key, other)
    if key == other or not ratios:
        return " " * 38
    spread = f"({min(ratios):.2f}-{max(ratios):.2f})"
    return f"  {statistics.median(ratios):5.2f} x {other} {spread}".ljust(38)[:38]


def level(case: CaseResult, key: str, levels: dict[str, str | None]) -> str:
    """Return what an answer to a write waits for; nothing is to be said of other answers."""
    if not case.writes:
        return ""
    return f"[{levels[key] or 'no-op, stores nothing'}]"


def table(rows: Iterable[Iterable[str]]) -> str:
    """Return rows, the first of which is the head, as a Markdown table."""
    head, *body = (list(row) for row in rows)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown(results: Results) -> str:
    """Return everything a run found."""
    levels = {str(each["key"]): each["durability"] for each in results.contenders}
    parts = [
        _machine(results),
        "### Targets\n\n" + _targets(results),
        "### Requests per second\n\n" + _cases(results, levels),
        "### Where the time goes\n\n" + _processor_time(results),
        "### What an answer to a write waits for\n\n" + _durability(results),
        "### A handler that computes\n\n" + _scaling(results),
        "### Waiting and memory\n\n" + _waiting(results) + "\n\n" + _footprints(results),
        "### WebSockets\n\n" + _sockets(results) + "\n\n" + _idle_sockets(results),
    ]
    if results.missing:
        parts.append("Not measured: " + "; ".join(results.missing) + ".")
    return "\n\n".join(parts)


def _machine(results: Results) -> str:
    told = results.machine
    versions = ", ".join(f"{each['label']} {each['version']}" for each in results.contenders)
    return (
        f"{told['processor']}, {told['cores']} cores, {told['memory_gib']} GiB, {told['system']},"
        f" {told['python']}; {told['file_system']}, a sync takes {told['sync_ms']} ms; load"
        f" {told['load_before']} before; {told['began']}, {results.seconds:.0f} s. {versions}.\n\n"
        + results.method
    )


def _targets(results: Results) -> str:
    rows = [("target", "wanted", "seen", "")]
    for each in targets(results):
        sign = "at most " if each.at_most else "at least "
        seen = "-" if each.seen is None else f"{each.seen:.2f} {each.unit}"
        wanted = f"{sign}{each.wanted:.3g} {each.unit}"
        rows.append((each.name, wanted, seen, each.verdict))
    return table(rows)


def _cases(results: Results, levels: dict[str, str | None]) -> str:
    who = [key for key in LABELS if key in levels]
    head = ["case", *(LABELS[key] for key in who), "journal / workerd", "journal / uvicorn"]
    rows = [head]
    for case in results.cases:
        cells = [_cell(case.by.get(key), level(case, key, levels)) for key in who]
        ratios = [_ratio(case, WORKERD), _ratio(case, UVICORN)]
        rows.append([case.name, *cells, *ratios])
    return table(rows)


def _cell(found: Measured | None, waits: str) -> str:
    if found is None:
        return "-"
    if not found.counts:
        return "refused"
    return f"{found.rate:,.0f}/s, p50 {found.p50:.2f} ms {waits}".strip()


def _ratio(case: CaseResult, other: str) -> str:
    ratios = case.ratios(JOURNAL, other)
    if not ratios:
        return "-"
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"


_ROLES = (
    ("journal: gateway", JOURNAL, "gateway"),
    ("journal: host", JOURNAL, "host"),
    ("wal: gateway", WAL, "gateway"),
    ("wal: host", WAL, "host"),
    ("workerd", WORKERD, "all of it"),
    ("bare uvicorn", UVICORN, "all of it"),
)


def _processor_time(results: Results) -> str:
    rows = [["processor time for each request", *(name for name, _, _ in _ROLES)]]
    for case in results.cases:
        times = [case.by[key].cpu(role) if key in case.by else None for _, key, role in _ROLES]
        rows.append([case.name, *("-" if each is None else f"{each:.0f} us" for each in times)])
    return table(rows)


def _durability(results: Results) -> str:
    rows = [("", "level", "before a write is answered", "syncs per write, one at a time")]
    for each in results.contenders:
        counted = each["syncs_per_write"]
        said = "-" if counted is None else f"{counted:.2f}"
        rows.append((str(each["label"]), str(each["durability"] or "-"), str(each["means"]), said))
    return table(rows)


def _scaling(results: Results) -> str:
    if not results.scaling:
        return "Not measured."
    rows = [("who serves", "answers per second", "to 1 host")]
    one = statistics.median(results.scaling["1 host"])
    for name, rates in results.scaling.items():
        rate = statistics.median(rates)
        rows.append((name, f"{rate:,.0f}", f"{rate / one:.2f}"))
    return table(rows)


def _waiting(results: Results) -> str:
    rows = [("waiting", "median", "all, ms")]
    for name, times in results.host_killed_ms.items():
        rows.append((f"one of two hosts killed, {name}", *_times(times)))
    for key, found in results.starts.items():
        rows.append((f"{LABELS[key]}: start", *_times(found.clean)))
        rows.append((f"{LABELS[key]}: start after `kill -9` of all", *_times(found.after_kill)))
    return table(rows)


def _times(times: list[float]) -> tuple[str, str]:
    every = ", ".join(f"{each:.0f}" for each in sorted(times))
    return f"{statistics.median(times):.0f} ms", every


def _footprints(results: Results) -> str:
    rows = [("objects with a database", "objects", "live", "asleep", "first call", "next call")]
    for key, found in results.footprints.items():
        rows.append(
            (
                LABELS[key],
                f"{found.objects:,}",
                f"{found.live_kib:.1f} KiB each",
                f"{found.sleeping_kib:.1f} KiB each",
                f"{found.first_call_ms:.2f} ms",
                f"{found.next_call_ms:.2f} ms",
            )
        )
    return table(rows)


def _sockets(results: Results) -> str:
    rows = [("WebSockets", "who", "messages per second", "p50", "p99", "processor time each")]
    for each in results.sockets:
        level = "" if each.durability == "stores nothing" else f" [{each.durability}]"
        rate = "" if each.per_second is None else f"{each.per_second:,.0f}/s"
        cpu = ", ".join(f"{role} {us:.0f} us" for role, us in each.cpu_us.items() if us >= 1)
        rows.append(
            (
                f"{each.case}{level}", each.who, rate, f"{each.p50_ms:.2f} ms",
                f"{each.p99_ms:.2f} ms", cpu,
            )
        )  # fmt: skip
    return table(rows)


def _idle_sockets(results: Results) -> str:
    head = ("idle WebSockets", "who", "each", "objects awake", "waking one", "the slowest")
    rows = (
        (
            each.case, each.who, f"{each.kib:.1f} KiB in {each.where}", each.awake,
            f"{each.woken_ms:.2f} ms", f"{each.slowest_ms:.2f} ms",
        )
        for each in results.idle_sockets
    )  # fmt: skip
    return table([head, *rows])


def with_figures(readme: str, figures: str) -> str:
    """Return the README with what stands between the markers replaced."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = f"the README lacks {BEGIN} or {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"
