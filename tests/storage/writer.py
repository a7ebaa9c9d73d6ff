"""
Commit units to a store from a process of its own, printing the name of each once it is acknowledged.

Usage: writer.py PATH PREFIX COUNT (0: until killed). Each unit sets one named value and adds 1 to ``count``.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from gateway.services.ports import Tx
from gateway.storage import Worker, open_store
from tests.storage.support import Signer


async def main(path: str, prefix: str, count: int) -> None:
    """Run eight committers until ``count`` units are acknowledged."""
    worker = Worker()
    store = await open_store(Path(path), run=worker, sign_batch=Signer(), now=datetime.now(UTC))
    numbers = iter(range(count or 10**9))

    async def committer() -> None:
        for number in numbers:
            name = f"{prefix}-{number}"

            async def unit(tx: Tx, name: str = name) -> None:
                await tx.set_meta(name, "x" * 200)
                await tx.set_meta("count", str(int(await tx.find_meta("count") or 0) + 1))

            await store.commit(unit)
            sys.stdout.write(name + "\n")
            sys.stdout.flush()

    await asyncio.gather(*(committer() for _ in range(8)))
    await store.close()
    worker.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
