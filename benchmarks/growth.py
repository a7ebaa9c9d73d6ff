"""
How much a message adds to the store: with its body, and when everything has been dropped that may be.

XBB accepts requests, each of a case of its own, so what a message adds includes its case, its steps and its receipt in
the log. Then every case is erased as the retention does it, and the stored answers go. What is left is what evidence
needs: ids, digests, the log. A file is not smaller for an erasure; its free pages are used again. So both figures are
of a copy without free pages (``VACUUM INTO``), less what an empty store weighs.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from benchmarks import accept
from benchmarks.figures import Figure
from benchmarks.load import child
from benchmarks.pair import Pair, make_pair
from gateway.core import wire
from gateway.services.receive import ANSWER_GRACE_S
from tests.support.erased import erase

MESSAGES = 1000
WITH_BODY_KIB, WITHOUT_KIB = 16, 3


def run(seconds: float = 10.0) -> list[Figure]:
    """Accept ``MESSAGES`` messages whatever ``seconds`` says; returns the bytes of one, with its body and without."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return asyncio.run(_run(Path(directory)))


async def _run(root: Path) -> list[Figure]:
    pair = make_pair(root, tls=False)
    for country in ("XAA", "XBB"):
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        if country == "XAA":
            await asyncio.to_thread(accept.write_envelopes, gateway, root / "envelopes", MESSAGES)
        await gateway.close()
    empty = _packed(pair)
    async with child("benchmarks.accept", "serve", str(root), "alone") as (_, said):
        await accept.load(said["port"], pair, 0, MESSAGES)
    full = _packed(pair)
    await _erase(pair)
    bare = _packed(pair)
    return [
        Figure("a message with its body", (full - empty) / MESSAGES / 1024, "KiB", WITH_BODY_KIB, less=True),
        Figure("a message without", (bare - empty) / MESSAGES / 1024, "KiB", WITHOUT_KIB, less=True),
    ]


async def _erase(pair: Pair) -> None:
    """Erase every case, and drop every stored answer as if its time had come."""
    gateway = await pair.open("XBB")
    context = gateway.context
    now = context.clock.now()
    for ref in await context.store.read(lambda tx: tx.case_refs("", MESSAGES)):
        await erase(gateway, ref, now)
    later = now + wire.MAX_VALIDITY + timedelta(seconds=2 * ANSWER_GRACE_S)
    await context.store.commit(lambda tx: tx.purge_answers(later, ANSWER_GRACE_S, MESSAGES))
    await gateway.close()


def _packed(pair: Pair) -> int:
    """Return the bytes of XBB's store without free pages."""
    copy = pair.root / "packed.db"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(pair.database("XBB"))) as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    return copy.stat().st_size


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
