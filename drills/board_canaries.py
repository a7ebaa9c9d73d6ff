"""
Looks for a thousand invented persons on the board of foreign affairs, where no value of any of them may be.

Every element and every field of the record of each case is a canary: a value that stands nowhere else. The cases are
sent, acknowledged, answered, stopped and marked; the board reminds, puts aside, drafts, issues and tests. Then every
page, file and paper that links lead to is read in three languages, with headers, addresses and the log of the gateway,
and each canary is looked for in every script, fold and encoding.

    python -m drills.board_canaries [--cases 1000] [--seed N]
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.support.network import make_network
from tests.web.board.canaries import search
from tests.web.board.support import board_desk


async def run(cases: int, seed: int) -> int:
    """Search and print what was found; return how many canaries were."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        network = await make_network(Path(directory))
        try:
            async with board_desk(network, Path(directory)) as desk:
                opened, canaries, pages, found = await search(desk, cases, seed)
        finally:
            await network.close()
    taken = time.monotonic() - began
    print(f"{opened} cases, {canaries} canaries, {pages} addresses, seed {seed}: {len(found)} found ({taken:.0f} s)")
    return len(found)


def main() -> None:
    """Run the drill; exit 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="board_canaries", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    asked = parser.parse_args()
    sys.exit(1 if asyncio.run(run(asked.cases, asked.seed)) else 0)


if __name__ == "__main__":
    main()
