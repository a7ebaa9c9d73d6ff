"""
``isthmus benchmark``: what this machine can do, beside the bare primitives and beside what others use.

See ``docs/performance.md`` and ``docs/benchmarks.md``.
"""

import subprocess
import sys
from pathlib import Path

import click

import gateway
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import json_option

ROOT = Path(gateway.__file__).resolve().parents[1]
"""Where the benchmarks stand beside the packages in a source checkout. An installed gateway does not carry them."""


NAMES = ("seal", "accept", "exchange", "start", "growth", "pages", "peers", "million", "nodes", "all")


@click.command()
@click.argument("which", metavar="[WHAT]", type=click.Choice(NAMES), default="all")
@click.option("--seconds", type=click.FloatRange(min=1), default=24.0, show_default=True, help="Roughly, for each.")
@click.option("--cases", type=click.IntRange(min=1), help="The most cases that 'million' fills in.")
@click.option("--postgresql", is_flag=True, help="Have 'million' measure accepting over PostgreSQL.")
@json_option
def benchmark(which: str, seconds: float, cases: int | None, postgresql: bool, as_json: bool) -> None:
    """
    Print machine, settings and figures of WHAT: seal, accept, exchange, start, growth or pages; by default all of them.

    'peers' measures beside AS2, signed e-mail and JOSE (run 'make peers' once), 'million' with a million cases in the
    store, 'nodes' with many processes over PostgreSQL; 'all' leaves these out. Each is measured in processes of its own
    that end with the command. Nothing fails because a machine is slow.
    """
    if which != "million" and (postgresql or cases is not None):
        raise click.UsageError(f"--cases and --postgresql are of 'million'; '{which}' is measured without them")
    if not (ROOT / "benchmarks" / "__main__.py").is_file():
        raise CommandError(
            Exit.USAGE,
            "no-benchmarks",
            "the benchmarks are part of the source, not of an installed gateway",
            "run it in a source checkout: make benchmark",
        )
    # A process of its own: what is measured is not slowed down or fed by what the command line has loaded.
    command = [sys.executable, "-m", "benchmarks", which, "--seconds", str(seconds)]
    command += [] if cases is None else ["--cases", str(cases)]
    command += [*(["--postgresql"] if postgresql else []), *(["--json"] if as_json else [])]
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603  (a fixed program; the only words are choices)
    if done.returncode:
        raise CommandError(
            Exit.FINDINGS, "benchmark", f"the benchmark ended with status {done.returncode}", "its last lines say why"
        )
