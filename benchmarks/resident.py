"""How much memory a process holds, and how much processor time it has used."""

import os
import subprocess
from pathlib import Path
from shutil import which


def resident_mib(pid: int) -> float:
    """Return the resident memory of process ``pid`` in MiB, as ``ps`` tells it on Linux and macOS."""
    return int(_ps("rss=", pid)) / 1024


def processor_s(pid: int) -> float:
    """
    Return the processor time of process ``pid`` in seconds, to a hundredth: its own and the system's for it.

    Unlike a rate it hardly changes with what else the machine does, so it shows what the work itself costs.
    """
    file = Path(f"/proc/{pid}/stat")
    if file.exists():
        # The second field is the name in brackets and may hold anything; user and system time stand 12 and 13 behind.
        fields = file.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    seconds = 0.0
    for part in _ps("time=", pid).replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def family_processor_s(pid: int) -> float:
    """Return the processor time of process ``pid`` and of its children that live, in seconds."""
    table = _ps("pid=,ppid=").splitlines()
    children = [int(child) for child, parent in map(str.split, table) if int(parent) == pid]
    return sum(map(processor_s, [pid, *children]))


def _ps(columns: str, pid: int | None = None) -> str:
    whose = ["-A"] if pid is None else ["-p", str(pid)]
    command = [which("ps") or "/bin/ps", *whose, "-o", columns]
    told = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603  (a fixed program and a number)
    return told.stdout.strip()
