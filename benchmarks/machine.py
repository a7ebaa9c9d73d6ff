"""The machine and the settings that the figures belong to; without them a figure says nothing."""

import os
import platform
import sqlite3
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.figures import median

PACKAGES = ("isthmus", "aiohttp", "cryptography", "PyNaCl", "jsonschema-rs", "joserfc", "jwcrypto", "aiosmtpd")
BLOCK_BYTES = 4096


def machine(directory: Path | None = None) -> dict[str, Any]:
    """Return machine, versions, store settings, load, and the time of ``fdatasync`` in ``directory``."""
    from gateway.storage.sqlite import PRAGMAS

    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "store": [pragma.removeprefix("PRAGMA ") for pragma in PRAGMAS],
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "fdatasync_p50_ms": round(fdatasync_s(directory) * 1000, 3),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    """Return the name of the processor; Linux tells it in a file, others through ``platform``."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def fdatasync_s(directory: Path | None = None, times: int = 200) -> float:
    """Return the median seconds of one block appended and synced in ``directory`` (default: the temporary one)."""
    sync = getattr(os, "fdatasync", os.fsync)
    taken = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(times):
            os.write(file.fileno(), b"x" * BLOCK_BYTES)
            began = perf_counter()
            sync(file.fileno())
            taken.append(perf_counter() - began)
    return median(taken)


def describe(facts: dict[str, Any]) -> list[str]:
    """Return the lines that say on what, and with what settings, was measured."""
    packages = _listed(facts["packages"])
    lines = [
        f"  {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}",
        f"  Python {facts['python']}, SQLite {facts['sqlite']}, {packages}",
        f"  store: {'; '.join(facts['store'])}",
        f"  fdatasync of 4 KiB, p50: {facts['fdatasync_p50_ms']} ms; load average {facts['load_average']}",
    ]
    return [*lines, f"  environment of AS2: {_listed(facts['peers'])}"] if "peers" in facts else lines


def _listed(packages: dict[str, str]) -> str:
    return ", ".join(f"{name} {found}" for name, found in packages.items())


if __name__ == "__main__":
    sys.stdout.write("\n".join(describe(machine())) + "\n")
