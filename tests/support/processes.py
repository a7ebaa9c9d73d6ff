"""
Two States as real processes: ``isthmus`` itself, with a clock that a drill moves and faults that it plants.

What is run is the command as it is installed, at debug level, with the interpreter's own crash reports switched on and
core dumps allowed. Two things are put in its place: the machine's clock, which reads a file, and a few functions that
first look whether a drill wants them to fail.

    python -m tests.support.processes DIRECTORY isthmus-arguments…
"""

import asyncio
import contextlib
import faulthandler
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.pair import free_port
from gateway import app, settings
from gateway.cli import main as command
from gateway.cli import serve
from gateway.demo.clock import START
from gateway.demo.states import ASKED, ASKING, Ports, StateOf, make_states
from gateway.http import local_api
from gateway.services import deliver, receive
from gateway.services.clear import Clear
from gateway.storage.sqlite import SqliteStore
from gateway.web.visit import Visit

ROOT = Path(__file__).resolve().parents[2]
COUNTRIES = (ASKING, ASKED)
WORDS = "two States that were invented for a drill"
READY_S = 180.0
STOP_S = 60.0

WIPING: Mapping[str, str] = {
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
}
"""The environment in which the C library writes over whatever is given back to it (``docs/operations.md``)."""


# What runs in each process.


