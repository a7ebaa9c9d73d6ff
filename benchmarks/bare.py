"""
The bare pipeline: what any server has to do with an envelope, and nothing else.

Over HTTP: open, verify the signature, parse, validate by ``jsonschema-rs``, one insert, one commit for all who wait
(WAL, ``synchronous=FULL``), a signed receipt. No rules, no case, no log, no order, no replay, no limits.

    python -m benchmarks.bare DIRECTORY DATABASE      (DIRECTORY of a pair; plays XBB; prints its port)
"""

import asyncio
import hashlib
import json
import sqlite3
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web

import schemas
from benchmarks.pair import Pair
from gateway.core import envelope
from gateway.http.listen import runner_settings
from gateway.storage.sqlite import PRAGMAS
from keys import b64, jws

Row = tuple[bytes, str, bytes]


class Inserts:
    """Group commit in its smallest form: whoever waits while a commit is under way is in the next one."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in PRAGMAS:
            self._db.execute(pragma).fetchall()
        self._db.execute("CREATE TABLE message (digest BLOB PRIMARY KEY, type TEXT, payload BLOB) STRICT")
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._busy = False
        self._thread = ThreadPoolExecutor(1)

    async def add(self, row: Row) -> None:
        """Return once ``row`` is on disk."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((row, done))
        if self._busy:
            return await done
        self._busy = True
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await loop.run_in_executor(self._thread, self._insert, [row for row, _ in batch])
            for _, each in batch:
                each.set_result(None)
        self._busy = False
        return None

    def _insert(self, rows: Sequence[Row]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO message VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")


async def serve(root: Path, database: Path) -> None:
    """Serve until cancelled, with the keys of XBB in the pair at ``root``."""
    gateway = await Pair(root).open("XBB")
    keyring, trust, clock = gateway.context.keyring, gateway.context.trust, gateway.context.clock
    inserts = Inserts(database)

    async def messages(request: web.Request) -> web.Response:
        parsed = envelope.parse(await request.read(), frozenset({1}))
        signed = jws.parse(
            envelope.unpad(keyring.sealing[parsed.kid].open(parsed.head, parsed.enc_ct)), jws.TYP_MESSAGE
        )
        payload = json.loads(signed.payload)
        signed.verify(trust.signing_key(payload["from"], signed.kid, clock.now()))
        if not schemas.is_valid(payload["type"], payload["body"]):
            raise web.HTTPBadRequest
        digest = hashlib.sha256(signed.payload).digest()
        await inserts.add((digest, payload["type"], signed.payload))
        claims = {"to": payload["from"], "payload": b64.encode(digest), "status": "accepted"}
        return web.Response(body=jws.sign(json.dumps(claims).encode(), jws.TYP_RECEIPT, keyring.signing))

    app = web.Application()
    app.router.add_post("/xg/1/messages", messages)
    runner = web.AppRunner(app, **runner_settings())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await gateway.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
