"""
Draw the plots of ``docs/benchmarks.md`` from figures that ``isthmus benchmark NAME --json`` printed.

    python -m benchmarks.plots peers FILE       (docs/benchmarks/peers.svg)
    python -m benchmarks.plots million FILE     (docs/benchmarks/cases.svg)
    python -m benchmarks.plots nodes FILE       (docs/benchmarks/processes.svg)
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

PLACE = Path(__file__).parents[1] / "docs" / "benchmarks"
OURS, THEIRS, LIMIT = "#1f4e79", "#9aa5b1", "#b5482a"
WIDTH_IN, HEIGHT_IN = 8.0, 3.4
USED = "processor time"
_SIZE = re.compile(r"(?:(empty)|([\d,]+) cases): (.+)")

mpl.rcParams.update(
    {
        # Text stays text, so that it can be read aloud, searched and scaled, and the file is small.
        "svg.fonttype": "none",
        # The same figures give the same file.
        "svg.hashsalt": "isthmus",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)


def peers(figures: Sequence[Mapping[str, Any]], machine: str) -> None:
    """Draw whole messages above and sealing below as bars, ours in another colour."""
    values = {one["name"]: one["value"] for one in figures}
    names = [name.removesuffix(f": {USED}") for name in values if name.endswith(f": {USED}")]
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH_IN, 1.4 * HEIGHT_IN), layout="constrained", height_ratios=(5, 3))
    _bars(axes[0, 0], {name: values[name] for name in names}, "whole messages a second")
    used = {name: values[f"{name}: {USED}"] for name in names}
    _bars(axes[0, 1], used, "processor ms a message: less is better")
    for place, verb in zip(axes[1], ("sign and seal 2 KB", "open and verify 2 KB"), strict=True):
        ending = f": {verb}"
        rates = {name.removesuffix(ending): value for name, value in values.items() if name.endswith(ending)}
        _bars(place, rates, f"{verb}, a second")
    fig.supxlabel(machine, fontsize=7)
    _save(fig, "peers")


def _bars(axes: Axes, rates: Mapping[str, float], title: str, coloured: str = "Isthmus") -> None:
    names = list(rates)[::-1]
    bars = axes.barh(names, [rates[name] for name in names])
    for name, bar in zip(names, bars, strict=True):
        bar.set_color(OURS if name.startswith(coloured) else THEIRS)
    axes.bar_label(
        bars, [f"{rates[name]:,.3g}" if rates[name] < 100 else f"{rates[name]:,.0f}" for name in names], padding=3
    )
    axes.margins(x=0.15)
    axes.set_title(title, fontsize=9)


def million(figures: Sequence[Mapping[str, Any]], machine: str) -> None:
    """Draw accepting and the pages over the number of stored cases, by what hardly depends on the machine's moments."""
    rows: dict[str, dict[int, float]] = {}
    for one in figures:
        if found := _SIZE.fullmatch(one["name"]):
            size = 0 if found[1] else int(found[2].replace(",", ""))
            rows.setdefault(found[3], {})[size] = one["value"]
    sizes = sorted(rows["accept"])
    labels = [f"{size:,}" if size else "none" for size in sizes]
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    # Of the empty store, because both share the moments of the machine: a rate of one run says less.
    shares = [1.0, *(rows["accept, of empty"][size] for size in sizes[1:])]
    costs = [rows[f"accept, {USED}"][sizes[0]] / rows[f"accept, {USED}"][size] for size in sizes]
    left.plot(labels, shares, marker="o", color=OURS, label="rate")
    left.plot(labels, costs, marker="s", color=THEIRS, label="by processor time")
    left.axhline(0.9, color=LIMIT, linestyle="--", linewidth=1)
    left.set_ylim(bottom=0)
    left.set_title("accepting, of the empty store, over stored cases", fontsize=9)
    left.legend(fontsize=7, frameon=False)
    ending = f", {USED}"
    names = sorted(row for row in rows if row.endswith(ending) and not row.startswith("accept"))
    for name, marker in zip(names, "osD^", strict=True):
        right.plot(labels, [rows[name][size] for size in sizes], marker=marker, label=name.removesuffix(ending))
    right.set_ylim(bottom=0)
    right.set_title("processor ms a page, over stored cases", fontsize=9)
    right.legend(fontsize=7, frameon=False)
    fig.supxlabel(machine, fontsize=7)
    _save(fig, "cases")


def nodes(figures: Sequence[Mapping[str, Any]], machine: str) -> None:
    """Draw rate and slowest percent of one and more processes over PostgreSQL, beside one over SQLite."""
    values = {one["name"]: one["value"] for one in figures}
    kinds = [name.removesuffix(": accept") for name in values if name.endswith(": accept")]
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH_IN, 0.8 * HEIGHT_IN), layout="constrained")
    for place, ending, title in zip(
        axes, ("accept", "p99, full load"), ("accepted a second", "p99 at full load, ms: less is better"), strict=True
    ):
        rows = {kind: values[f"{kind}: {ending}"] for kind in kinds}
        _bars(place, {kind.replace(" x ", ", processes: "): value for kind, value in rows.items()}, title, "PostgreSQL")
    fig.supxlabel(machine, fontsize=7)
    _save(fig, "processes")


def _save(fig: Any, name: str) -> None:
    PLACE.mkdir(exist_ok=True)
    fig.savefig(PLACE / f"{name}.svg", metadata={"Date": None})
    print(PLACE / f"{name}.svg")


def main() -> None:
    """Draw what was asked for from the file that was named."""
    which, file = sys.argv[1:]
    told = json.loads(Path(file).read_text())
    facts = told["machine"]
    machine = (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, Python {facts['python']}, "
        f"fdatasync {facts['fdatasync_p50_ms']} ms, load {facts['load_average'][0]}"
    )
    {"peers": peers, "million": million, "nodes": nodes}[which](told["figures"][which], machine)


if __name__ == "__main__":
    main()