class FileClock:
    """The ``Clock`` port: a beginning and how long ago it was, both read from a file whenever somebody asks."""

    def __init__(self, file: Path) -> None:
        """Read ``file``, which holds an instant and the seconds of the machine's own clock at which it was."""
        self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)

    def now(self) -> datetime:
        """Return the present instant of the drill."""
        instant, machine_s = os.pread(self._descriptor, 64, 0).split()
        return datetime.fromisoformat(instant.decode()) + timedelta(seconds=time.time() - float(machine_s))

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` of the drill's time have passed."""
        until = self.now() + timedelta(seconds=seconds)
        while (left_s := (until - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left_s, 0.1))


def write_clock(file: Path, instant: datetime) -> None:
    """Let it be ``instant`` from now on."""
    text = f"{instant.astimezone(UTC).isoformat()} {time.time():.6f}".ljust(63) + "\n"
    if file.exists():
        with file.open("r+b") as held:
            held.write(text.encode())  # in one write, and as long as before: whoever reads sees the one or the other
    else:
        file.write_text(text)


FAULTS: Mapping[str, tuple[Any, str]] = {
    "api": (Clear, "new"),
    "list": (local_api._Door, "_queue"),
    "deliver": (deliver.Deliverer, "_post"),
    "receive": (receive.Receiver, "receive"),
    "store": (SqliteStore, "commit"),
    "page": (Visit, "page"),
}
"""Where a drill may have a fault happen, by a name for it."""


def plant(directory: Path) -> None:
    """Have each function of ``FAULTS`` fail as often as there are files of its name, with what the file says."""
    for name, (owner, attribute) in FAULTS.items():
        setattr(owner, attribute, _failing(getattr(owner, attribute), directory, name))


def _failing(real: Callable[..., Any], directory: Path, name: str) -> Callable[..., Any]:
    def trip() -> None:
        for file in sorted(directory.glob(f"{name}.*")):
            with contextlib.suppress(FileNotFoundError):
                text = file.read_text(encoding="utf-8")
                file.unlink()
                raise RuntimeError(text)

    @wraps(real)
    def plain(*args: Any, **rest: Any) -> Any:
        trip()
        return real(*args, **rest)

    return plain


def run_command(directory: Path, arguments: Sequence[str]) -> None:
    """Be ``isthmus`` with ``arguments`` under the clock and the faults of ``directory``."""
    faulthandler.enable()
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    real = serve.configure_log
    setattr(serve, "configure_log", lambda stream=None, level=0: real(stream, logging.DEBUG))  # noqa: B010
    setattr(app, "SystemClock", lambda: FileClock(directory / "clock"))  # noqa: B010
    plant(directory / "faults" / os.environ["DRILL_STATE"])
    sys.argv = ["isthmus", *arguments]
    command.main()


# Both of them, from outside.


@dataclass
class Told:
    """What a command said: its exit code and both streams."""

    code: int
    out: bytes
    err: bytes


@dataclass
class Processes:
    """Both States under a directory; ``arguments`` and ``environ`` of every process are kept as they were given."""

    root: Path
    states: Mapping[str, StateOf]
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    """Command lines that this drill made, to tell them from those of the gateway's own children."""

    @property
    def clock(self) -> Path:
        """Return the file that holds the time."""
        return self.root / "drill" / "clock"

    def now(self) -> datetime:
        """Return the present instant of the drill."""
        instant, machine_s = self.clock.read_text().split()
        return datetime.fromisoformat(instant) + timedelta(seconds=time.time() - float(machine_s))

    def move_to(self, instant: datetime) -> None:
        """Let the time until ``instant`` pass; a clock is not put back."""
        write_clock(self.clock, max(instant, self.now()))

    def database(self, country: str) -> Path:
        """Return the database of ``country``."""
        return settings.load(self.states[country].home, {}).database

    def accounts(self, country: str) -> Path:
        """Return the database of the desks of ``country``."""
        return settings.load(self.states[country].home, {}).accounts

    def metrics(self, country: str) -> str:
        """Return where monitoring reads the figures of ``country``."""
        port = settings.load(self.states[country].home, {}).values["listeners"]["metrics"]["port"]
        return f"http://127.0.0.1:{port}/metrics"

    def log(self, country: str) -> Path:
        """Return the file into which the gateway of ``country`` writes both of its streams."""
        return self.root / "logs" / f"{country}.log"

    def _environ(self, country: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.root / "tmp"),
            "DRILL_STATE": country,
            "LANG": "C.UTF-8",
        }

    def _command(self, country: str, arguments: Sequence[str]) -> list[str]:
        home = str(self.states[country].home)
        secret = str(self.root / "drill" / "passphrase")
        at = 2 if arguments[0] not in _PLAIN else 1
        options = ["-C", home, *(["--passphrase-file", secret] if arguments[0] != "preview" else [])]
        given = [*arguments[:at], *options, *arguments[at:]]
        return [sys.executable, "-m", "tests.support.processes", str(self.root / "drill"), *given]

    def start(self, country: str, *, wiping: bool = False) -> None:
        """
        Start the gateway of ``country`` and return once it is ready; ``wiping`` as ``docs/operations.md`` says.

        Raises ``RuntimeError`` if it ends before.
        """
        log = self.log(country)
        begun = log.stat().st_size if log.exists() else 0
        with log.open("ab") as stream:
            self.running[country] = subprocess.Popen(
                self._command(country, ["serve"]),
                cwd=self.root / "crashes",
                env={**self._environ(country), **(WIPING if wiping else {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                preexec_fn=_allow_cores,
            )
        until = time.monotonic() + READY_S
        while b'"gateway.ready"' not in log.read_bytes()[begun:]:
            if self.running[country].poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{country} did not start:\n{log.read_bytes()[begun:].decode()[-2000:]}")
            time.sleep(0.05)

    def stop(self, country: str, number: int = signal.SIGTERM) -> int:
        """Send a signal to the gateway of ``country``, wait until it ended, and return its status."""
        node = self.running.pop(country)
        if node.poll() is None:
            node.send_signal(number)
        return node.wait(STOP_S)

    async def isthmus(self, country: str, *arguments: str, given: bytes = b"") -> Told:
        """Run a command of ``country`` with ``given`` on its standard input."""
        child = await asyncio.create_subprocess_exec(
            *self._command(country, arguments),
            cwd=self.root / "crashes",
            env=self._environ(country),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_allow_cores,
        )
        out, err = await child.communicate(given)
        return Told(child.returncode or 0, out, err)

    def fault(self, country: str, name: str, texts: Sequence[str]) -> None:
        """Let the function ``name`` of ``FAULTS`` fail once for each of ``texts``."""
        for number, text in enumerate(texts):
            file = self.root / "drill" / "faults" / country / f"{name}.{number:03}"
            made = file.with_name(f"made-{file.name}")
            made.write_text(text, encoding="utf-8")
            made.rename(file)

    def close(self) -> None:
        """End what still runs."""
        for country in list(self.running):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                self.stop(country)


_PLAIN = frozenset({"serve", "preview", "overdue", "note-verbale", "check", "access", "stats"})
"""Commands without a second word."""


def _allow_cores() -> None:
    """Let a crash leave a core, as on a machine where nobody switched that off."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def make_processes(root: Path, notices: str) -> Processes:
    """Make both homes with empty databases; ``notices`` is the configuration of notices, with ``{country}`` in it."""
    for part in ("homes", "tmp", "crashes", "logs", "backups", "drill"):
        (root / part).mkdir()
    for country in COUNTRIES:
        (root / "drill" / "faults" / country).mkdir(parents=True)
    secret = root / "drill" / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(WORDS)
    ports = {country: Ports(*(free_port() for _ in range(3))) for country in COUNTRIES}
    made = Processes(root, make_states(root / "homes", ports, START, WORDS, desks=True))
    for state in made.states.values():
        with (state.home / settings.FILE_NAME).open("a", encoding="utf-8") as file:
            file.write(notices.replace("{country}", state.country.lower()))
            file.write(f"\n[listeners.metrics]\nport = {free_port()}\n")
        key = state.home / "hook.secret"
        key.touch(mode=0o600)
        key.write_text("sixteen characters and more")
    write_clock(made.clock, START)
    asyncio.run(_make_databases(made))
    return made


async def _make_databases(made: Processes) -> None:
    for state in made.states.values():
        gateway = await app.build(
            settings.load(state.home, {}),
            passphrase=lambda: WORDS,
            environ={},
            clock=FileClock(made.clock),
            log=lambda *_, **__: None,
            create=True,
        )
        await gateway.refresh_trust()
        await gateway.close()


# What the system shows of a process to whoever may look.


def family(process: int) -> list[int]:
    """Return ``process`` and every process that came of it."""
    found = [process]
    for one in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def shown(process: int) -> Iterator[tuple[str, bytes]]:
    """Yield the command line and the environment of a process."""
    for name in ("cmdline", "environ"):
        with contextlib.suppress(OSError):
            yield name, Path(f"/proc/{process}/{name}").read_bytes()


def memory(process: int, most: int = 64 << 20) -> Iterator[bytes]:
    """Yield what the memory of ``process`` holds, in parts of at most ``most`` bytes that lie over one another."""
    with Path(f"/proc/{process}/maps").open() as maps, Path(f"/proc/{process}/mem").open("rb", 0) as raw:
        for line in maps:
            bounds, rights, *rest = line.split()
            if "w" not in rights or rest[-1] in ("[vvar]", "[vsyscall]"):
                continue
            begin, end = (int(one, 16) for one in bounds.split("-"))
            for at in range(begin, end, most):
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    raw.seek(at)
                    yield raw.read(min(most + 4096, end - at))


def unlinked(process: int) -> Iterator[bytes]:
    """Yield what is in files that a process has open and nobody can name any more."""
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(entry).endswith(" (deleted)"):
                yield entry.read_bytes()


if __name__ == "__main__":
    run_command(Path(sys.argv[1]), sys.argv[2:])
