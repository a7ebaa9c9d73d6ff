"""Run one benchmark or all: ``python -m benchmarks [seal|accept|exchange|start|pages|all] [--seconds N] [--json]``."""

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import accept, exchange, pages, seal, start
from benchmarks.figures import Figure
from benchmarks.machine import describe, machine

BENCHMARKS: dict[str, Callable[[float], list[Figure]]] = {
    "seal": seal.run,
    "accept": accept.run,
    "exchange": exchange.run,
    "start": start.run,
    "pages": pages.run,
}
SECONDS = 24.0


def main() -> None:
    """Measure what was asked for and print machine, settings and figures."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("which", nargs="?", default="all", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="roughly, for each benchmark")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    facts = machine()
    if not asked.json:
        print("\n".join(["machine and settings", *describe(facts)]), flush=True)
    figures: dict[str, list[Figure]] = {}
    for name in BENCHMARKS if asked.which == "all" else [asked.which]:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        figures[name] = BENCHMARKS[name](asked.seconds)
        if not asked.json:
            print("\n".join([name, *(figure.line() for figure in figures[name])]), flush=True)
    if asked.json:
        told = {name: [figure.to_dict() for figure in found] for name, found in figures.items()}
        print(json.dumps({"machine": facts, "figures": told}))


if __name__ == "__main__":
    main()
