"""
Signed and encrypted e-mail: S/MIME by pyca/cryptography over SMTP by aiosmtpd, between two stations on loopback.

Counted is SMTP, the receiver's decryption and verification, and its file synced to disk before the 250; with a receipt
also the way back. Over TLS 1.3 or without, as asked for. In its favour: no spool and no database, no chain of
certificates, no filter, no log.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.pair import free_port
from benchmarks.peers.mail_station import NAMES
from benchmarks.peers.program import Ask, module, program, with_receiver
from benchmarks.peers.smime import Holder
from benchmarks.peers.tls import make_certificate


@asynccontextmanager
async def stations(root: Path, threads: int, way: str, *, tls: bool) -> AsyncIterator[Ask]:
    """Run both stations under ``root`` and yield what has the left one send in the given ``way``."""
    for name in NAMES:
        Holder.make(name).save(root / f"{name}.pem")
    if tls:
        make_certificate(root)
    line = "tls" if tls else "plain"
    ports = {name: str(free_port()) for name in NAMES}

    def command(name: str, other: str) -> tuple[str, ...]:
        station = "benchmarks.peers.mail_station"
        return module(station, str(root), name, ports[name], ports[other], str(threads), way, line)

    left, right = NAMES
    async with program(*command(right, left)) as (receiver, _), program(*command(left, right)) as (sender, _):
        yield with_receiver(sender.ask, receiver.pid)
