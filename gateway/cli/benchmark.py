"""``isthmus benchmark``: what this machine can do, beside the bare primitives; see ``docs/performance.md``."""

import subprocess
import sys
from pathlib import Path

import click

import gateway
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import json_option

ROOT = Path(gateway.__file__).resolve().parents[1]
"""Where the benchmarks stand beside the packages in a source checkout. An installed gateway does not carry them."""


@click.command()
@click.argument("which", type=click.Choice(["seal", "accept", "exchange", "start", "pages", "all"]), default="all")
@click.option("--seconds", type=click.FloatRange(min=1), default=24.0, show_default=True, help="Roughly, for each.")
@json_option
def benchmark(which: str, seconds: float, as_json: bool) -> None:
    """
    Print machine, settings and figures: sealing, accepting, whole exchanges, start and memory, pages of the desks.

    Each is measured in processes of its own that end with the command. Nothing fails because a machine is slow.
    """
    if not (ROOT / "benchmarks" / "__main__.py").is_file():
        raise CommandError(
            Exit.USAGE,
            "no-benchmarks",
            "the benchmarks are part of the source, not of an installed gateway",
            "run it in a source checkout: make benchmark",
        )
    # A process of its own: what is measured is not slowed down or fed by what the command line has loaded.
    command = [sys.executable, "-m", "benchmarks", which, "--seconds", str(seconds), *(["--json"] if as_json else [])]
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603  (a fixed program; the only words are choices)
    if done.returncode:
        raise CommandError(
            Exit.FINDINGS, "benchmark", f"the benchmark ended with status {done.returncode}", "its last lines say why"
        )
