"""Draws a run: rates side by side, ratios to workerd, and what more hosts bring."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from cases import OPERATIONS
from contenders import JOURNAL, UVICORN, WAL, WORKERD
from report import LABELS

if TYPE_CHECKING:
    from pathlib import Path

    from results import Results

_COLOURS = {JOURNAL: "#b45309", WAL: "#f0b35a", WORKERD: "#4b5563", UVICORN: "#a3b1c2"}


def draw(results: Results, path: Path) -> None:
    """Write a PNG.

    Raises:
        ImportError: matplotlib is not installed (the `bench` extra).
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(
        1, 3, figsize=(15, 6.5), width_ratios=(4, 4, 1.6), layout="constrained"
    )
    _rates(axes[0], results)
    _ratios(axes[1], results)
    _scaling(axes[2], results)
    figure.supxlabel(_footer(results), x=0.01, ha="left", fontsize=8, color="#555555")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _rates(axis, results: Results) -> None:
    shown = [(each, results.case(each.key, 32, 100)) for each in OPERATIONS]
    shown = [(operation, case) for operation, case in shown if case is not None]
    levels = {each["key"]: each["durability"] for each in results.contenders}
    place, ticks = 0.0, []
    named: set[str] = set()
    for operation, case in shown:
        began = place
        for key, label in LABELS.items():
            # Beside writes uvicorn only says how fast the machine was.
            if key not in case.by or not case.by[key].counts or (key == UVICORN and case.writes):
                continue
            rate = case.by[key].rate
            axis.barh(place, rate, 0.95, color=_COLOURS[key], label=None if key in named else label)
            named.add(key)
            waits = f" [{levels[key]}]" if case.writes else ""
            axis.text(rate, place, f" {rate:,.0f}{waits}", va="center", fontsize=8)
            place += 1
        ticks.append(((began + place - 1) / 2, operation.label))
        place += 0.8
    axis.set_yticks([middle for middle, _ in ticks], [label for _, label in ticks])
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.set_title("Requests per second\n32 connections, 100 objects", fontsize=10)
    if shown:
        axis.legend(frameon=False, loc="lower right")


def _ratios(axis, results: Results) -> None:
    shown = [(case, case.ratios(JOURNAL, WORKERD)) for case in results.cases]
    shown = [(case, ratios) for case, ratios in shown if ratios]
    for row, (_, ratios) in enumerate(shown):
        middle = statistics.median(ratios)
        axis.barh(row, middle, 0.7, color=_COLOURS[JOURNAL])
        axis.plot([min(ratios), max(ratios)], [row, row], color="black", linewidth=1)
        axis.text(max(ratios), row, f" {middle:.1f}", va="center", fontsize=7.5)
    axis.axvline(1, color="#4b5563", linewidth=1)
    axis.set_yticks(range(len(shown)), [case.name for case, _ in shown], fontsize=7.5)
    axis.invert_yaxis()
    axis.margins(x=0.1)
    axis.set_title("Sourdough (journal): times the rate of workerd\nline: all rounds", fontsize=10)


def _scaling(axis, results: Results) -> None:
    for column, (name, rates) in enumerate(results.scaling.items()):
        rate = statistics.median(rates)
        bare = name.startswith("bare")
        axis.bar(column, rate, color=_COLOURS[UVICORN if bare else JOURNAL])
        axis.text(column, rate, f"{rate:,.0f}", ha="center", va="bottom", fontsize=7.5)
    names = [name.partition(",")[0].replace(" ", "\n") for name in results.scaling]
    axis.set_xticks(range(len(names)), names)
    axis.margins(y=0.1)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.set_title("A handler that computes\nanswers per second", fontsize=10)


def _footer(results: Results) -> str:
    told = results.machine
    means = "; ".join(
        f"{each['label']}: {each['means']}" for each in results.contenders if each["durability"]
    )
    return (
        f"{told['processor']}, {told['cores']} cores, {told['system']}, {told['python']};"
        f" {told['file_system']}, a sync takes {told['sync_ms']} ms; {told['began']}."
        f" Medians, one run, in turns.\n[disk] {means}."
    )
