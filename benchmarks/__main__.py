"""Run one benchmark or all of the short ones: ``python -m benchmarks [NAME|all] [--seconds N] [--json]``."""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial

from benchmarks import accept, exchange, growth, million, pages, seal, start
from benchmarks.figures import Figure
from benchmarks.machine import describe, machine

Run = Callable[[float], list[Figure]]

BENCHMARKS: dict[str, Run] = {
    "seal": seal.run,
    "accept": accept.run,
    "exchange": exchange.run,
    "start": start.run,
    "growth": growth.run,
    "pages": pages.run,
}
"""What ``all`` runs. ``peers`` and ``nodes`` need more installed, and ``million`` a quarter of an hour and 25 GB."""

SECONDS = 24.0


def main() -> None:
    """Measure what was asked for and print machine, settings and figures."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("which", nargs="?", default="all", choices=[*BENCHMARKS, "peers", "million", "nodes", "all"])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="roughly, for each benchmark")
    parser.add_argument("--cases", type=int, default=million.CASES, help="the most cases that 'million' fills in")
    parser.add_argument("--postgresql", action="store_true", help="'million' over PostgreSQL: accepting alone")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    facts = machine()
    chosen = dict(BENCHMARKS)
    if asked.which == "peers":
        chosen["peers"], facts["peers"] = _peers()
    elif asked.which == "million":
        chosen["million"] = partial(million.run, cases=asked.cases, shared=asked.postgresql)
    elif asked.which == "nodes":
        chosen["nodes"] = _nodes()
    if not asked.json:
        print("\n".join(["machine and settings", *describe(facts)]), flush=True)
    figures: dict[str, list[Figure]] = {}
    for name in BENCHMARKS if asked.which == "all" else [asked.which]:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        figures[name] = chosen[name](asked.seconds)
        if not asked.json:
            print("\n".join([name, *(figure.line() for figure in figures[name])]), flush=True)
    if asked.json:
        told = {name: [figure.to_dict() for figure in found] for name, found in figures.items()}
        print(json.dumps({"machine": facts, "figures": told}))


def _nodes() -> Run:
    """Return the benchmark of many processes, with one partner and with several; says what to do without packages."""
    try:
        from benchmarks import nodes, partners
    except ModuleNotFoundError as missing:
        raise SystemExit(f"error: {missing.name} is not installed\nhint: run 'make check' once") from None
    return lambda seconds: [*nodes.run(seconds), *partners.run(seconds / 2)]


def _peers() -> tuple[Run, dict[str, str]]:
    """Return the benchmark beside the peers and what of AS2 is installed; says what to do where they are missing."""
    try:
        from benchmarks.peers import as2, beside
    except ModuleNotFoundError as missing:
        raise SystemExit(f"error: {missing.name} is not installed\nhint: run 'make peers' once") from None
    return beside.run, dict(as2.versions())


if __name__ == "__main__":
    main()
