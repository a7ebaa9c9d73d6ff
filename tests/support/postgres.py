"""
A throw-away PostgreSQL cluster: made in a temporary folder, reached at a free port of loopback, gone with the session.

PostgreSQL does not run as root; where a test does, the server runs as the user ``postgres`` of the system.
"""

import asyncio
import itertools
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmarks.pair import free_port

T = TypeVar("T")

USER = "isthmus"
SERVER_USER = "postgres"

QUICK = ("fsync=off", "full_page_writes=off", "autovacuum=off")
"""For tests that pull no plug: what the operating system was given survives the death of the server anyway."""

EMPTIED = """
DO $$
DECLARE filled text;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
    SELECT string_agg(relid::regclass::text, ', ') INTO filled FROM pg_stat_user_tables
    WHERE relname <> 'schema_migration' AND pg_relation_size(relid) > 0;
    IF filled IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || filled || ' CASCADE';
    END IF;
    PERFORM setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
"""Takes out of a database what a test left: connections, settings, every row but the record of its migrations."""


def binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``pg_ctl`` of the newest server installed, or ``None``."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists() and (folder / "initdb").exists()), None)


@dataclass(slots=True)
class Cluster:
    """A server that was started, and the databases made in it."""

    folder: Path
    tools: Path
    port: int
    password: str
    settings: tuple[str, ...]
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def dsn(self, name: str = "postgres") -> str:
        """Return the address of a database."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        chosen = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        options = " ".join(f"-c {name}={value or repr('')}" for name, value in chosen.items())
        options += "".join(f" -c {one}" for one in self.settings)
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "server.log", "-w", "-t", "60", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; ``immediate`` is as a crash."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    @property
    def data(self) -> Path:
        """Return the folder of the cluster's data."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """Return the process id of the server, whose death ends every process of it."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def create(self, template: str = "template1") -> str:
        """Make a database of its own and return its address."""
        name = f"t{next(self._names)}"
        apart(self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"'))
        return self.dsn(name)

    async def execute(self, statement: str, dsn: str | None = None) -> Any:
        """Run a statement of the test and return its rows."""
        import asyncpg

        db = await asyncpg.connect(dsn or self.dsn())
        try:
            return await db.fetch(statement)
        finally:
            await db.close()

    def _run(self, tool: str, *arguments: str | Path) -> None:
        command = [str(self.tools / tool), *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, timeout=120, **_as_server())
        if done.returncode:
            raise RuntimeError(f"{tool}: {done.stderr.decode()[-500:]}")


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on a loop of its own, also where another loop is running, and return what it does."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def cluster(*settings: str) -> Iterator[Cluster]:
    """Make a cluster with ``settings``, start it, and remove it in the end. Skips the test where there is no server."""
    tools = binaries()
    if tools is None:
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="isthmus-postgres-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam(SERVER_USER).pw_uid, -1)
        password = secrets.token_hex(8)
        secret = folder / "password"
        secret.write_text(password)
        if os.geteuid() == 0:
            os.chown(secret, pwd.getpwnam(SERVER_USER).pw_uid, -1)
        made = Cluster(folder, tools, free_port(), password, settings)
        made._run(
            "initdb", "-D", made.data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}",
            "--no-locale", "-E", "UTF8", "--no-sync",
        )  # fmt: skip
        made.start()
        try:
            yield made
        finally:
            made.stop("immediate")


def _as_server() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(SERVER_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
