"""
AS2 (RFC 4130) as django-pyas2 does it: signed, encrypted, answered in the same request by a signed receipt (MDN).

Two stations, each a Django project on SQLite with a home of its own; the receiving one is served by Gunicorn with two
workers. Counted is what ``Message.send_message`` does: HTTP over loopback, the receiver's decryption, verification,
storing and signing, and on this side the receipt verified and stored. Over TLS 1.3 or without, as asked for. In its
favour: keys that are not encrypted on disk, no chain of certificates, files that are written and not synced.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from benchmarks.pair import free_port
from benchmarks.peers.mail_station import NAMES, PAYLOAD_BYTES
from benchmarks.peers.program import STARTS_IN_S, Ask, program, with_receiver
from benchmarks.peers.tls import make_certificate

PYTHON = Path(sys.prefix) / "as2" / "bin" / "python"
SITE = Path(__file__).with_name("as2_site.py")
PACKAGES = ("django-pyas2", "pyas2lib", "Django", "gunicorn", "cryptography")
WORKERS = 2

_VERSIONS = (
    "import sys, json; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
)


def versions() -> Mapping[str, str]:
    """Return the versions in the environment of AS2. Raises ``SystemExit`` where there is none."""
    if not PYTHON.exists():
        raise SystemExit(f"there is no environment for django-pyas2 at {PYTHON}: run 'make peers'")
    told = subprocess.run([PYTHON, "-c", _VERSIONS, *PACKAGES], capture_output=True, check=True, env=_environ())  # noqa: S603
    found: Mapping[str, str] = json.loads(told.stdout)
    return found


@asynccontextmanager
async def stations(root: Path, threads: int, *, tls: bool) -> AsyncIterator[Ask]:
    """Make both stations under ``root``, serve the right one, and yield what has the left one send."""
    port = free_port()
    keys = root / "keys"
    keys.mkdir()
    for name in NAMES:
        (root / name / "media").mkdir(parents=True)
        made = [PYTHON, SITE, "make", name, keys, f"{'https' if tls else 'http'}://127.0.0.1:{port}/as2receive"]
        subprocess.run(list(map(str, made)), check=True, env=_environ(root / name))  # noqa: S603
    serve = f"""--chdir {SITE.parent} --bind 127.0.0.1:{port} --workers {WORKERS} --threads {threads // WORKERS}
        --no-control-socket --log-level warning as2_site:application"""
    trusted = {}
    if tls:
        certificate = make_certificate(root)
        serve = f"--certfile {certificate} --keyfile {certificate} {serve}"
        trusted = {"REQUESTS_CA_BUNDLE": str(certificate)}
    with subprocess.Popen([PYTHON, "-m", "gunicorn", *serve.split()], env=_environ(root / "right")) as server:  # noqa: S603
        try:
            await _listening(port)
            command = [str(PYTHON), str(SITE), "send", str(PAYLOAD_BYTES), str(threads)]
            async with program(*command, environ=_environ(root / "left") | trusted) as (left, _):
                yield with_receiver(left.ask, server.pid)
        finally:
            server.terminate()


async def _listening(port: int) -> None:
    """Return once somebody listens on ``port``. Raises ``TimeoutError``."""
    async with asyncio.timeout(STARTS_IN_S):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)


def _environ(home: Path | None = None) -> dict[str, str]:
    """Return the environment without what would let it import from ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept if home is None else kept | {"AS2_HOME": str(home)}
